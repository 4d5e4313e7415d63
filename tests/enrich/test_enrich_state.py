"""A stream of events comes out the same wherever it is cut into batches and wherever the daemon restarts."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from once_model import Model

from filterwatch.enrich import Settings, build
from filterwatch.enrich.enrichment import Enrich
from filterwatch.enrich.lease_files import LeaseFiles
from filterwatch.enrich.once import Once
from filterwatch.enrich.people import People, Register
from filterwatch.errors import FilterwatchError
from filterwatch.events import EVENT_SCHEMA

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
PEOPLE = People.model_validate({"ranges": [{"net": "10.0.0.0/30", "group": "pupils"}], "lease_length": "20s"})
WHOLE = build(Settings(people=PEOPLE))
SCHEMA = {name: dtype for name, dtype in EVENT_SCHEMA.items() if name != "counted"}
WHO = ["person", "group", "year", "device", "device_class", "identity"]


def fresh():
    return Enrich(WHOLE._when, WHOLE._where, Register(), PEOPLE, LeaseFiles([]))


clients = st.sampled_from(["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.9"])
names = st.sampled_from(["a.example", "a.example", "b.example"])
keys = st.sampled_from([None, "1", "1", "2"])
streams = st.fixed_dictionaries(
    {"source": st.sampled_from(["x", "x", "x", "y"]), "stream": st.sampled_from(["s", "s", "t"])}
)


def event(kind, **fields):
    return st.tuples(streams, st.fixed_dictionaries(fields)).map(lambda parts: {"kind": kind, **parts[0], **parts[1]})


questions = event(
    "dns",
    client_ip=clients,
    query=names,
    query_type=st.sampled_from(["A", "AAAA", "TXT"]),
    request_key=keys,
    action=st.sampled_from(["unknown", "unknown", "unknown", "allowed", "blocked"]),
    rcode=st.sampled_from([None, None, "NOERROR"]),
)
answers = event(
    "dns",
    client_ip=st.none() | clients,
    query=st.none() | names,
    request_key=keys,
    action=st.sampled_from(["allowed", "blocked", "error"]),
    answer=st.sampled_from(["0.0.0.0", None]),
)
connects = event(
    "http", client_ip=clients, host=names, method=st.just("CONNECT"), bytes_in=st.sampled_from([0, None, 9])
)
connects = connects.map(lambda row: {**row, "url": f"{row['host']}:443"})
gets = event("http", client_ip=clients, host=names, method=st.just("GET"), user=st.sampled_from([None, "jo"]))
gets = gets.map(lambda row: {**row, "url": f"https://{row['host']}/"})
leases = event(
    "lease",
    client_ip=clients,
    client_mac=st.sampled_from(["00:00:00:00:00:01", "00:00:00:00:00:02"]),
    filter_reason=st.sampled_from(["DHCPACK", "DHCPACK", "DHCPRELEASE"]),
)
steps = st.sampled_from([0, 0, 0.1, 0.5, 1, 1.9, 3, 7])


@st.composite
def streams_of_events(draw):
    """Events in order of time, and the places where batches end."""
    rows = draw(st.lists(st.one_of(questions, answers, connects, gets, leases), min_size=12, max_size=40))
    time = NINE
    for row in rows:
        time += timedelta(seconds=draw(steps))
        row["time"] = row["started"] = time
    frame = pl.DataFrame(rows, schema=SCHEMA)
    ends = sorted(draw(st.sets(st.integers(1, len(rows) - 1), min_size=1, max_size=8)))
    return frame, ends


def batches(frame, ends):
    edges = [0, *ends, len(frame)]
    return [frame[first:last] for first, last in pairwise(edges)]


def run(frame, ends, *, restart=False):
    enrich, out = fresh(), []
    for batch in batches(frame, ends):
        out.append(enrich.settle(batch))
        if restart:
            saved, enrich = enrich.state(), fresh()
            enrich.restore(saved)
    return pl.concat(out)


@given(streams_of_events())
@settings(max_examples=30, deadline=None)
def test_a_restart_after_any_batch_changes_nothing(stream):
    assert run(*stream, restart=True).equals(run(*stream))


@given(streams_of_events())
@settings(max_examples=35, deadline=None)
def test_where_a_batch_ends_changes_nothing_but_what_is_promised(stream):
    frame, ends = stream
    whole, cut = run(frame, []), run(frame, ends)
    for out in (whole, cut):
        assert out.select("kind", "time", "host", "query", "url", "method").equals(
            frame.select("kind", "time", "host", "query", "url", "method")
        )
    assert cut.select(WHO).equals(whole.select(WHO))
    assert cut.select("client_ip", "query_type").equals(whole.select("client_ip", "query_type"))
    more = cut["counted"] & ~whole["counted"]
    fewer = whole["counted"] & ~cut["counted"]
    assert not fewer.any()
    late = (pl.col("kind") == "dns") & (pl.col("action") == "blocked")
    opening = (pl.col("method") == "CONNECT") & (pl.col("bytes_in").fill_null(0) == 0)
    assert frame.filter(more).filter(~late.fill_null(value=False) & ~opening.fill_null(value=False)).is_empty()


@given(streams_of_events())
@settings(max_examples=70, deadline=None)
def test_what_counts_is_what_the_rules_told_line_by_line_give(stream):
    once, model = Once(), Model()
    for batch in batches(*stream):
        want = model.counted(batch.to_dicts())
        assert once.add(batch)["counted"].to_list() == want


@given(streams_of_events())
@settings(max_examples=35, deadline=None)
def test_a_device_is_the_one_that_held_the_address_at_that_line(stream):
    frame, ends = stream
    held, want = {}, []
    for row in frame.iter_rows(named=True):
        ip = row["client_ip"]
        if row["kind"] == "lease":
            if row["filter_reason"] == "DHCPACK":
                held[ip] = (row["client_mac"], row["time"])
            elif ip in held and held[ip][0] == row["client_mac"]:
                del held[ip]  # whoever has the address now did not give it back
        lease = held.get(ip)
        fresh = lease is not None and row["time"] - lease[1] < timedelta(seconds=20)
        want.append(row["client_mac"] or (lease[0] if fresh else ip))
    own = frame["client_ip"].is_not_null()
    assert run(frame, ends)["device"].filter(own).to_list() == pl.Series(want).filter(own).to_list()


@given(streams_of_events())
@settings(max_examples=25, deadline=None)
def test_no_block_is_lost_and_no_visit_counts_more_than_twice(stream):
    out = run(*stream)
    dns = out.filter(pl.col("kind") == "dns", pl.col("query_type").is_in(["A", "AAAA"]), pl.col("query").is_not_null())
    # Any counted block of the client speaks for it: lines of one request may name several record types.
    blocks = out.filter(pl.col("kind") == "dns", pl.col("action") == "blocked", pl.col("counted"))
    # A key is one request, of one client: where the draw gave it to two, nothing is promised.
    clients = out.drop_nulls(["request_key", "client_ip"]).group_by("request_key").agg(pl.col("client_ip").n_unique())
    torn = clients.filter(pl.col("client_ip") > 1)["request_key"].to_list()
    for row in dns.filter(pl.col("action") == "blocked").iter_rows(named=True):
        if row["request_key"] in torn:
            continue
        near = blocks.filter(
            pl.col("client_ip") == row["client_ip"],
            (pl.col("time") - row["time"]).abs() <= timedelta(seconds=7),
        )
        assert len(near) > 0
    inside = out.filter(pl.col("method") == "GET")
    assert inside["counted"].all()


def test_the_state_of_another_version_is_left_aside():
    enrich = fresh()
    with pytest.raises(ValueError, match="another layout"):
        enrich.restore(b"filterwatch-enrich-0\nrubbish")
    assert enrich.settle(pl.DataFrame(schema=SCHEMA)).is_empty()


@pytest.mark.parametrize("cut", [25, 40, 400])
def test_a_damaged_state_is_told(cut):
    enrich = fresh()
    with pytest.raises(FilterwatchError, match="saved state of the enrichment is damaged"):
        enrich.restore(enrich.state()[:cut])


def test_a_state_is_small():
    enrich = fresh()
    rows = [
        {
            "kind": "dns", "time": NINE + timedelta(milliseconds=2 * n), "query": f"h{n % 700}.example{n % 90}.co.uk",
            "query_type": "A", "client_ip": f"10.0.{n % 7}.{n % 200}", "request_key": f"812/{n}", "source": "dns",
            "stream": "8:1234:5678",
        }
        for n in range(10_000)
    ]  # fmt: skip
    enrich.settle(pl.DataFrame(rows, schema=SCHEMA))
    assert len(enrich.state()) < 60_000


def test_settings_work_from_end_to_end(tmp_path):
    (tmp_path / "roster.csv").write_text("user,group,year\njo,pupils,5\n")
    said = {"people": {"roster": "roster.csv"}, "calendar": {"bank_holidays": "none"}, "logged_at_start": ["ats"]}
    enrich = build(Settings.model_validate(said), directory=tmp_path)
    row = {
        "time": NINE,
        "kind": "http",
        "user": "JO",
        "host": "www.bing.com",
        "url": "http://www.bing.com/search?q=moss",
    }
    out = enrich.settle(enrich.prepare(pl.DataFrame([row], schema={name: EVENT_SCHEMA[name] for name in row})))
    assert out.select(
        "person", "group", "year", "identity", "domain", "search_terms", "in_school_hours", "counted"
    ).row(0) == ("jo", "pupils", "5", "authenticated", "bing.com", "moss", True, True)
    wanted = {name for name, column in EVENT_SCHEMA.items()} & set(out.columns)
    assert {name: out.schema[name] for name in wanted} == {name: EVENT_SCHEMA[name] for name in wanted}
    assert enrich.troubles() == []
