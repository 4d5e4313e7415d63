"""Where lines come from: files followed through rotations, exactly once."""
