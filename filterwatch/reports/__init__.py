"""Reports: functions from frames to frames."""
