"""Formats whose lines need a reader of their own: a module with a table ``FORMATS``, name -> format."""
