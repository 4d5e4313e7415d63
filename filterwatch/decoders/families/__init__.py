"""Families: how a message is cut into texts by key, whatever the vendor; field maps tell what they mean."""
