"""One request that several lines log counts once, by the line that carries most."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from filterwatch.enrich import tunnels, visits
from filterwatch.enrich.once import Once
from filterwatch.events import EVENT_SCHEMA

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
ALL = EVENT_SCHEMA.names()


def events(*rows):
    rows = [{**row, "time": NINE + timedelta(seconds=row["time"])} for row in rows]
    names = [name for name in ALL if any(name in row for row in rows)]
    return pl.DataFrame(rows, schema={name: EVENT_SCHEMA[name] for name in names})


def counted(*batches):
    once = Once()
    return [once.add(events(*batch))["counted"].to_list() for batch in batches]


def http(time, method, url, **more):
    host = url.removeprefix("https://").partition("/")[0].partition(":")[0]
    client = {"client_ip": "10.0.0.1", "source": "squid", "action": "allowed"}
    return {"kind": "http", "time": time, "method": method, "url": url, "host": host, **client, **more}


def connect(time, host="a.example", size=0, **more):
    return http(time, "CONNECT", f"{host}:443", bytes_in=size, **more)


def get(time, host="a.example", **more):
    return http(time, "GET", f"https://{host}/page", bytes_in=500, **more)


def asked(time, query="a.example", kind="A", client="10.0.0.1", key=None, **more):
    common = {"kind": "dns", "action": "unknown", "source": "dns", "stream": "s"}
    return {"time": time, "query": query, "query_type": kind, "client_ip": client, "request_key": key, **common, **more}


def answered(time, action, query="a.example", key=None, **more):
    common = {"kind": "dns", "source": "dns", "stream": "s"}
    return {"time": time, "query": query, "action": action, "request_key": key, **common, **more}


# Tunnels


def test_a_bumped_connect_does_not_count_beside_the_requests_inside():
    assert counted([connect(0), get(0.1), get(0.2)]) == [[False, True, True]]


def test_of_a_block_inside_a_tunnel_the_line_with_the_url_counts():
    assert counted([connect(0, action="blocked"), get(0.1, action="blocked")]) == [[False, True]]


def test_a_connect_that_is_all_there_is_counts():
    assert counted([connect(0), get(0.1, host="other.example")]) == [[True, True]]
    assert counted([connect(0), get(0.1, client_ip="10.0.0.2")]) == [[True, True]]
    assert counted([connect(0), get(0.1, source="other")]) == [[True, True]]
    assert counted([connect(0), get(11)]) == [[True, True]]


def test_a_tunnel_that_carried_bytes_counts():
    assert counted([connect(0, size=2674), get(0.1)]) == [[True, True]]


def test_an_intercepted_connect_to_an_address_belongs_to_the_request_inside():
    assert counted([connect(0, host="192.0.2.9"), get(0.1, dest_ip="192.0.2.9")]) == [[False, True]]


def test_requests_inside_always_count_wherever_a_batch_ends():
    assert counted([connect(0)], [get(0.1)], [connect(5)], [connect(11)]) == [[True], [True], [False], [True]]


def test_a_challenge_for_a_password_is_no_request_inside():
    assert counted([connect(0), get(0.1, action="auth_required")]) == [[True, True]]


def test_tunnels_that_are_remembered_stay_bounded(monkeypatch):
    monkeypatch.setattr(tunnels, "MOST", 10)
    once = Once()
    once.add(events(*(get(n / 100, host=f"h{n}.example") for n in range(100))))
    assert len(once.tunnels) == 10
    assert once.add(events(connect(1.1, host="h99.example")))["counted"].to_list() == [False]


# DNS


def test_question_and_answers_are_one_request_with_client_type_and_verdict():
    once = Once()
    block = answered(0.1, "blocked", key="7/1", answer="0.0.0.0", filter_reason="config", rcode="NOERROR")
    out = once.add(events(asked(0, key="7/1", client_mac="00:00:00:00:00:01"), block))
    assert out["counted"].to_list() == [True, False]
    assert out["action"].to_list() == ["blocked", "blocked"]
    assert out["client_ip"].to_list() == ["10.0.0.1"] * 2
    assert out["client_mac"].to_list() == ["00:00:00:00:00:01"] * 2
    assert out["query_type"].to_list() == ["A", "A"]
    assert out.select("answer", "filter_reason", "rcode").row(0) == ("0.0.0.0", "config", "NOERROR")


def test_the_heaviest_verdict_decides():
    once = Once()
    frame = events(
        asked(0, key="k"),
        answered(0, "allowed", key="k", filter_reason="forwarded"),
        answered(0.1, "blocked", key="k", filter_reason="reply"),
        answered(0.2, "error", key="k"),
    )
    out = once.add(frame)
    assert out.select("action", "filter_reason").row(0) == ("blocked", "reply")
    assert out["counted"].to_list() == [True, False, False, False]


def test_of_equal_verdicts_the_one_with_an_answer_is_taken():
    forwarded = answered(0, "allowed", key="k", filter_reason="forwarded")
    replies = [answered(0.1, "allowed", key="k", rcode="NOERROR", answer=f"192.0.2.{n}") for n in (1, 2)]
    out = Once().add(events(asked(0, key="k"), forwarded, *replies))
    assert out.select("action", "answer", "rcode").row(0) == ("allowed", "192.0.2.1", "NOERROR")


def test_what_the_leading_line_says_itself_stays():
    once = Once()
    rows = (
        asked(0, key="k", action="allowed", filter_reason="own"),
        answered(0.1, "error", key="k", filter_reason="other"),
    )
    out = once.add(events(*rows))
    assert out.select("action", "filter_reason").row(0) == ("allowed", "own")


def test_an_address_and_its_sisters_asked_for_together_are_one():
    assert counted([asked(0, kind="A"), asked(0, kind="AAAA"), asked(0.1, kind="HTTPS"), asked(1.9)]) == [
        [True, False, False, False]
    ]


def test_after_two_seconds_the_same_name_is_a_new_request():
    times = (0, 1, 1.9, 2, 3.9, 4, 4.1)
    want = [True, False, False, True, False, True, False]
    assert counted([asked(time) for time in times]) == [want]
    assert counted(*([asked(time)] for time in times)) == [[one] for one in want]


def test_other_clients_names_sources_and_types_are_requests_of_their_own():
    others = [
        asked(0.1, client="10.0.0.2"),
        asked(0.1, query="b.example"),
        asked(0.1, source="dns2"),
        asked(0.1, kind="TXT"),
        asked(0.2, kind="TXT"),
    ]
    assert counted([asked(0), *others]) == [[True] * 6]


def test_a_block_of_one_sister_is_the_verdict_of_all():
    once = Once()
    rows = [
        asked(0, key="1"),
        asked(0, kind="AAAA", key="2"),
        answered(0.1, "allowed", key="1"),
        answered(0.1, "blocked", key="2"),
    ]
    out = once.add(events(*rows))
    assert out["counted"].to_list() == [True, False, False, False]
    assert out["action"][0] == "blocked"
    assert out["query_type"].to_list() == ["A", "AAAA", "A", "AAAA"]


def test_an_answer_in_the_next_batch_does_not_count_again_but_gets_its_client():
    once = Once()
    once.add(events(asked(0, key="k")))
    out = once.add(events(answered(0.1, "allowed", key="k")))
    assert out.select("counted", "client_ip", "query_type").row(0) == (False, "10.0.0.1", "A")


def test_a_block_in_the_next_batch_counts_once_more_because_nobody_counted_it():
    assert counted(
        [asked(0, key="1"), asked(0, kind="AAAA", key="2")],
        [answered(0.1, "blocked", key="1"), answered(0.1, "blocked", key="1")],
        [answered(0.2, "blocked", key="2")],
    ) == [[True, False], [True, False], [False]]


def test_a_block_counts_against_a_leading_line_that_says_otherwise():
    assert counted(
        [asked(0, action="allowed"), asked(0.1, kind="AAAA", action="blocked"), asked(0.2, action="blocked")]
    ) == [[True, True, False]]


def test_a_late_block_of_a_sister_is_known_to_be_counted_as_long_as_answers_may_come():
    sister = asked(1.5, kind="AAAA", key="2")
    late = answered(6, "blocked", key="2"), answered(6.4, "blocked", key="2")
    rest = [asked(4, query="b.example")]
    assert counted([asked(0, key="1"), sister], rest, late[:1], late[1:]) == [[True, False], [True], [True], [False]]
    blocked = asked(0, key="1", action="blocked")
    assert counted([blocked, sister], rest, late[:1]) == [[True, False], [True], [False]]


def test_a_key_that_comes_back_is_a_new_request():
    rows = [
        asked(0, key="1/a"),
        answered(0, "blocked", key="1/a"),
        asked(9, client="10.0.0.2", key="1/a"),
        answered(9, "allowed", key="1/a"),
    ]
    once = Once()
    out = once.add(events(*rows))
    assert out["action"].to_list() == ["blocked", "blocked", "allowed", "allowed"]
    assert out["client_ip"].to_list() == ["10.0.0.1"] * 2 + ["10.0.0.2"] * 2


def test_the_same_key_in_another_stream_is_another_request():
    once = Once()
    out = once.add(events(asked(0, key="k"), answered(0, "blocked", key="k", stream="t")))
    assert out["client_ip"].to_list() == ["10.0.0.1", None]


def test_an_answer_long_after_its_question_is_none_of_it():
    once = Once()
    out = once.add(events(asked(0, key="k"), answered(6, "allowed", key="k")))
    assert out["client_ip"].to_list() == ["10.0.0.1", None]


@pytest.mark.parametrize(
    ("row", "counts"),
    [
        (answered(0, "allowed", key="k"), False),  # the target of an alias, say
        (answered(0, "blocked", key="k"), True),  # a block that nobody else counts
        (answered(0, "allowed", key="k", client_ip="10.0.0.1"), True),  # log-queries=extra names the client
        (answered(0, "blocked"), True),
        (answered(0, "allowed", query=None), False),
    ],
)
def test_an_answer_without_its_question_counts_where_it_tells_of_somebody_or_a_block(row, counts):
    assert counted([row]) == [[counts]]


def test_a_clock_set_back_is_a_new_visit():
    assert counted([asked(100), asked(50), asked(51)]) == [[True, True, False]]


def test_requests_that_are_remembered_stay_few(monkeypatch):
    monkeypatch.setattr(visits, "MOST", 50)
    once = Once()
    for batch in range(20):
        once.add(events(*(asked(batch, query=f"{batch}x{n}.tunnel.example", key=f"{batch}/{n}") for n in range(100))))
        assert len(once.visits) <= 50
    monkeypatch.undo()
    once.add(events(asked(1000)))
    assert len(once.visits) == 1


def test_a_source_that_lags_keeps_its_requests():
    once = Once()
    once.add(events(asked(0, key="k", source="slow"), asked(5000, source="fast")))
    out = once.add(events(answered(0.1, "allowed", key="k", source="slow"), asked(5001, source="fast")))
    assert out["client_ip"][0] == "10.0.0.1"
    assert out["counted"].to_list() == [False, False]


def test_other_kinds_of_events_count():
    assert counted(
        [{"kind": kind, "time": 0, "client_ip": "10.0.0.1"} for kind in ("flow", "control", "lease", "auth")]
    ) == [[True] * 4]


def test_an_empty_batch_changes_nothing():
    once = Once()
    once.add(events(asked(0, key="k")))
    before = once.visits
    assert once.add(pl.DataFrame(schema=EVENT_SCHEMA).drop("counted")).is_empty()
    assert once.visits is before


# Resolvers that name the type on every line (unbound, BIND)


def unbound(time, action="unknown", rcode=None, kind="TXT", key="10.0.0.1/a.example/TXT", **more):
    return asked(time, kind=kind, key=key, action=action, rcode=rcode, **more)


@pytest.mark.parametrize("kind", ["A", "TXT"])
def test_query_local_action_and_reply_are_one_request_with_the_verdict_at_the_query(kind):
    rows = [
        unbound(0, kind=kind),
        unbound(0, "blocked", filter_rule="blocked.example. always_nxdomain", kind=kind),
        unbound(0, "error", "NXDOMAIN", kind=kind),
    ]
    out = Once().add(events(*rows))
    assert out["counted"].to_list() == [True, False, False]
    assert out.select("action", "filter_rule").row(0) == ("blocked", "blocked.example. always_nxdomain")
    assert counted(rows[:1], rows[1:2], rows[2:]) == [[True], [True], [False]], "a block is never left uncounted"


def test_a_slow_reply_is_still_that_of_its_query():
    assert counted([unbound(0, kind="A"), unbound(4, "allowed", "NOERROR", kind="A")]) == [[True, False]]
    assert counted([unbound(0)], [unbound(4, "allowed", "NOERROR")]) == [[True], [False]]


def test_where_queries_are_not_logged_the_decision_stands_for_the_request_and_else_the_reply():
    assert counted([unbound(0, "blocked"), unbound(0, "error", "NXDOMAIN")]) == [[True, False]]
    assert counted([unbound(0, "blocked")], [unbound(0, "error", "NXDOMAIN")]) == [[True], [False]]
    assert counted([unbound(0, "allowed", "NOERROR"), unbound(3, "allowed", "NOERROR")]) == [[True, True]]


def test_two_queries_are_two_requests_whatever_their_replies():
    query, reply = unbound(0), unbound(1, "allowed", "NOERROR")
    assert counted([query, reply, {**query, "time": 3}, {**reply, "time": 4}]) == [[True, False, True, False]]
    assert counted([query, {**query, "time": 3}, {**reply, "time": 4}]) == [[True, True, False]]


def test_a_log_with_one_line_a_request_has_no_key_and_counts_each():
    assert counted([unbound(0, "blocked", "NOERROR", key=None), unbound(0, "allowed", "NOERROR", key=None)]) == [
        [True, True]
    ]
