"""Any logformat of squid compiles to a reader that gives back what squid wrote, or refuses the line."""

from __future__ import annotations

import string
from pathlib import Path
from time import process_time

import pytest
from decoding import LONDON, batch, decode, event, exactly, whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from filterwatch.decoders import line_decoder, make
from filterwatch.decoders.families.logformat import Wrong, parse
from filterwatch.decoders.families.logformat_decode import compiled
from filterwatch.decoders.families.logformat_values import decoded
from filterwatch.decoders.grammars.squid_common import DEFINITIONS
from filterwatch.decoders.grammars.squid_custom import WELL_KNOWN
from filterwatch.decoders.reading import Event
from filterwatch.errors import ConfigurationError


def custom(definition: str, line: str, **options: object) -> dict[str, object]:
    return event("squid_custom", line.encode(), logformat=definition, **options)


def why(definition: str, line: str) -> str:
    rejected = decode("squid_custom", line.encode(), logformat=definition).rejected
    assert len(rejected) == 1
    return str(rejected["why"][0])


ASKED = '10.0.0.1 - jdoe [22/Nov/2026:02:00:55 +0000] "GET http://bad.test/ HTTP/1.1" 403 1 "'


@pytest.mark.parametrize(
    "agent", ['" "' * 400, '" "' * 20_000, '" ' * 30_000, " [" * 30_000, '" TCP_DENIED:A' * 4_000, '"' * 60_000]
)
@pytest.mark.parametrize("referrer", ['-" "', ""])
def test_no_number_of_quotes_hides_a_request(referrer: str, agent: str) -> None:
    line = f'{ASKED}{referrer}{agent}" "-" TCP_DENIED:HIER_NONE'

    started = process_time()
    found = event("squid_combined", line.encode())

    assert process_time() - started < 0.5
    assert (found["url"], found["client_ip"], found["action"]) == ("http://bad.test/", "10.0.0.1", "blocked")


# --- definitions


def test_a_definition_is_taken_apart_into_texts_and_fields() -> None:
    pieces = parse('%ts.%03tu %6tr "%\'{User-Agent}>h" %http::>a 100%%').pieces

    names = [piece if isinstance(piece, str) else f"<{piece.code}>" for piece in pieces]
    assert "".join(names) == '<ts>.<tu> <tr> "<>h>" <>a> 100%'


@pytest.mark.parametrize(("text", "codes"), [("%rmX %>a", ["rm", ">a"]), ("%tsZ%>aQ", ["ts", ">a"])])
def test_a_code_glued_to_letters_is_the_longest_known_one(text: str, codes: list[str]) -> None:
    assert [field.code for field in parse(text).fields] == codes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("%>a % x", "character 5: no code behind '%'"),
        ("%>a %{a}>h{b}", "character 5: an argument before and behind"),
        ("%ts %{%Q}tl", "character 5: a time format with '%Q'"),
        ("only text", "character 1: no code that says who"),
    ],
)
def test_a_mistake_in_a_definition_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(Wrong, match=said.replace("'", ".").replace("%", ".")):
        parse(text)
    with pytest.raises(ConfigurationError, match="logformat"):
        make("squid_custom", {"logformat": text}, zone=LONDON)


# --- where the definition is from


def test_the_definition_is_taken_from_squid_conf(tmp_path: Path) -> None:
    conf = tmp_path / "squid.conf"
    conf.write_text("# comment\nlogformat own %ts %>a \\\n  %ru\naccess_log /var/log/squid/a.log own\n")

    found = event("squid_custom", b"1795312249 10.1.0.7 http://a.test/", squid_conf=str(conf))

    assert found["url"] == "http://a.test/"


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("logformat a %ts %>a\nlogformat b %>a %ts\n", None, "defines 2 logformats"),
        ("logformat a %ts %>a\n", "c", "no logformat 'c'"),
        ("logformat a %ts %\n", "a", "character 5"),
    ],
)
def test_a_squid_conf_without_the_definition_says_what_it_has(
    tmp_path: Path, text: str, name: str | None, said: str
) -> None:
    conf = tmp_path / "squid.conf"
    conf.write_text(text)
    options: dict[str, object] = {"squid_conf": str(conf)}
    if name:
        options["logformat_name"] = name

    with pytest.raises(ConfigurationError, match=said):
        make("squid_custom", options, zone=LONDON)


def test_without_a_definition_well_known_ones_are_tried() -> None:
    native = (
        b'1795312249.195      0 10.1.0.7 TCP_DENIED/403 3508 GET http://a.test/ - HIER_NONE/- text/html "-" "curl/8"'
    )
    common = b'10.1.0.7 - - [22/Nov/2026:01:50:49 +0000] "GET http://a.test/ HTTP/1.1" 200 847 TCP_MISS:HIER_DIRECT'

    found = decode("squid_custom", native, common, b"x y z")

    assert found.events["action"].to_list() == ["blocked", "allowed"]
    assert found.rejected["line"].to_list() == [2]


