"""Rules in YAML become Polars expressions."""
