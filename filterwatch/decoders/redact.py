"""Cuts credentials out of raw lines, for what is kept of lines that no decoder could read."""

from __future__ import annotations

import re

from filterwatch.decoders.url import BRACKETED, ENCODED, NAMED

_HEADER_SIGNS = (b"\\r\\n", b"HTTP/1.", b"HTTP/2", b"uthorization:", b"Cookie:")
"""What stands in squid's header blocks, and hardly elsewhere between brackets."""

_SECRETS = (
    (re.compile(rb"://[^/?#\s]*@"), b"://***@"),
    (re.compile(rb"(?<= )[^\s/?#@:]+:[^\s/?#@]+@(?=[^\s/?#@]+)"), b"***@"),
    (
        re.compile(rb"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie2?|x-api-key)(\s*[:=]\s*|%3A\s*)(?:(?!\\r\\n).)+"),
        rb"\1\2***",
    ),
    (re.compile(rb"(?i)\b(basic|bearer|negotiate|ntlm) +[A-Za-z0-9+/=._~-]{6,}"), rb"\1 ***"),
    (re.compile(rb"(?<=[\"=])[^\s/?#@:=\"]{1,64}:[^\s/?#@\"]{1,64}@(?=[^\s/?#@]+)"), b"***@"),
    (
        re.compile(NAMED.encode() + rb"(?:\"[^\"]*\"|'[^']*'|[^&#\s\"']+)"),
        rb"\1\2***",
    ),
    (re.compile(ENCODED.encode()), rb"\1***\2"),
    (re.compile(BRACKETED.encode()), rb"\1[***]"),
)


def redact(line: bytes) -> bytes:
    """Return *line* without the credentials that it may leak.

    Squid's header blocks go as a whole (they hold ``Proxy-Authorization: Basic ...``); so do ``user:password@`` in
    URLs, authorisation and cookie headers, and the values of parameters that are named like passwords.
    """
    line = _without_header_blocks(line)
    for pattern, instead in _SECRETS:
        line = pattern.sub(instead, line)
    return line


def _without_header_blocks(line: bytes) -> bytes:
    """Cut squid's ``[request headers] [reply headers]`` off the end; linear in the line, whatever it holds."""
    start = 0
    for segment in line.split(b"]"):
        opening = segment.find(b" [")
        if opening >= 0 and any(sign in segment[opening:] for sign in _HEADER_SIGNS):
            return line[: start + opening] + b" [cut]"
        start += len(segment) + 1
    return line