# --- values


def test_several_times_and_users_and_the_asked_url_count_before_the_rewritten_one() -> None:
    found = custom(
        "%{%Y-%m-%dT%H:%M:%S%z}tl|%ul|%ue|%>ru|%ru|%>a:%>p|%>st|%<st",
        "2026-11-22T02:50:49+0100|-|t.brown|http://asked.test/|http://block.test/|2001:db8::7:50123|120|847",
    )

    assert str(found["time"]) == "2026-11-22 01:50:49+00:00"
    assert (found["user"], found["host"]) == ("t.brown", "asked.test")
    assert (found["client_ip"], found["client_port"]) == ("2001:db8::7", 50123)
    assert (found["bytes_in"], found["bytes_out"], found["action"]) == (847, 120, "unknown")


def test_a_local_time_without_zone_is_of_the_sources_zone() -> None:
    found = custom("%{%d.%m.%Y %H:%M:%S}tl %>a", "01.07.2026 12:00:00 10.1.0.7")

    assert str(found["time"]) == "2026-07-01 11:00:00+00:00"


def test_the_start_of_a_request_gives_its_end() -> None:
    assert str(custom("%tS %tr %>a", "1795312249.100 900 10.1.0.7")["time"]) == "2026-11-22 01:50:50+00:00"


def test_a_url_in_parts_is_put_together() -> None:
    found = custom("%ts %>a %>rs %>rd %>rP %>rp", "1795312249 10.1.0.7 https www.a.test 443 /x?y=1")

    assert (found["url"], found["host"], found["dest_port"]) == ("https://www.a.test/x?y=1", "www.a.test", 443)


@pytest.mark.parametrize(
    ("error", "action"),
    [("ERR_ACCESS_DENIED", "blocked"), ("ERR_CACHE_ACCESS_DENIED", "auth_required"), ("-", "unknown")],
)
def test_squids_own_error_page_says_who_refused(error: str, action: str) -> None:
    assert custom("%ts %>a %err_code %ru", f"1795312249 10.1.0.7 {error} http://a.test/")["action"] == action


def test_passwords_are_never_taken() -> None:
    line = '1795312249 10.1.0.7 s3cret Basic-s3cret http://me:s3cret@a.test/ "http://me:s3cret@b.test/"'
    found = custom('%ts %>a %credentials %{Authorization}>h %ru "%{Referer}>h"', line)

    assert "s3cret" not in str(found)


# --- forged lines

_TAIL = '" TCP_HIT:HIER_NONE'


@pytest.mark.parametrize("agent", ["x" + _TAIL, 'x" y "z', "x\\", 'a [b] [c]" 200'])
def test_an_agent_with_a_fake_tail_stays_an_agent(agent: str) -> None:
    head = '10.1.0.7 - - [22/Nov/2026:01:46:24 +0000] "GET http://a.test/ HTTP/1.1" 200 5 "-"'
    line = f'{head} "{agent}" TCP_DENIED:HIER_NONE'

    found = event("squid_combined", line.encode())

    assert (found["user_agent"], found["action"]) == (agent, "blocked")


_STAMP = "[22/Nov/2026:01:46:24 +0000]"
_FORGED = 'A:B "GET http://b/ HTTP/1.1" 200 39 "-"'
_AGENT_NEXT = f'10.1.0.7 - - {_STAMP} "GET http://a.test/ HTTP/1.1" 403 5 "-"'


@pytest.mark.parametrize(
    ("definition", "line"),
    [
        (DEFINITIONS["common"], f'10.1.0.7 - x {_STAMP} "GET / HTTP/1.1" 200 1 {_STAMP} "GET /b HTTP/1.1" 403 1 A:B'),
        ("%>a|%ru|%{User-Agent}>h", "10.1.0.7|http://a.test|.evil.test/|c"),
    ],
)  # fmt: skip
def test_a_line_that_two_readings_send_to_other_hosts_or_times_is_refused(definition: str, line: str) -> None:
    assert "two readings" in why(definition, line)


@pytest.mark.parametrize(
    ("definition", "line", "says"),
    [
        (DEFINITIONS["combined"], f'{_AGENT_NEXT} "a" "b" TCP_DENIED:HIER_NONE',
         {"url": "http://a.test/", "status": 403, "action": "blocked"}),
        (DEFINITIONS["combined"], f'{_AGENT_NEXT} "x" {_FORGED} "x" TCP_DENIED:HIER_NONE',
         {"url": "http://a.test/", "status": 403, "action": "blocked"}),
        ("%>a|%ru|%{User-Agent}>h", "10.1.0.7|http://a.test/|b|c", {"url": "http://a.test/|b"}),
        ("%>a %ru %{User-Agent}>h %Ss/%>Hs", "10.1.0.7 http://a.test/ x TCP_MISS/200 y TCP_DENIED/403",
         {"url": "http://a.test/", "status": 403, "action": "blocked"}),
        ("%>a %ru %{User-Agent}>h %Ss/%>Hs %{X}>h", "10.1.0.7 http://a.test/ x TCP_MISS/200 y TCP_DENIED/403 z",
         {"url": "http://a.test/", "action": "unknown"}),
    ],
)  # fmt: skip
def test_a_user_agent_like_a_second_line_hides_no_request(definition: str, line: str, says: dict[str, object]) -> None:
    found = event("squid_custom", line.encode(), logformat=definition)
    assert {key: found.get(key) for key in says} == says
    assert found.get("user_agent") is None or "x TCP_MISS" in str(found["user_agent"])


