"""The composition root: settings become running parts.

Only this package names concrete parts; everything else is handed what it needs.
"""
