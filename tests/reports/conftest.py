from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from filterwatch.events import complete


@pytest.fixture
def frame():
    """Make event rows from what differs from an ordinary allowed request; times are seconds after 10:00 UTC."""

    def make(*rows: dict) -> pl.DataFrame:
        out = []
        for number, row in enumerate(rows):
            at = row.pop("at", 0)
            lasted = row.pop("lasted", 0)
            end = datetime(2026, 11, 17, 10, tzinfo=UTC) + timedelta(seconds=at)
            out.append({
                "time": end, "started": end - timedelta(seconds=lasted), "site": "st-pauls", "source": "squid",
                "stream": "s1",
                "line_offset": number * 100, "line_length": 99, "kind": "http", "action": "allowed", "group": "pupils",
                "person": "amy", "device": "cb-1", "client_ip": "10.1.0.1", "identity": "lease", "counted": True,
            } | row)  # fmt: skip
        return complete(pl.DataFrame(out, infer_schema_length=None)) if out else complete(pl.DataFrame()).clear()

    return make
