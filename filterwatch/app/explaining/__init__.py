"""What the pass would say of one request, and why: for ``filterwatch explain``.

The request becomes an event as a decoder would give it, goes through the enrichment of the school and is judged by its
rules: nothing is evaluated here.  What is added is words: how the address was read (:mod:`.address`), which entry of
which list counts (:mod:`.listed`), who and when (:mod:`.request`), and what each rule found or lacked (:mod:`.judged`).
"""

from filterwatch.app.explaining.explained import Explained, explain
from filterwatch.app.explaining.request import Request
from filterwatch.app.explaining.written import SCHEMA, as_json

__all__ = ["SCHEMA", "Explained", "Request", "as_json", "explain"]
