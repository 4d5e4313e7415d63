from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.detectors.volume import Settings
from filterwatch.reports.bandwidth import bandwidth
from filterwatch.reports.period import Period
from filterwatch.reports.spool import COLUMNS, Spool


def test_what_was_taken_in_batches_is_given_back_as_one(frame):
    spool = Spool()
    day = pl.lit(date(2026, 11, 17))
    whole = frame(*({"at": n, "bytes_in": n} for n in range(10))).with_columns(local_date=day)
    for part in (whole[:4], whole[4:4], whole[4:9], whole[9:]):
        spool.add(part)
    assert spool.events().collect().sort("bytes_in").equals(whole.select(COLUMNS).sort("bytes_in"))
    assert spool.days == (date(2026, 11, 17), date(2026, 11, 17))


def test_a_batch_without_some_columns_and_an_empty_one_are_taken_too(frame):
    spool = Spool()
    spool.add(pl.DataFrame())
    spool.add(frame({"bytes_in": 5}).select("time", "bytes_in", "device"))
    spool.add(frame({"bytes_in": 7}))
    period = Period(date(2026, 11, 17), date(2026, 11, 17), ZoneInfo("Europe/London"))
    assert bandwidth(spool.events(), period, Settings()).link.down == 12


def test_nothing_taken_is_a_frame_without_rows():
    assert Spool().events().collect().columns == list(COLUMNS)


def test_the_folder_is_nobody_elses_and_goes_with_the_spool(frame):
    spool = Spool()
    spool.add(frame({}))
    folder = spool._folder
    assert folder.stat().st_mode & 0o077 == 0
    del spool
    assert not folder.exists()
