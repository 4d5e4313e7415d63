"""The header of Zeek's TAB-separated logs, and the columns of files whose header cannot be seen.

Source: the ASCII writer of Zeek (``#separator``, ``#set_separator``, ``#empty_field``, ``#unset_field``, ``#path``,
``#fields``, ``#types``) and its test baselines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from filterwatch.decoders.heads import head_of

MOST_HEAD = 65_536
"""Bytes of a file in which its header is looked for."""

_ESCAPE = re.compile(rb"(?:\\x[0-9A-Fa-f]{2})+")

_ENDPOINTS = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p "
STANDARD = {
    "zeek_http": _ENDPOINTS + "trans_depth method host uri referrer version user_agent origin request_body_len "
    "response_body_len status_code status_msg info_code info_msg tags username password proxied orig_fuids "
    "orig_filenames orig_mime_types resp_fuids resp_filenames resp_mime_types",
    "zeek_dns": _ENDPOINTS
    + "proto trans_id rtt query qclass qclass_name qtype qtype_name rcode rcode_name AA TC RD RA "
    "Z answers TTLs rejected opcode opcode_name",
    "zeek_conn": _ENDPOINTS + "proto service duration orig_bytes resp_bytes conn_state local_orig local_resp "
    "missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents ip_proto",
    "zeek_ssl": _ENDPOINTS
    + "version cipher curve server_name resumed last_alert next_protocol established ssl_history "
    "cert_chain_fps client_cert_chain_fps sni_matches_cert",
    "zeek_dhcp": "ts uids client_addr server_addr mac host_name client_fqdn domain requested_addr assigned_addr "
    "lease_time client_message server_message msg_types duration",
    "zeek_radius": _ENDPOINTS + "username mac framed_addr tunnel_client connect_info reply_msg result ttl",
}
"""Columns as Zeek 5 to 8 write them; older ones lack the last: a line must have as many, or few less (``SHORTER``)."""

SHORTER = {"zeek_dns": 2, "zeek_conn": 1}
"""How many of the last columns an older Zeek (3 and later) leaves out."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says; by default what Zeek writes unless it is told otherwise.

    Attributes:
        fields: Names of the columns, in order.
        lists: Names of those that hold sets and vectors.
        shorter: How many of the last columns a line may lack.
        separator: What stands between columns.
        set_separator: What stands between the members of a set.
        empty: An empty text or set.
        unset: No value.
    """

    fields: tuple[str, ...]
    lists: frozenset[str] = frozenset({"tags", "answers", "TTLs", "orig_mime_types", "resp_mime_types", "msg_types"})
    shorter: int = 0
    separator: bytes = b"\t"
    set_separator: bytes = b","
    empty: bytes = b"(empty)"
    unset: bytes = b"-"

    def read(self, lines: Iterable[bytes]) -> Header:
        """Return what stands after header *lines*; a line that says nothing new changes nothing."""
        header = self
        for line in lines:
            header = header._after(line)
        return header

    def _after(self, line: bytes) -> Header:
        if line.startswith(b"#separator "):
            return replace(self, separator=unescaped(line[11:]) or b"\t")
        name, _, rest = line.partition(self.separator)
        plain: Header | None = {
            b"#set_separator": lambda: replace(self, set_separator=unescaped(rest) or b","),
            b"#empty_field": lambda: replace(self, empty=rest),
            b"#unset_field": lambda: replace(self, unset=rest),
        }.get(name, lambda: None)()
        if plain is not None:
            return plain
        words = tuple(word.decode("ascii", "replace") for word in rest.split(self.separator))
        if name == b"#fields":
            return replace(self, fields=words, shorter=0)
        if name == b"#types":
            pairs = zip(self.fields, words, strict=False)
            return replace(
                self, lists=frozenset(field for field, kind in pairs if kind.startswith(("set[", "vector[")))
            )
        return self


def standard(name: str) -> Header:
    """Return the header of the log *name* as Zeek writes it without being told otherwise."""
    return Header(tuple(STANDARD[name].split()), shorter=SHORTER.get(name, 0))


def unescaped(text: bytes) -> bytes:
    r"""Return *text* with each ``\xHH`` as its byte."""
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[0].decode().replace("\\x", "")), text)


def header_lines(path: str) -> list[bytes]:
    """Return the header lines at the beginning of a file; none where it cannot be read."""
    lines = []
    for line in head_of(path, MOST_HEAD).split(b"\n"):
        if not line.startswith(b"#"):
            break
        lines.append(line.removesuffix(b"\r"))
    return lines
