r"""Access and error logs of Apache and nginx: as web server, and Apache as forward proxy.

``[host[:port]] client ident user [22/Nov/2026:01:50:49 +0000] "METHOD URL HTTP/1.1" status bytes
["referrer" "agent"] ...``

Both escape quotes in what clients send (``\"``, ``\x22``), so quoted columns end where they end.  More columns may
follow.  A web server's 403 is no verdict of the filter: the action is unknown, but for the error log's ``client
denied``.  nginx's JSON logs are read by the names that its variables have.

Sources: https://httpd.apache.org/docs/2.4/mod/mod_log_config.html, https://nginx.org/en/docs/http/ngx_http_log_module.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

import polars as pl

from filterwatch.decoders.families.logformat_decode import compiled
from filterwatch.decoders.families.logformat_fast import Fast
from filterwatch.decoders.families.logformat_times import stamp_of
from filterwatch.decoders.families.logformat_values import decoded, event
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Rejected, Skipped, address, visible
from filterwatch.decoders.screen import Lines
from filterwatch.decoders.stamps import read_stamp
from filterwatch.decoders.url import authority

_QUOTED = r'"((?:[^"\\]|\\.)*+)"'
_LINE: Final = re.compile(
    r" ?(?:(?P<server>[A-Za-z0-9_.-]+(?::\d{1,5})?) )?(?P<client>[0-9A-Fa-f:.]+) (?:\([^ ()]*\) )?(?P<ident>[^ \[]+) "
    r'(?P<user>[^\["]+) \[(?P<local>[^\]\["]{20,30})\] (?:"-" )?'
    rf"{_QUOTED} (?P<status>\d{{3}}) (?P<bytes>\d+|-)(?: \d+)?(?: {_QUOTED} {_QUOTED})?(?= |$)"
)
_METHOD: Final = "[A-Za-z_-]+"
_REQUEST: Final = re.compile(rf"(?P<method>{_METHOD}) (?P<url>[^ ].*?)(?: HTTP/\d{{1,2}}(?:\.\d{{1,2}})?)?")
_APACHE_ERROR: Final = re.compile(
    r"\[(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)(?:\.\d+)? (?P<year>\d{4})\] "
    r"\[(?:[\w-]*:)?\w+\] (?P<rest>.*)"
)
_NGINX_ERROR: Final = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+: ")
_DENIED: Final = re.compile(
    r".*?\[client (?P<client>[^\]]+?)(?: ?:(?P<port>\d+))?\] (?:AH\d+: )?client denied by server configuration"
)
# Only lines without an ident: "A B - - [" may begin with a server's name and a client, or with a client and its ident.
_COMMON: Final = '%>a - %un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st'
_FASTS: Final = (f'{_COMMON} "%"{{Referer}}>h" "%"{{User-Agent}}>h"', _COMMON)
_JSON_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("time_iso8601", "timestamp", "@timestamp", "time"),
    "client": ("remote_addr", "client_address", "client_ip", "realip_remote_addr"),
    "client_port": ("remote_port", "client_port"),
    "user": ("remote_user",),
    "status": ("status", "response_status"),
    "size_in": ("body_bytes_sent", "bytes_sent"),
    "size_out": ("request_length",),
    "agent": ("http_user_agent", "user_agent"),
    "referrer": ("http_referer", "http_referrer", "referer"),
    "host": ("host", "http_host"),
    "method": ("request_method", "method"),
    "url": ("request_uri", "uri"),
}
_LAYOUTS: Final = {"local": ""}
_LEAST_STATUS: Final = 100


def read(name: str, line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    found = _LINE.match(text)
    if found:
        return _access(name, found)
    if _NGINX_ERROR.match(text):
        return Skipped("a line of the error log")
    error = _APACHE_ERROR.fullmatch(text)
    if error:
        return _error(name, error)
    if text.startswith("{"):
        return _json(name, text)
    return Rejected(f"{name}: expected 'client ident user [date] \"request\" status bytes'")


def _access(name: str, found: re.Match[str]) -> Answer:
    request, referrer, agent = found[6], found[9], found[10]
    texts = {"client": found["client"], "local": found["local"], "status": found["status"], "size_in": found["bytes"]}
    texts |= {
        "user": found["user"],
        **_asked(request),
        "referrer": referrer or "-",
        "agent": decoded(agent or "-", '"'),
    }
    texts["referrer"] = decoded(texts["referrer"], '"')
    server = authority(found["server"] or "")
    answer = event(texts, _LAYOUTS)
    if isinstance(answer, Rejected):
        return Rejected(f"{name}: {answer.why}")
    values = answer.values
    more = {"host": values["host"] or server.host, "dest_port": values["dest_port"] or server.port}
    return Event(answer.stamp, {**values, **more})


def _asked(request: str) -> dict[str, str]:
    """Return method and URL of a request line; a garbled one has neither."""
    parts = _REQUEST.fullmatch(request)
    return {"method": parts["method"], "url": parts["url"]} if parts else {}


def _error(name: str, found: re.Match[str]) -> Answer:
    denied = _DENIED.match(found["rest"])
    if not denied:
        return Skipped("a line of the error log")
    stamp = stamp_of(f"{found['time']} {found['year']}", "%a %b %e %H:%M:%S %Y", gmt=False)
    client = address(denied["client"])
    if stamp is None or client is None:
        return Rejected(f"{name}: no time or no client in a line of the error log")
    reason = "client denied by server configuration"
    return Event(stamp, {"kind": "http", "client_ip": client, "action": "blocked", "filter_reason": reason})


def _json(name: str, text: str) -> Answer:
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError):
        return Rejected(f"{name}: no JSON, though it begins like it")
    if not isinstance(data, dict):
        return Rejected(f"{name}: no JSON object")
    texts: dict[str, str] = {}
    for role, keys in _JSON_KEYS.items():
        value = next((data[key] for key in keys if isinstance(data.get(key), str | int) and data[key] != ""), None)
        if value is not None:
            texts[role] = str(value)
    request = data.get("request")
    texts = {**texts, **(_asked(request) if isinstance(request, str) else {})}
    if "status" not in texts or "url" not in texts:
        return Rejected(f"{name}: JSON without a status and a request")
    when = read_stamp(texts.pop("time", ""))
    answer = event(texts, _LAYOUTS)
    if isinstance(answer, Rejected):
        return Rejected(f"{name}: {answer.why}")
    host = authority(texts.get("host", "-"))
    dest_ip = answer.values["dest_ip"] or host.ip
    return Event(when[0] if when else answer.stamp, {**answer.values, "dest_ip": dest_ip})


def _reader(name: str, _: Options) -> Reader:
    fasts = [Fast(compiled(definition)) for definition in _FASTS]

    def fast(lines: Lines) -> pl.DataFrame:
        first = fasts[0].read(lines)
        if len(first) == len(lines):
            return _sure(first)
        both = [frame for frame in (first, fasts[1].read(lines)) if len(frame)]
        return _sure(pl.concat(both, how="diagonal").sort("line")) if both else first

    return Reader(name, lambda line: read(name, line), fast)


def _sure(events: pl.DataFrame) -> pl.DataFrame:
    """Return those that the exact path reads alike: a proxy's columns allow more than a web server's."""
    return events.filter(pl.col("method").str.contains(f"^{_METHOD}$") & (pl.col("status") >= _LEAST_STATUS))


FORMATS = {
    "apache": Format("Apache httpd access.log and error.log", "logformat", Options, of_lines(_reader)),
    "nginx": Format("nginx access.log", "logformat", Options, of_lines(_reader)),
}
