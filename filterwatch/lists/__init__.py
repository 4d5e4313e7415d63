"""Category lists: compiled index and lookup."""
