"""Sealed events: hive-partitioned Parquet with a SHA-256 manifest."""
