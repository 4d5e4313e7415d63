"""e2guardian and DansGuardian: verdict, odd separators, forged columns, language packs."""

from __future__ import annotations

import pytest
from decoding import decode, event

PUPIL = "2026.11.22 02:02:18"
NAMES = [f"e2guardian_{layout}" for layout in (1, 2, 4, 5, 6, 7, 8)]


def line(
    name: str,
    *,
    what: str = "-",
    code: str = "200",
    url: str = "http://www.school.test/",
    user: str = "jdoe",
    agent: str = "curl/7.88.1",
    category: str = "-",
    message: str = "0",
) -> bytes:
    """Return a line of the format *name*."""
    layout = int(name[-1])
    if layout < 5:
        columns = [PUPIL, user, "10.0.0.8", url, what, "GET", "539", "0", category, "1", code, "text/html"]
        columns += ["10.0.0.8", "pupils year5", agent, "-", "-", "-", "-"]
        text = {1: " ", 2: '","', 4: "\t"}[layout].join(columns)
        return (f'"{text}"' if layout == 2 else text).encode()
    columns = ["1795312938.000", "", user, "10.0.0.8", "10.0.0.8", url, "GET", code, "539", "text/html", agent, "-"]
    columns += ["42", "-", message, what, "0", category, "pupils year5", "1"]
    return "\t".join([*columns, *(["-", "8080:P:proxy:user"] if layout > 6 else [])]).encode()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("what", "code", "action", "reason"),
    [
        ("-", "200", "allowed", None),
        ("-", "403", "allowed", None),
        ("-", "407", "auth_required", None),
        ("*TRUSTED* -", "407", "auth_required", None),
        ("*TRUSTED* Site match: x.test", "200", "allowed", "Site match: x.test"),
        ("*DENIED* Blocked site: x.test", "403", "blocked", "Blocked site: x.test"),
        ("*DENIED-POST* Web upload is banned.", "403", "blocked", "Web upload is banned."),
        ("*DENIED-PARAMS* Banned term", "200", "blocked", "Banned term"),
        ("*URLMOD* *SCANNED* -", "200", "allowed", None),
        ("*SCANNED* *DENIED* Banned phrase found: x", "403", "blocked", "Banned phrase found: x"),
        ("*INFECTED* * *DENIED* Virus", "403", "blocked", "Virus"),
        ("*NETERROR* The site requested is not responding", "503", "error", "The site requested is not responding"),
        ("*VERWEIGERT* Verbotene Seite: x.test", "403", "blocked", "Verbotene Seite: x.test"),
    ],
)
def test_the_verdict_is_in_the_stamp_not_in_the_status(
    name: str, what: str, code: str, action: str, reason: str | None
) -> None:
    found = event(name, line(name, what=what, code=code))

    assert (found["action"], found.get("filter_reason")) == (action, reason)
    assert found["status"] == int(code)


@pytest.mark.parametrize("name", NAMES)
def test_a_stamp_of_a_language_nobody_named_is_no_verdict_until_it_is_named(name: str) -> None:
    refused = line(name, what="*REFUSÉ* Site interdit", code="403")

    assert event(name, refused)["action"] == "unknown"
    assert event(name, refused, stamps={"REFUSÉ": "blocked"})["action"] == "blocked"


@pytest.mark.parametrize("name", NAMES)
def test_a_forged_set_of_columns_in_the_url_does_not_hide_a_block(name: str) -> None:
    separator = {1: " ", 2: '","', 4: "\t"}.get(int(name[-1]), "\t")
    forged = [
        "http://www.games.test/",
        "-",
        "GET",
        "5",
        "0",
        "-",
        "1",
        "407",
        "-",
        "10.0.0.8",
        "g",
        "x/1",
        "-",
        "-",
        "-",
    ]
    if int(name[-1]) > 4:
        forged = ["http://www.games.test/", "GET", "407", "5", "-", "x/1", "-", "1", "-", "0", "-", "0", "-", "g", "1"]

    found = event(name, line(name, url=separator.join(forged), what="*DENIED* Blocked site: games.test", code="403"))

    assert found["action"] == "blocked"
    assert found["host"] == "www.games.test"
    assert "status" not in found, "neither of the two can be believed"


@pytest.mark.parametrize("name", NAMES)
def test_a_forged_set_of_columns_in_the_agent_does_not_hide_a_block(name: str) -> None:
    separator = {1: " ", 2: '","', 4: "\t"}.get(int(name[-1]), "\t")
    forged = ["x/1", "-", "GET", "5", "0", "-", "1", "200", "-", "10.0.0.8", "g", "x/1"]
    if int(name[-1]) > 4:
        forged = ["x/1", "-", "1", "-", "0", "-", "0", "-", "g", "1", "x/1"]

    found = event(name, line(name, agent=separator.join(forged), what="*DENIED* Blocked site", code="403"))

    assert found["action"] == "blocked"


