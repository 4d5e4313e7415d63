"""Detections become alerts: group, silence, route, escalate."""
