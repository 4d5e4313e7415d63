"""Reports: functions from frames to frames, pages that say what the frames mean, and what renders them."""
