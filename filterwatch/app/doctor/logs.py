"""The logs themselves: are they there, may they be read, are they in the format that their source says."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filterwatch import sources
from filterwatch.app.doctor.gateway import Finding, Gateway
from filterwatch.app.sampling import answers, sample
from filterwatch.decoders import format_of
from filterwatch.lines import LineBatch

MOST_REJECTED = 0.05
"""Share of lines that may be unreadable: odd lines are fewer than one in a hundred in every log we have."""


def absent(gateway: Gateway) -> Iterator[Finding]:
    """Yield sources of which there is no log."""
    found = {source.name for source, _ in gateway.logs()}
    for source in gateway.configuration.settings.sources:
        if source.listen is not None:
            continue  # it has none; whether the receiver runs is told by `running.processes`
        hidden = [path for path in source.path if _is_hidden(gateway.configuration.at(Path(path)).parent)]
        if source.name not in found and hidden:
            yield Finding(
                f"Source {source.name}: you may not look for {', '.join(hidden)}.",
                "Whether it is there and can be read is not known.",
                "Run doctor as root.",
            )
        elif source.name not in found:
            yield Finding(
                f"Source {source.name}: there is no log at {', '.join(source.path)}.",
                "Nothing is read of it; silence looks like a school that never uses it.",
                "Correct `path`, or have the service write the log; take the source out if it is not used.",
            )


def _is_hidden(folder: Path) -> bool:
    return os.path.lexists(folder) and not os.access(folder, os.X_OK)


def unreadable(gateway: Gateway) -> Iterator[Finding]:
    """Yield logs that the daemon may not read, with the group or the access list that lets it."""
    for source, path in gateway.logs():
        if not gateway.may("r", path):
            yield Finding(
                f"Source {source.name}: {path} may not be read by the account {gateway.account}.",
                "Nothing of it is read; the daemon asks again each second and loses nothing once it may.",
                _let_in(gateway, path),
            )


def _let_in(gateway: Gateway, path: Path) -> str:
    status, folder = path.stat(), path.parent.stat()
    open_to_group = status.st_mode & stat.S_IRGRP and (
        folder.st_mode & stat.S_IXOTH or (folder.st_gid == status.st_gid and folder.st_mode & stat.S_IXGRP)
    )
    if open_to_group and status.st_gid != 0:
        try:
            group = grp.getgrgid(status.st_gid).gr_name
        except KeyError:
            group = str(status.st_gid)
        return f"usermod -aG {group} {gateway.account}\nThen restart filterwatch."
    account = gateway.account
    return (
        f"setfacl -m u:{account}:rX {path.parent} {path}\nsetfacl -d -m u:{account}:rX {path.parent}\n"
        "The second line is for the files that rotation makes."
    )


def wrong_format(gateway: Gateway) -> Iterator[Finding]:
    """Yield logs that their source's format does not fit."""
    for source, path, batch in _samples(gateway):
        got = answers(batch, source.format, source.zone or gateway.configuration.settings.timezone, source.options)
        looked = got.events + got.rejected
        if not looked or got.rejected <= MOST_REJECTED * looked:
            continue
        told = format_of(batch)
        what = f"{got.rejected} of {len(batch)} lines of {path} cannot be read as {source.format}"
        remedy = f"Write `format: {told}`." if told and told != source.format else "filterwatch decode --format "
        if not remedy.startswith("Write"):
            remedy += f"{source.format} {path}\nshows which lines; name the format they are in."
        why = f"They are kept aside and judged by no rule. The first: {got.why}."
        yield Finding(f"Source {source.name}: {what}.", why, remedy)


def header_blocks(gateway: Gateway) -> Iterator[Finding]:
    """Yield squid logs that carry the headers of every request."""
    for source, path, batch in _samples(gateway):
        if source.format.startswith("squid") and format_of(batch) == "squid_mimehdrs":
            yield Finding(
                f"Source {source.name}: {path} holds the headers of every request.",
                "They hold passwords (Proxy-Authorization). filterwatch never stores them; the log does.",
                "In squid.conf: `log_mime_hdrs off`, and no logformat with %{...}>h, no `combined`,\n"
                "no useragent_log or referer_log.",
            )


def plain_dnsmasq(gateway: Gateway) -> Iterator[Finding]:
    """Yield DNS logs whose answers do not say who asked."""
    for source, path, batch in _samples(gateway):
        if source.format == "dnsmasq" and format_of(batch) == "dnsmasq":
            yield Finding(
                f"Source {source.name}: {path} is written without `extra`.",
                "An answer does not say who asked: a blocked name can be tied to a device only by guessing.",
                "In dnsmasq.conf: `log-queries=extra`; then `format: dnsmasq_extra` here.",
            )


def _samples(gateway: Gateway) -> Iterator[tuple[sources.Settings, Path, LineBatch]]:
    for source, path in gateway.logs():
        try:
            batch = sample(path)
        except OSError:
            continue  # told by `unreadable`
        if len(batch):
            yield source, path, batch


def no_regular_file(gateway: Gateway) -> Iterator[Finding]:
    """Yield logs that are pipes, sockets or folders."""
    for source, path in gateway.logs():
        if not path.is_file():
            yield Finding(
                f"Source {source.name}: {path} is no regular file.",
                "filterwatch follows files; a pipe or a folder is passed over.",
                "Have the service write to a file, and name that file.",
            )


LOOKS: Sequence[Callable[[Gateway], Iterator[Finding]]] = (
    absent, no_regular_file, unreadable, wrong_format, header_blocks, plain_dnsmasq,
)  # fmt: skip
