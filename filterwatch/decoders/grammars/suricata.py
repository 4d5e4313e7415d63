"""Suricata's EVE: JSON lines, bare or behind a syslog header.

Shapes of dns differ: version 1 has one line for each answer; 2 lists answers, and its answer lines come from the
server (``src_ip`` is the resolver); 3 lists questions too, and keeps the client in ``src_ip``.

Source: the EVE JSON format of Suricata 4 to 8 (doc/userguide/output/eve).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.families import jsonlines
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import suricata_columns
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import (
    Answer,
    Event,
    Rejected,
    Skipped,
    Stamp,
    Value,
    address,
    mac,
    number,
    port_number,
    user,
    visible,
)
from filterwatch.decoders.screen import Lines
from filterwatch.decoders.stamps import read_stamp
from filterwatch.decoders.url import authority, without_connect_credentials, without_credentials

_KINDS = {
    "http": "http", "fileinfo": "http", "dns": "dns", "tls": "flow", "quic": "flow", "flow": "flow",
    "netflow": "flow", "alert": "flow", "drop": "flow", "dhcp": "lease", "ssh": "flow", "anomaly": "flow",
}  # fmt: skip
_NOTHING = "a line type that says nothing of a device"

_KEYS = (
    "timestamp", "event_type", "src_ip", "src_port", "dest_ip", "dest_port", "proto",
    "http.hostname", "http.url", "http.http_method", "http.status", "http.length", "http.http_user_agent",
    "http.http_refer", "http.http_content_type", "http.http_port", "http.username",
    "dns.type", "dns.version", "dns.rrname", "dns.rrtype", "dns.rcode", "dns.rdata", "dns.queries.0.rrname",
    "dns.queries.0.rrtype", "dns.answers.*.rdata", "dns.grouped.A", "dns.grouped.AAAA", "dns.grouped.CNAME",
    "dns.query.0.rrname", "dns.query.0.rrtype",
    "tls.sni", "quic.sni", "ether.src_mac",
    "flow.bytes_toserver", "flow.bytes_toclient", "netflow.bytes", "flow.action",
    "alert.action", "alert.signature", "alert.category", "verdict.action", "drop.reason",
    "dhcp.assigned_ip", "dhcp.client_ip", "dhcp.client_mac", "dhcp.hostname", "dhcp.dhcp_type", "dhcp.type",
)  # fmt: skip


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line).strip(" ")
    if not text.startswith("{"):
        text = open_envelope(text).message.strip(" ")
    texts = jsonlines.exact(text) if text.startswith("{") else None
    if texts is None:
        return Rejected("no JSON object")
    return _answer(texts)


def _answer(texts: Mapping[str, str]) -> Answer:
    kind = _kind(texts)
    if kind is None:
        return Skipped(_NOTHING)
    stamp = _stamp(texts.get("timestamp", ""))
    if stamp is None:
        return Rejected("no time in the member timestamp")
    values: dict[str, Value] = {"kind": kind, **_ends(texts, kind), "action": _action(texts)}
    if kind == "http":
        values |= _http(texts)
    elif kind == "dns":
        values |= _dns(texts)
    elif kind == "lease":
        values |= _lease(texts)
    else:
        values |= _flow(texts)
    return Event(stamp, values)


def _kind(texts: Mapping[str, str]) -> str | None:
    kind = texts.get("event_type") or ("alert" if "alert.signature" in texts and "src_ip" in texts else "")
    if kind == "alert" and any(texts.get(key) for key in ("http.hostname", "http.url", "http.http_method")):
        return "http"
    if kind == "dhcp" and texts.get("dhcp.dhcp_type", "").lower() not in ("ack", "release", "decline"):
        return None
    return _KINDS.get(kind)


def _stamp(text: str) -> Stamp | None:
    found = read_stamp(text) if len(text) < 64 else None
    return found[0] if found and found[1] == len(text) else None


def _ends(texts: Mapping[str, str], kind: str) -> dict[str, Value]:
    client, server = ("src_ip", "src_port"), ("dest_ip", "dest_port")
    if _from_server(texts, kind):
        client, server = server, client
    return {
        "client_ip": address(texts.get(client[0], "")),
        "client_port": port_number(texts.get(client[1], "")),
        "dest_ip": address(texts.get(server[0], "")),
        "dest_port": port_number(texts.get(server[1], "")),
        "protocol": texts.get("proto", "").lower() or None,
    }


def _from_server(texts: Mapping[str, str], kind: str) -> bool:
    """Return whether ``src`` is the server: in answers of dns up to version 2, and in files that were downloaded."""
    if kind == "dns":
        answer = texts.get("dns.type") in ("answer", "response") or "dns.rcode" in texts
        return answer and texts.get("src_port") == "53" and texts.get("dest_port") != "53"
    return texts.get("event_type") == "fileinfo" and texts.get("src_port") in ("80", "443", "8080", "3128")


def _action(texts: Mapping[str, str]) -> str:
    if texts.get("event_type") == "drop" or texts.get("verdict.action") in ("drop", "reject"):
        return "blocked"
    if texts.get("alert.action") == "blocked":
        return "blocked"
    return "allowed" if texts.get("alert.action") == "allowed" else "unknown"


def _http(texts: Mapping[str, str]) -> dict[str, Value]:
    name, url, method = texts.get("http.hostname"), texts.get("http.url"), texts.get("http.http_method")
    if url and name and url.startswith("/"):
        port = texts.get("http.http_port", "80")
        url = f"http://{name}{'' if port in ('80', '443') or ':' in name else f':{port}'}{url}"
    if url:
        url = without_credentials(url)
        url = without_connect_credentials(url) if method == "CONNECT" else url
    status = number(texts.get("http.status", ""))
    person, domain = user(texts.get("http.username", ""))
    return {
        "host": authority(name).host if name else None,
        "url": url,
        "method": method,
        "status": status if status and status <= 999 else None,
        "bytes_in": number(texts.get("http.length", "")),
        "bytes_out": number(texts.get("flow.bytes_toserver", "")),
        "user_agent": texts.get("http.http_user_agent"),
        "referrer": without_credentials(texts["http.http_refer"]) if "http.http_refer" in texts else None,
        "mime_type": texts.get("http.http_content_type"),
        "user": person,
        "user_domain": domain,
        **_alert(texts),
    }


def _dns(texts: Mapping[str, str]) -> dict[str, Value]:
    def first(*keys: str) -> str | None:
        return next((texts[key] for key in keys if texts.get(key)), None)

    query = first("dns.rrname", "dns.queries.0.rrname", "dns.query.0.rrname")
    kind = first("dns.rrtype", "dns.queries.0.rrtype", "dns.query.0.rrtype")
    grouped = [texts[key] for key in ("dns.grouped.CNAME", "dns.grouped.A", "dns.grouped.AAAA") if texts.get(key)]
    return {
        "query": (query.lower().removesuffix(".") or ".") if query else None,
        "query_type": kind.upper() if kind else None,
        "rcode": texts["dns.rcode"].upper() if texts.get("dns.rcode") else None,
        "answer": first("dns.answers.*.rdata") or ", ".join(grouped) or first("dns.rdata"),
    }


def _flow(texts: Mapping[str, str]) -> dict[str, Value]:
    name = texts.get("tls.sni") or texts.get("quic.sni")
    return {
        "host": authority(name).host if name else None,
        "bytes_out": number(texts.get("flow.bytes_toserver", "")),
        "bytes_in": number(texts.get("flow.bytes_toclient", "")),
        "client_mac": mac(texts.get("ether.src_mac", "")),
        **_alert(texts),
    }


def _alert(texts: Mapping[str, str]) -> dict[str, Value]:
    return {
        "filter_rule": texts.get("alert.signature"),
        "filter_category": texts.get("alert.category"),
        "filter_reason": texts.get("drop.reason"),
    }


def _lease(texts: Mapping[str, str]) -> dict[str, Value]:
    given = next((ip for key in ("assigned_ip", "client_ip") if (ip := address(texts.get(f"dhcp.{key}", "")))), None)
    return {
        "client_ip": given if given != "0.0.0.0" else address(texts.get("dhcp.client_ip", "")),  # noqa: S104 - no binding
        "client_port": None,
        "dest_ip": None,
        "dest_port": None,
        "client_mac": mac(texts.get("dhcp.client_mac", "")),
        "host": texts["dhcp.hostname"].lower() if texts.get("dhcp.hostname") else None,
        "filter_reason": texts.get("dhcp.dhcp_type", "").lower() or None,
    }


def fast(lines: Lines) -> pl.DataFrame:
    """Read the bare JSON lines at once: Polars takes them apart, and what each text means is asked once."""
    texts, places = jsonlines.objects(lines)
    found = jsonlines.fast(texts, _KEYS)
    return suricata_columns.frame_of(found.with_columns(line=pl.Series(places.astype(np.uint32))), _KINDS)


FORMATS = {
    "suricata_eve": Format(
        "Suricata EVE JSON",
        "JSON",
        Options,
        of_lines(lambda name, _: Reader(name, read, fast)),
        lambda line, _: b'"event_type"' in line and b'"timestamp"' in line and b'"src_ip"' in line,
        "doc/userguide/output/eve of Suricata 8",
    ),
}