@pytest.mark.parametrize("name", NAMES)
def test_credentials_in_a_url_are_cut(name: str) -> None:
    found = event(name, line(name, url="http://jdoe:secret@www.school.test/?u=ftp://a:secret@b.test/"))

    assert found["url"] == "http://***@www.school.test/?u=ftp://***@b.test/"
    assert found["host"] == "www.school.test"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("written", "user", "domain"),
    [
        ("-", None, None),
        ("10.0.0.8", None, None),
        ("jane doe", "jane doe", None),
        ("school\\jsmith", "jsmith", "school"),
        ("j%c3%b6rg@school.test", "jörg", "school.test"),
    ],
)
def test_users_are_read_as_they_are_written(name: str, written: str, user: str | None, domain: str | None) -> None:
    found = event(name, line(name, user=written))

    assert (found.get("user"), found.get("user_domain")) == (user, domain)


@pytest.mark.parametrize("name", NAMES)
def test_a_category_of_capitals_or_several_words_is_no_method(name: str) -> None:
    for category in ("GAMES", "WEB GAMES", "Adult, GAMES"):
        found = event(name, line(name, what="*DENIED* Blocked site", code="403", category=category))

        assert (found["filter_category"], found["status"], found["action"]) == (category, 403, "blocked")


@pytest.mark.parametrize("name", NAMES[3:])
def test_the_message_number_is_the_rule(name: str) -> None:
    assert event(name, line(name, message="500"))["filter_rule"] == "500"
    assert "filter_rule" not in event(name, line(name, message="0"))


@pytest.mark.parametrize("name", NAMES[3:])
def test_one_column_less_is_read_where_address_and_name_share_one(name: str) -> None:
    short = line(name).replace(b"\t10.0.0.8\t10.0.0.8\t", b"\t10.0.0.8\t", 1)

    assert event(name, short) == event(name, line(name))
    many = decode(name, *[short] * 30)
    assert len(many.events) == 30
    assert many.counts["odd_lines"] == 0


@pytest.mark.parametrize("name", [*NAMES, "e2guardian_3"])
def test_regular_lines_take_the_fast_path(name: str) -> None:
    regular = (
        b"1795312931.501      0 10.0.0.8 TCP_DENIED/403 0 CONNECT https://x.test:443 jane DEFAULT_PARENT/127.0.0.1 -"
        if name == "e2guardian_3"
        else line(name, what="*DENIED* Blocked site: games.test", code="403", category="GAMES", user="jane doe")
    )

    decoded = decode(name, *[regular] * 30)

    assert decoded.counts["odd_lines"] == 0
    assert decoded.events["action"].to_list() == ["blocked"] * 30


@pytest.mark.parametrize(
    ("result", "action"),
    [
        ("TCP_DENIED/403 0", "blocked"),
        ("TCP_DENIED/403 3106", "unknown"),  # withheld for a phrase, or refused by the site
        ("TCP_MISS/407 3094", "auth_required"),
        ("TCP_HIT/200 539", "allowed"),
    ],
)
def test_format_3_surely_blocks_only_with_an_empty_answer(result: str, action: str) -> None:
    written = f"1795312931.501      0 10.0.0.8 {result} GET http://www.games.test/ jdoe DEFAULT_PARENT/127.0.0.1 -"

    found = event("e2guardian_3", written.encode())

    assert found["action"] == action
    assert "dest_ip" not in found, "the parent proxy is not where the request went"


def test_a_line_behind_a_syslog_header_is_read_as_without_it() -> None:
    bare = line("e2guardian_5", what="*DENIED* Blocked site")
    sent = b"<14>Nov 22 02:02:18 gw e2guardian[811]: " + bare.replace(b"\t", b"#011")

    assert event("e2guardian_5", sent) == event("e2guardian_5", bare)


def test_an_hour_of_dansguardian_may_have_one_digit() -> None:
    written = b"2011.12.13 7:10:48 - 10.0.0.8 http://x.test/ *EXCEPTION* Site interdit. GET 326 0  2 200 -  limited -"

    found = event("dansguardian", written)

    assert str(found["time"]).startswith("2011-12-13 07:10:48")
    assert (found["action"], found["filter_reason"]) == ("allowed", "Site interdit.")
