"""journal.db: recent events, detections, quarantine, gaps and offsets, one transaction a batch."""
