"""Pages: what a report says of the frames, before it is rendered."""
