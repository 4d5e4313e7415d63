"""What reads one log format: lines to events."""
