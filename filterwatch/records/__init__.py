"""Registers and ledger: the Django app."""
