"""``filterwatch init``: a configuration with this gateway's logs, which passes ``check`` as it is."""

import os
import pwd
import re
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from filterwatch.app.checking import check
from filterwatch.app.parts import School
from filterwatch.app.settings import load
from filterwatch.app.starting import start
from filterwatch.cli import make_app
from filterwatch.errors import FilterwatchError

SQUID = (
    "1795311995.403      7 10.1.2.{} TCP_MISS/200 812 GET http://www.bbc.test/{} - HIER_DIRECT/192.0.2.1 text/html\n"
)
DNS = "Nov 22 01:50:{:02} dnsmasq[31]: {} 10.1.2.3/49152 query[A] www.bbc.test from 10.1.2.3\n"
KERNEL = (
    "Nov 22 01:50:{:02} gw kernel: [12.3] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=10.1.2.3 DST=192.0.2.9 LEN=60 TOS=0x00"
    " PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=41000 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0\n"
)
OTHER = "Nov 22 01:50:{:02} gw systemd[1]: Started something else.\n"


@pytest.fixture
def root(tmp_path) -> Path:
    logs = tmp_path / "root" / "var" / "log"
    (logs / "squid").mkdir(parents=True)
    return tmp_path / "root"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def sources(directory: Path) -> dict[str, tuple[str, str]]:
    found = load(directory / "filterwatch.yaml").settings.sources
    return {one.name: (one.format, one.path[0]) for one in found}


def test_the_logs_of_the_gateway_become_sources_in_their_formats(root, tmp_path):
    write(root, "var/log/squid/access.log", "".join(SQUID.format(n, n) for n in range(50)))
    write(root, "var/log/dnsmasq.log", "".join(DNS.format(n, n) for n in range(50)))
    write(root, "var/log/kern.log", "".join([OTHER.format(n) * 9 + KERNEL.format(n) for n in range(5)]))
    write(root, "var/log/auth.log", OTHER.format(1))
    write(root, "var/lib/misc/dnsmasq.leases", "")
    start(tmp_path / "etc", root)
    assert sources(tmp_path / "etc") == {
        "squid": ("squid", "/var/log/squid/access.log"),
        "dns": ("dnsmasq_extra", "/var/log/dnsmasq.log"),
        "firewall": ("netfilter", "/var/log/kern.log"),
        "logins": ("filter_events", "/var/log/auth.log"),
    }
    people = load(tmp_path / "etc" / "filterwatch.yaml").settings.people
    assert people.leases == (Path("/var/lib/misc/dnsmasq.leases"),)


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 9, os.urandom(4096), b"no line end", b"\xff\xfex\n" * 99])
def test_what_is_written_passes_check_whatever_the_logs_hold(root, tmp_path, content):
    if content is not None:
        for name in ("squid/access.log", "syslog", "kern.log"):
            (root / "var" / "log" / name).write_bytes(content)
    start(tmp_path / "etc", root)
    assert check(tmp_path / "etc" / "filterwatch.yaml").sources >= 1


def test_pipes_and_folders_in_place_of_a_log_do_no_harm(root, tmp_path):
    os.mkfifo(root / "var" / "log" / "squid" / "access.log")
    (root / "var" / "log" / "syslog").mkdir()
    start(tmp_path / "etc", root)
    assert check(tmp_path / "etc" / "filterwatch.yaml").sources >= 1


def test_secrets_are_for_the_owner_alone_and_people_not_for_everybody(root, tmp_path):
    start(tmp_path / "etc", root)
    modes = {path.relative_to(tmp_path): stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "etc").rglob("*")}
    assert modes.pop(Path("etc/credentials")) == 0o700
    assert {mode for path, mode in modes.items() if path.suffix == ".url"} == {0o600}
    assert not any(mode & 0o007 for mode in modes.values())


def test_nothing_that_exists_is_overwritten(root, tmp_path):
    write(tmp_path, "etc/roster.csv", "user,group\nsam,pupils\n")
    made = start(tmp_path / "etc", root)
    assert made.kept == [tmp_path / "etc" / "roster.csv"]
    assert "sam" in (tmp_path / "etc" / "roster.csv").read_text()
    with pytest.raises(FilterwatchError, match="exists already and is never overwritten; name another directory"):
        start(tmp_path / "etc", root)


def test_a_place_that_cannot_be_written_is_named_with_the_remedy(root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FilterwatchError, match="cannot be written: Not a directory; run as root, or name another"):
        start(tmp_path / "file" / "etc", root)


def test_the_command_says_what_it_found_and_what_comes_next(root, tmp_path):
    done = CliRunner().invoke(make_app(), ["init", str(tmp_path / "etc"), "--root", str(root)])
    assert done.exit_code == 0, done.output
    assert "found    no log that can be read; name yours under `sources:`" in done.output
    assert "filterwatch check --config" in done.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_daemons_account_can_read_what_root_wrote(root, tmp_path):
    nobody = pwd.getpwnam("nobody")
    start(tmp_path / "etc", root, "nobody")
    for path in (tmp_path / "etc", *(tmp_path / "etc").rglob("*")):
        owner = nobody.pw_uid if "credentials" in path.parts else 0
        assert (path.stat().st_uid, path.stat().st_gid) == (owner, nobody.pw_gid), path


def test_the_lists_that_are_proposed_are_known_by_name_and_licence_and_pass_check(root, tmp_path):
    config = tmp_path / "etc" / "filterwatch.yaml"
    start(config.parent, root)
    text = config.read_text()
    assert not load(config).settings.lists.use
    block = text[text.index("# lists:\n") : text.index("# Who is told")]
    config.write_text(text.replace(block, block.replace("# lists:", "lists:").replace("\n#   ", "\n  ")))
    lists = load(config).settings.lists
    known = School(load(config)).catalogue()
    said = dict(re.findall(r"- (\S+) +# (\S+)", block))
    assert said == {id_: known[id_].licence for id_ in lists.use}
    assert lists.names == ("example.sch.uk",)
