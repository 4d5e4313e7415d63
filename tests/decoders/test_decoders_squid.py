from __future__ import annotations

import pytest
from decoding import LONDON, batch, decode, event

from filterwatch.decoders import line_decoder, make, redact

HEAD = b"1795312249.195      0 10.0.0.7 "


@pytest.mark.parametrize(
    ("result", "url", "action"),
    [
        (b"TCP_DENIED/407", b"http://x.test/", "auth_required"),
        (b"TCP_MISS/407", b"http://x.test/", "auth_required"),
        (b"TCP_DENIED/403", b"http://x.test/", "blocked"),
        (b"TCP_DENIED/302", b"http://x.test/", "blocked"),
        (b"TCP_DENIED_REPLY/403", b"http://x.test/", "blocked"),
        (b"NONE_NONE/403", b"https://x.test/", "blocked"),
        (b"TAG_NONE/403", b"https://x.test/", "blocked"),
        (b"NONE/403", b"https://x.test/", "blocked"),
        (b"TCP_MISS/403", b"http://x.test/", "allowed"),
        (b"TCP_HIT/403", b"http://x.test/", "allowed"),
        (b"TCP_MISS_ABORTED/000", b"http://x.test/", "error"),
        (b"NONE_NONE/400", b"error:invalid-request", "error"),
        (b"TCP_MISS/500", b"http://x.test/", "allowed"),
    ],
)
def test_the_filters_own_result_decides_not_the_status_alone(result: bytes, url: bytes, action: str) -> None:
    line = HEAD + result + b" 1 GET " + url + b" - HIER_NONE/- text/html"

    assert event("squid", line)["action"] == action


@pytest.mark.parametrize(
    ("logged", "user", "domain"),
    [
        (b"jdoe", "jdoe", None),
        (b"Jane Doe", "Jane Doe", None),
        (b"SCHOOL\\\\jsmith", "jsmith", "SCHOOL"),
        (b"school\\jsmith", "jsmith", "school"),
        (b"j%c3%b6rg", "jörg", None),
        (b"100%", "100%", None),
        (b"a%0ab", "a%0ab", None),
        (b"%ff", "%ff", None),
        (b"pupil@school.test", "pupil", "school.test"),
        (b"-", None, None),
    ],
)
def test_a_user_is_read_however_squid_writes_it(logged: bytes, user: str | None, domain: str | None) -> None:
    found = event("squid", HEAD + b"TCP_MISS/200 1 GET http://x.test/ " + logged + b" HIER_NONE/- -")

    assert (found.get("user"), found.get("user_domain")) == (user, domain)


@pytest.mark.parametrize(
    ("request_line", "host", "port", "address"),
    [
        (b"GET http://WWW.X.test/a", "www.x.test", None, None),
        (b"GET http://x.test:8080/a", "x.test", 8080, None),
        (b"GET http://x.test?q=1", "x.test", None, None),
        (b"GET http://[2001:DB8::1]:81/a", "2001:db8::1", 81, "2001:db8::1"),
        (b"CONNECT x.test:443", "x.test", 443, None),
        (b"CONNECT [::1]:443", "::1", 443, "::1"),
        (b"CONNECT 192.0.2.4:80", "192.0.2.4", 80, "192.0.2.4"),
        (b"GET /relative", None, None, None),
        (b"GET cache_object://127.0.0.1/info", "127.0.0.1", None, "127.0.0.1"),
        (b"GET tunnel://x.test:443/", "x.test", 443, None),
        (b"GET http://u:p@x.test/", "x.test", None, None),
    ],
)
def test_host_and_port_come_from_the_url(
    request_line: bytes, host: str | None, port: int | None, address: str | None
) -> None:
    found = event("squid", HEAD + b"TCP_MISS/200 1 " + request_line + b" - HIER_NONE/- -")

    assert (found.get("host"), found.get("dest_port"), found.get("dest_ip")) == (host, port, address)


