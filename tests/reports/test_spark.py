"""The same reports on Spark; `pip install 'filterwatch[spark]'` and a Java are needed."""

from datetime import date, time
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from filterwatch.detections import none
from filterwatch.detectors import bypass as signs
from filterwatch.detectors.volume import Settings
from filterwatch.reports.bandwidth import bandwidth
from filterwatch.reports.bypass import bypass
from filterwatch.reports.period import Period
from filterwatch.reports.usage import usage

pyspark = pytest.importorskip("pyspark", reason="the extra spark is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]

WEEK = Period(date(2026, 11, 16), date(2026, 11, 22), ZoneInfo("Europe/London"))
SETTINGS = {
    "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4", "spark.sql.session.timeZone": "Europe/London",
}  # fmt: skip


@pytest.fixture(scope="module")
def session():
    from pyspark.sql import SparkSession  # noqa: PLC0415 - skipped where it is absent

    builder = SparkSession.builder.master("local[2]")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    yield made
    made.stop()


@pytest.fixture
def stored(frame, tmp_path):
    """A file as the archive has it: Enums as text, no time of day."""
    vpn = {"host": "vpn.test", "domain": "vpn.test", "categories": ["bypass", "bypass.vpn"]}
    rows = [
        (vpn if n % 7 == 0 else {"domain": f"d{n % 5}.test"})
        | {"at": n * 40, "lasted": n * n % 5000, "bytes_in": n * 10**6, "person": f"p{n % 3}", "device": f"cb-{n % 3}",
           "action": "blocked" if n % 14 == 0 else "allowed"}
        for n in range(300)
    ]  # fmt: skip
    local = pl.col("started")
    events = frame(*rows).with_columns(
        local_date=local.dt.date(),
        local_minute=local.dt.hour().cast(pl.Int16) * 60 + local.dt.minute(),
        in_school_hours=local.dt.time().is_between(time(8, 30), time(15, 30)),
    )
    texts = (pl.col(name).cast(pl.String) for name, dtype in events.schema.items() if isinstance(dtype, pl.Enum))
    path = tmp_path / "events.parquet"
    events.drop("local_time").with_columns(texts).write_parquet(path)
    return str(path)


REPORTS = {
    "bandwidth": lambda events: bandwidth(events, WEEK, Settings(link_mbit=100)),
    "bypass": lambda events: bypass(events, none(), WEEK, signs.Settings()),
    "usage": lambda events: usage(events, WEEK),
}


@pytest.mark.parametrize("name", REPORTS)
def test_spark_and_polars_report_the_same(session, stored, name):
    here, there = (REPORTS[name](events) for events in (pl.scan_parquet(stored), session.read.parquet(stored)))
    for part in here.__dataclass_fields__:
        one, other = getattr(here, part), getattr(there, part)
        assert one.equals(other) if isinstance(one, pl.DataFrame) else one == other
