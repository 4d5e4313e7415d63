"""Web servers and proxies over the logformat family: what their verdicts mean."""

from __future__ import annotations

import pytest
from decoding import decode, event


@pytest.mark.parametrize(
    ("tag", "result", "action"),
    [
        ("BLOCK_WEBCAT_12", "TCP_DENIED/403", "blocked"),
        ("BLOCK_AMW_RESP_11", "TCP_MISS/200", "blocked"),
        ("DROP_WEBCAT_7", "TCP_MISS/200", "blocked"),
        ("REDIRECT_CUSTOMCAT_11", "NONE/302", "rewritten"),
        ("DEFAULT_CASE_12", "TCP_MISS/403", "allowed"),
        ("OTHER", "TCP_DENIED/407", "auth_required"),
    ],
)
def test_a_wsa_decision_tag_says_who_refused(tag: str, result: str, action: str) -> None:
    line = f"1795311995.482 97 10.1.0.7 {result} 5 GET http://a.test/ - NONE/- - {tag}-Pupils-NONE <IW_adlt,1> -"

    found = event("cisco_wsa", line.encode())

    assert (found["action"], found["filter_category"]) == (action, "IW_adlt")


def test_a_wsa_line_with_a_fake_block_in_its_url_is_not_misread() -> None:
    line = (
        b"1795311995.482 97 10.1.0.7 TCP_DENIED/403 5 GET http://a.test/?x=-ALLOW_WBRS_1-<IW_edu,1> - NONE/- - "
        b"BLOCK_WEBCAT_12-Pupils-NONE <IW_adlt,1> - ALLOW_WBRS_1-A <IW_edu,1>"
    )

    assert event("cisco_wsa", line)["filter_category"] == "IW_adlt"


@pytest.mark.parametrize(
    ("flags", "status", "action"),
    [
        ("----", 200, "allowed"),
        ("----", 403, "allowed"),
        ("PR--", 403, "blocked"),
        ("PR--", 400, "error"),
        ("sH--", 504, "error"),
    ],
)
def test_haproxys_flags_say_who_refused(flags: str, status: int, action: str) -> None:
    line = (
        f'10.1.0.7:5 [22/Nov/2026:01:46:24.107] w w/s 0/0/0/1/2 {status} 8 - - {flags} 1/1/0/0/0 0/0 "GET / HTTP/1.1"'
    )

    assert event("haproxy", line.encode())["action"] == action


@pytest.mark.parametrize(
    ("code", "action"), [("00000", "allowed"), ("00001", "blocked"), ("00005", "auth_required"), ("00012", "error")]
)
def test_3proxys_error_code_says_who_refused(code: str, action: str) -> None:
    line = f"22-11-2026 01:46:24 +0000 PROXY.3128 {code} - 10.1.0.7:5 192.0.2.1:80 1 2 0 GET http://a.test/ HTTP/1.0"

    assert event("3proxy", line.encode())["action"] == action


@pytest.mark.parametrize("agent", ['\\" 200 5 \\"-\\" \\"x', "x\\x22 403"])
@pytest.mark.parametrize("name", ["apache", "nginx"])
def test_an_escaped_quote_does_not_end_a_web_servers_column(name: str, agent: str) -> None:
    line = f'10.1.0.7 - - [22/Nov/2026:01:46:24 +0000] "GET / HTTP/1.1" 404 9 "-" "{agent}"'

    found = event(name, line.encode())

    assert (found["status"], found["user_agent"]) == (404, agent.replace('\\"', '"').replace("\\x", "x"))


def test_a_web_servers_error_log_is_passed_over_but_for_its_refusals() -> None:
    lines = (
        b"[Sun Nov 22 01:46:27 2026] [error] [client 10.1.0.9] File does not exist: /x",
        b"[Sun Nov 22 01:46:27 2026] [error] [client 10.1.0.9] client denied by server configuration: /x",
    )

    found = decode("apache", *lines)

    assert found.skipped["line"].to_list() == [0]
    assert found.events["action"].to_list() == ["blocked"]
