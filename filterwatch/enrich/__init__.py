"""What the school knows about an event: who, where, when, and whether it counts."""