def test_the_peer_is_where_it_went() -> None:
    lines = [
        HEAD + b"TCP_MISS/200 1 GET http://192.0.2.1/ - " + peer + b" -"
        for peer in (b"HIER_DIRECT/2001:DB8::2", b"DIRECT/198.51.100.2", b"HIER_DIRECT/www.x.test", b"NONE/-")
    ]

    assert decode("squid", *lines).events["dest_ip"].to_list() == [
        "2001:db8::2", "198.51.100.2", "192.0.2.1", "192.0.2.1",
    ]  # fmt: skip


def test_bytes_that_are_not_utf8_stay_visible() -> None:
    found = event("squid", HEAD + b"TCP_MISS/200 1 GET http://x.test/caf\xc3\xa9?q=\xff\xfe\t - HIER_NONE/- text/html")

    assert found["url"] == "http://x.test/café?q=%FF%FE\t"


def test_credentials_never_reach_an_event() -> None:
    blocks = (
        b" [Proxy-Authorization: Basic c2VjcmV0\\r\\nReferer: http://a:secret@x.test/\\r\\nUser-Agent: curl\\r\\n]"
        b" [HTTP/1.1 200 OK\\r\\nSet-Cookie: secret\\r\\n\\r\\n]"
    )
    plain = HEAD + b"TCP_MISS/200 1 GET http://u:secret@x.test/?u=ftp://b:secret@y.test/ jdoe HIER_NONE/- -"
    connect = HEAD + b"TCP_MISS/200 1 CONNECT u:secret@x.test:443 jdoe HIER_NONE/- -"

    for name in ("squid", "squid_mimehdrs"):
        for few in (0, 1000):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(line_decoder, "FEW", few)
                decoded = decode(name, *[line + end for line in (plain, connect) for end in (b"", blocks)])

            text = str(decoded.events.to_dicts())
            assert "secret" not in text
            assert "c2VjcmV0" not in text
            assert "curl" in text
            assert decoded.events["url"][0] == "http://***@x.test/?u=ftp://***@y.test/"


@pytest.mark.parametrize("many", [1, 600])
@pytest.mark.parametrize("query", ["a=1&password=hunter9", "Access_Token=hunter9", "x&pwd=hunter9", "api_key=hunter9"])
def test_passwords_in_parameters_never_reach_an_event(query: str, many: int) -> None:
    url = f"http://x.test/?{query}&b=2"
    squid = HEAD + f"TCP_MISS/200 1 GET {url} - HIER_NONE/- text/html".encode()
    stamp = "22/Nov/2026:02:00:55 +0000"
    combined = f'10.0.0.1 - - [{stamp}] "GET {url} HTTP/1.1" 200 1 "{url}" "Mozilla" TCP_MISS:HIER_NONE'.encode()
    generic = f'time="2026-10-15 09:31:02" src=10.0.0.1 url="{url}" referer="{url}"'.encode()
    fortigate = f'type=utm subtype=webfilter srcip=10.0.0.1 hostname=x.test url="/?{query}&b=2" msg="{query}"'.encode()

    for name, line in (("squid", squid), ("squid_combined", combined), ("keyvalue", generic), ("fortigate", fortigate)):
        found = decode(name, *[line] * many).events

        assert len(found) == many
        assert "hunter9" not in str(found.to_dicts())
        assert str(found["url"][0]).endswith("=***&b=2")
        assert found["host"][0] == "x.test"


def test_the_elapsed_time_and_the_end_of_the_request_are_kept_apart() -> None:
    found = event("squid", b"1795312249.195 123456 10.0.0.7 TCP_TUNNEL/200 1 CONNECT x.test:443 - HIER_NONE/- -")

    assert found["duration_ms"] == 123_456
    assert str(found["time"]) == "2026-11-22 01:50:49.195000+00:00"


FAKE = b"1795312249.195      0 10.9.9.9 TCP_MISS/200 1 GET http://porn.test/ victim HIER_DIRECT/192.0.2.9 text/html"