# --- round trip

_FREE = st.text(
    st.sampled_from(string.ascii_letters + string.digits + " \"\\%[]{}|,;:/?&=<>'\tüé\r"), min_size=1, max_size=30
)
_URL = st.from_regex(r"http://[a-z]{1,8}\.test/[a-z0-9?&=%\"'<>|,]{0,20}", fullmatch=True)


def encoded(text: str, encoding: str) -> str:
    """Write *text* as squid's documentation says it is encoded."""
    if encoding == '"':
        for one, two in (("\\", "\\\\"), ('"', '\\"'), ("\r", "\\r"), ("\t", "\\t")):
            text = text.replace(one, two)
        return text
    if encoding == "/":
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
        return f'"{text}"' if " " in text else text
    keep = {
        "[": string.printable[:95].translate(str.maketrans("", "", "%[]\\")),
        "#": string.ascii_letters + string.digits,
    }
    kept = keep[encoding]
    return "".join(one if one in kept else "".join(f"%{byte:02X}" for byte in one.encode()) for one in text)


@given(
    encoding=st.sampled_from(['"', "#"]),
    separator=st.sampled_from([" ", "\t", "|", '","']),
    url=_URL.filter(lambda url: not set(url) & set('|,"')),
    agent=_FREE.filter(lambda text: text.strip() == text != "-"),
    size=st.integers(0, 10**9),
)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_squid_writes_by_a_definition_is_read_back(
    encoding: str, separator: str, url: str, agent: str, size: int
) -> None:
    quote = '"' if encoding == '"' else ""
    fields = ["%ts.%03tu", "%>a", "%ru", f"{quote}%{encoding}{{User-Agent}}>h{quote}", "%<st"]
    texts = ["1795312249.007", "10.1.0.7", url, f"{quote}{encoded(agent, encoding)}{quote}", str(size)]

    answer = compiled(separator.join(fields)).read(separator.join(texts))

    assert isinstance(answer, Event)
    assert (answer.values["url"], answer.values["user_agent"], answer.values["bytes_in"]) == (url, agent, size)


@given(st.sampled_from(['"', "[", "#", "/"]), _FREE)
@settings(max_examples=200, deadline=None)
def test_an_encoded_text_is_decoded_to_what_it_was(encoding: str, text: str) -> None:
    # The shell-like encoding leaves TABs as they are, so a text is only quoted for its blanks.
    assert decoded(encoded(text, encoding), encoding) == text


@pytest.mark.parametrize("definition", [*DEFINITIONS.values(), *WELL_KNOWN])
def test_fast_and_exact_agree_on_lines_of_every_shipped_definition(
    definition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)
    words = st.sampled_from([
        "-", "a", 'q"uote', "Jane Doe", "x -", "10.1.0.7", "TCP_MISS", "200", "http://a.test/", "error:x", "HTTP/1.1",
        "1795312249", "007", "22/Nov/2026:01:46:24 +0000", "http://u:p@b.test:81/?q", "CONNECT", "[::1]:443", " ", "/p",
    ])  # fmt: skip
    usual = {
        "ts": "1795312249", "tu": "007", "tr": "12", ">a": "10.1.0.7", "tl": "22/Nov/2026:01:46:24 +0000", "rv": "1.1",
        "Ss": "TCP_MISS", "Sh": "HIER_DIRECT", ">Hs": "200", "<st": "847", "rm": "GET",
        "ru": "http://a.test/x", "un": "-",
    }  # fmt: skip
    pieces = parse(definition).pieces

    @st.composite
    def line(draw: st.DrawFn) -> bytes:
        odd = draw(st.integers(0, len(pieces)))
        parts = [
            piece if isinstance(piece, str) else draw(words) if at == odd else usual.get(piece.code, "word")
            for at, piece in enumerate(pieces)
        ]
        return "".join(parts).encode()

    @given(st.lists(line(), min_size=1, max_size=8))
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(lines: list[bytes]) -> None:
        decoder = make("squid_custom", {"logformat": definition}, zone=LONDON)
        fast, exact = decoder.decode(batch(lines)), exactly(decoder, batch(lines))
        assert_frame_equal(whole(fast.events), whole(exact.events))
        assert_frame_equal(fast.rejected, exact.rejected)

    agree()
