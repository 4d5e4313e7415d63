"""Detections that need state over time."""