@pytest.mark.parametrize(
    "line",
    [
        # uri_whitespace allow: the whole line inside the URL
        HEAD + b"TCP_MISS/200 1 GET http://x.test/ " + FAKE + b" - HIER_NONE/- text/html",
        HEAD + b"TCP_MISS/200 1 GET http://x.test/%0a" + FAKE.replace(b" ", b"%20") + b" - HIER_NONE/- text/html",
        HEAD + b"TCP_MISS/200 1 GET http://x.test/\r" + FAKE + b" jdoe HIER_NONE/- text/html",
        HEAD
        + b"TCP_MISS/200 1 GET http://x.test/\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8"
        + FAKE
        + b" - HIER_NONE/- text/html",
        # a tried user name, a user agent of a custom column
        HEAD + b"TCP_DENIED/407 1 GET http://x.test/ victim HIER_DIRECT/192.0.2.9 text/html HIER_NONE/- text/html",
        HEAD + b'TCP_MISS/200 1 GET http://x.test/ - HIER_NONE/- text/html "-" "' + FAKE + b'"',
        HEAD + b'TCP_MISS/200 1 GET http://x.test/ - HIER_NONE/- text/html "-" "x" ' + FAKE + b' "y"',
        b'10.0.0.7 - - [22/Nov/2026:01:50:49 +0000] "GET http://x/" 200 1 "a" "b" TCP_MISS:HIER_DIRECT\r' + FAKE,
    ],
)
@pytest.mark.parametrize("few", [0, 1000])
def test_a_line_inside_a_line_makes_no_event_for_the_victim(
    line: bytes, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_decoder, "FEW", few)

    for name in ("squid", "squid_mimehdrs"):
        decoded = decode(name, line)

        rows = decoded.events.to_dicts()
        assert len(rows) + len(decoded.rejected) + len(decoded.skipped) == 1
        for row in rows:
            assert row.get("client_ip") == "10.0.0.7"
            assert row.get("user") != "victim"
            assert row.get("host") != "porn.test"


def test_one_odd_byte_sends_only_its_own_line_to_the_exact_path() -> None:
    good = HEAD + b"TCP_MISS/200 1 GET http://x.test/ - HIER_NONE/- text/html"
    lines = [good] * 500 + [good.replace(b"x.test/", b"x.test/\xff")] + [good] * 500

    assert decode("squid", *lines).counts["odd_lines"] == 1


def test_a_log_through_syslog_is_read_too() -> None:
    line = b"<134>Nov 22 01:50:49 gw squid[811]: " + HEAD + b"TCP_MISS/200 1 GET http://x.test/ - HIER_NONE/- text/html"

    assert event("squid", line)["host"] == "x.test"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b"1 2 http://alice:geheim@x.test/ a:geheim@h:443 ", b"1 2 http://***@x.test/ ***@h:443 "),
        (b"x [Proxy-Authorization: Basic geheim==\\r\\n] [HTTP/1.1 200 OK\\r\\n]", b"x [cut]"),
        (b"x [Proxy-Authorization: Basic geheim==\\r\\nUser-Ag", b"x [cut]"),
        (b"Authorization: Bearer geheimgeheim", b"Authorization: ***"),
        (b"GET /?user=a&password=geheim&x=1", b"GET /?user=a&password=***&x=1"),
        (b'cfgattr="passwd[geheim]password[geheim->geheim x]"', b'cfgattr="passwd[***]password[***]"'),
        (b'url="u:geheim@x.test/" password="geheim geheim" y=1', b'url="***@x.test/" password=*** y=1'),
        (b"/?access_token=geheim;geheim&x=1", b"/?access_token=***&x=1"),
        (b"/?compass=north&bypass[now]", b"/?compass=north&bypass[now]"),
        (b"nothing to hide [here]", b"nothing to hide [here]"),
    ],
)
def test_lines_that_nobody_could_read_lose_their_credentials(line: bytes, left: bytes) -> None:
    assert redact(line) == left


def test_redaction_is_linear_in_whatever_a_line_holds() -> None:
    for piece in (b" [", b"://", b"cookie ", b"a:", b" a:b", b"pwd=", b"basic ", b"] ["):
        line = piece * (65_536 // len(piece))

        assert len(redact(line)) <= len(line) * 3


def test_a_batch_without_lines_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    decoded = make("squid", {}, zone=LONDON).decode(batch([]))

    assert (len(decoded.events), len(decoded.rejected), len(decoded.skipped)) == (0, 0, 0)
    assert capsys.readouterr().err == ""
