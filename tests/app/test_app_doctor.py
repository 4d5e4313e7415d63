"""``filterwatch doctor``: each thing that can be wrong is found, with a remedy; a sound gateway is left alone."""

import fcntl
import os
import re
import shutil
import tempfile
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from filterwatch import records
from filterwatch.app.doctor import Gateway, examine
from filterwatch.app.doctor.services import rotations
from filterwatch.app.settings import load
from filterwatch.cli import make_app
from filterwatch.clock import SystemClock
from filterwatch.decoders import catalogue
from filterwatch.errors import ConfigurationError, FilterwatchError
from filterwatch.journal import Commit, Counts, Journal
from filterwatch.lines import Checkpoint, Gap
from filterwatch.sources import Refused

records.setup(":memory:", "a secret for tests")

from filterwatch.records.models import Outbox  # noqa: E402
from filterwatch.records.opening import open_registers  # noqa: E402

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SQUID = "1795311995.403      7 10.1.2.3 TCP_MISS/200 812 GET http://www.bbc.test/{} - HIER_DIRECT/192.0.2.1 text/html\n"
NOBODY = "nobody"

CONFIG = """\
site: st-pauls
state: state
sources:
  - {name: squid, format: squid, path: log/access.log}
people:
  ranges: [{net: 10.0.0.0/8, group: pupils, device_class: individual}, {net: 10.9.0.0/16, device_class: phone}]
calendar: {terms: [{from: 2026-09-01, to: 2026-12-18}]}
alerts:
  recipients:
    coordinator: {name: Jane Roe, channels: [jane], logins: [jroe]}
    head: {name: Ann Head, channels: [ann], logins: [ahead]}
    governor: {name: Gus Gov, channels: [gus], logins: [ggov]}
delivery:
  channels: {jane: {url_file: jane.url}, ann: {url_file: ann.url}, gus: {url_file: gus.url}}
"""

GATE = """\
format: gate
title: The made-up appliance Gate
claims: ' gate web: from='
shapes: [{family: keyvalue, begins: 'from=', needs: [from]}]
time: [envelope]
kind: http
fields: {client_ip: from, url: ask}
"""


class Machine:
    """A gateway in a folder on which nothing is wrong, until a test spoils it."""

    def __init__(self, folder: Path):
        self.folder, self.root, self.log = folder, folder / "root", folder / "log" / "access.log"
        self.locks = []
        (folder / "log").mkdir()
        (folder / "root" / "etc" / "squid").mkdir(parents=True)
        self.write(
            "root/etc/squid/squid.conf", "strip_query_terms off\naccess_log daemon:/var/log/squid/access.log squid\n"
        )
        self.log.write_text("".join(SQUID.format(n) for n in range(50)))
        self.write("filterwatch.yaml", CONFIG)
        for name in ("jane", "ann", "gus"):
            self.write(f"{name}.url", f"json://localhost/{name}\n").chmod(0o600)
        (folder / "state").mkdir(mode=0o700)
        for path in folder.rglob("*"):
            shutil.chown(path, NOBODY if os.geteuid() == 0 else None)
        folder.chmod(0o755)
        for name in ("journal.db.lock", "deliver.lock"):
            file = (folder / "state" / name).open("w")
            fcntl.flock(file, fcntl.LOCK_EX)
            self.locks.append(file)
        with self.journal() as journal:
            counts = Counts(lines=50, events=50)
            at = Checkpoint("squid", "s", 1)
            journal.commit(Commit(read_at=NOW - timedelta(hours=1), checkpoint=at, counts=counts))

    def journal(self):
        self.locks[0].close()
        return Journal.open(self.folder / "state" / "journal.db", writer=True, clock=SystemClock())

    def write(self, name, text) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def change(self, old, new):
        assert old in CONFIG
        self.write("filterwatch.yaml", CONFIG.replace(old, new))

    def findings(self) -> list[str]:
        """Return what is found, with its remedy."""
        with (self.folder / "state" / "journal.db.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = examine(Gateway(load(self.folder / "filterwatch.yaml"), NOW, self.root, NOBODY))
        assert all(one.what and one.why and one.remedy for one in found)
        return [f"{one.what} -> {one.remedy}".replace(f"{self.folder}/", "") for one in found]


@pytest.fixture
def machine():
    # Not pytest's own folder: that is for root alone, and another account has to see this one.
    with tempfile.TemporaryDirectory(prefix="filterwatch-doctor-") as folder:
        made = Machine(Path(folder))
        yield made
        for lock in made.locks:
            lock.close()


def test_a_sound_gateway_is_left_alone(machine):
    assert machine.findings() == []


@pytest.fixture
def gate(machine, monkeypatch):
    """A gateway with an appliance in a format of the school's own; other tests never hear of it."""
    monkeypatch.setattr(catalogue, "_own", {})
    machine.write("formats/gate.yaml", GATE)
    machine.log.write_text("2026-11-23T09:14:22Z gate web: from=10.1.2.3 ask=http://www.bbc.test/\n" * 50)
    machine.change("format: squid", "format: gate")
    return machine


def test_a_source_in_a_format_of_the_schools_own_is_read(gate):
    assert gate.findings() == []


def test_mistakes_in_a_format_of_the_schools_own_are_told_at_their_place(gate):
    gate.write("formats/gate.yaml", GATE.replace("kind: http", "kind: htp"))

    with pytest.raises(ConfigurationError, match=r"formats/gate\.yaml:6:7: kind: "):
        gate.findings()


def test_a_log_in_a_format_of_the_schools_own_is_proposed(gate):
    asked = ["doctor", str(gate.log.parent), "--config", str(gate.folder / "filterwatch.yaml")]

    done = CliRunner().invoke(make_app(), asked, catch_exceptions=False)

    assert (done.exit_code, done.stderr) == (0, "")
    assert "format: gate\n" in done.output


def test_a_mistake_in_a_format_of_the_schools_own_does_not_keep_other_logs_from_being_proposed(gate):
    gate.write("formats/gate.yaml", GATE.replace("kind: http", "kind: htp"))
    gate.write("log/squid.log", "".join(SQUID.format(n) for n in range(50)))
    asked = ["doctor", str(gate.log.parent), "--config", str(gate.folder / "filterwatch.yaml")]

    done = CliRunner().invoke(make_app(), asked, catch_exceptions=False)

    assert "formats/gate.yaml:6:7: kind: " in done.stderr
    assert "Formats of your own are not looked for." in done.stderr
    assert "format: squid\n" in done.output


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="another account's permissions need root")


@needs_root
def test_a_log_that_its_group_may_read_is_opened_by_joining_the_group(machine):
    shutil.chown(machine.log, "root", "adm")
    machine.log.chmod(0o640)
    (found,) = machine.findings()
    assert found.startswith("Source squid: log/access.log may not be read by the account nobody.")
    assert "usermod -aG adm nobody" in found


@needs_root
def test_a_log_that_only_its_owner_may_read_needs_an_access_list(machine):
    shutil.chown(machine.log, "root", "root")
    machine.log.chmod(0o600)
    (found,) = machine.findings()
    assert "setfacl -m u:nobody:rX log log/access.log\nsetfacl -d -m u:nobody:rX log" in found


@needs_root
def test_the_groups_of_the_unit_count(machine):
    shutil.chown(machine.log, "root", "adm")
    machine.log.chmod(0o640)
    machine.write("root/etc/systemd/system/filterwatch-ingest.service", "[Service]\nSupplementaryGroups=proxy adm\n")
    assert machine.findings() == []


def test_a_log_that_is_not_there_is_found(machine):
    machine.log.unlink()
    assert machine.findings()[0].startswith("Source squid: there is no log at log/access.log.")


@pytest.mark.parametrize("content", [os.urandom(5000) + b"\n", b"x y z\n" * 50, b"\xff\xfe\n\x00\n" * 50])
def test_a_log_in_another_format_is_found_and_garbage_does_no_harm(machine, content):
    machine.log.write_bytes(content)
    (found,) = machine.findings()
    assert re.search(r"\d+ of \d+ lines of log/access.log cannot be read as squid", found)


def test_the_right_format_is_proposed(machine):
    line = "Nov 22 01:50:01 dnsmasq[31]: 7 10.1.2.3/49152 query[A] www.bbc.test from 10.1.2.3\n"
    machine.log.write_text(line * 50)
    assert machine.findings()[0].endswith("-> Write `format: dnsmasq_extra`.")


def test_header_blocks_are_found(machine):
    machine.log.write_text(
        "".join(SQUID.format(n).rstrip("\n") + " [Host: a\\r\\n] [HTTP/1.1 200 OK\\r\\n]\n" for n in range(9))
    )
    machine.change("format: squid,", "format: squid_mimehdrs,")
    assert machine.findings()[0].startswith("Source squid: log/access.log holds the headers of every request.")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{log} {{\n daily\n rotate 9\n copytruncate\n}}\n", "by copytruncate"),
        ("{log} {{\n\tdaily\n\trotate 2\n\tpostrotate\n\t\tx }}\n\tendscript\n}}\n", "for 2 days"),
        ('"/a" {log}\n{{\n weekly\n rotate 0\n}}\n', "for 0 days"),
    ],
)
def test_rotation_that_loses_lines_is_found(machine, text, says):
    machine.write("root/etc/logrotate.d/squid", text.format(log=machine.log))
    (found,) = machine.findings()
    assert says in found


@pytest.mark.parametrize("text", ["}{ }}} {{\n\n}", "/a {", "\x00\xff{", "daily\nrotate x\n/a {\n}\n" * 3])
def test_a_strange_logrotate_file_does_no_harm(tmp_path, text):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/logrotate.conf").write_text(text)
    list(rotations(tmp_path))


def test_what_rotation_says_for_all_logs_counts_where_one_says_nothing(tmp_path):
    (tmp_path / "etc/logrotate.d").mkdir(parents=True)
    (tmp_path / "etc/logrotate.conf").write_text("weekly\nrotate 4\ninclude /etc/logrotate.d\n")
    (tmp_path / "etc/logrotate.d/kern").write_text(
        "/var/log/kern.log /var/log/auth.log { delaycompress\n}\n/b {\ndaily\n}\n"
    )
    found = list(rotations(tmp_path))
    assert [(one.patterns, one.days) for one in found] == [
        (("/var/log/kern.log", "/var/log/auth.log"), 28.0),
        (("/b",), 4.0),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("logformat mine %ts.%03tu %'>ru", "writes fields as they are"),
        ('logformat ua %>a "%{User-Agent}>h"', "logs request headers"),
        ("access_log /var/log/squid/other.log combined", "logs request headers"),
        ("log_mime_hdrs on", "logs request headers"),
    ],
)
def test_a_squid_that_logs_dangerously_is_found(machine, line, says):
    machine.write("root/etc/squid/conf.d/x.conf", f"# a comment: log_mime_hdrs on\n{line}\n")
    (found,) = machine.findings()
    assert says in found


def test_a_squid_that_cuts_search_terms_off_is_found(machine):
    machine.write("root/etc/squid/squid.conf", "# strip_query_terms off\nhttp_port 3128\n")
    assert "Add the line `strip_query_terms off`" in machine.findings()[0]


@needs_root
def test_a_state_directory_of_somebody_else_or_open_to_all_is_found(machine):
    state = machine.folder / "state"
    shutil.chown(state, "root", "root")
    state.chmod(0o755)
    first, second = machine.findings()
    assert "belongs to root" in first
    assert first.endswith("-> chown -R nobody: state")
    assert second.endswith("-> chmod 700 state")


def test_secrets_for_everybody_are_found(machine):
    machine.write("state/ledger.key", "k").chmod(0o644)
    assert machine.findings()[0].endswith("-> chmod o= state/ledger.key")


def test_halves_of_the_daemon_that_do_not_run_are_found(machine):
    machine.locks[1].close()
    (found,) = machine.findings()
    assert found.startswith("`filterwatch deliver` does not run.")


def test_senders_that_no_source_allows_are_found(machine):
    machine.change("path: log/access.log}", "listen: {udp: '127.0.0.1:5514', allow: [10.0.0.1]}}")
    (machine.folder / "state" / "spool").mkdir()
    refused = Refused(str(machine.folder / "state" / "spool"), SystemClock())
    refused.note(["squid"], "10.9.3.77")
    refused.save()
    found = machine.findings()

    (said,) = [one for one in found if "10.9.3" in one]
    assert said.startswith(
        "Source squid: 1 messages or connections from 10.9.3.0/24 were refused. -> If your appliance"
    )
    for broken in ("[[", "5", "[[1]]"):
        machine.write("state/spool/refused.json", broken)
        assert any(one.startswith("What the receiver refused cannot be read") for one in machine.findings())


def test_silence_unreadable_lines_and_gaps_in_the_journal_are_found(machine):
    with machine.journal() as journal:
        gap = Gap("squid", "s", 1, 9, NOW, "the log was deleted before it was read")
        bad = pl.DataFrame({"line_offset": [1], "line_length": [2], "why": ["no"], "raw": [b"x"]})
        journal.commit(
            Commit(
                read_at=NOW - timedelta(days=9),
                checkpoint=Checkpoint("squid", "s", 9),
                gaps=(gap,),
                quarantined=bad.cast({"line_length": pl.Int32}),
                counts=Counts(lines=50, rejected=25),
            )
        )
    found = machine.findings()
    assert any("25 of 100 lines could not be read" in one for one in found)
    assert any("lines were lost (noticed: 1), last on 23 Nov 2026" in one for one in found)


def test_a_damaged_journal_is_told_not_a_traceback(machine):
    (machine.folder / "state" / "journal.db").write_bytes(b"garbage" * 999)
    assert any(one.startswith("The journal cannot be read: ") for one in machine.findings())


def test_notifications_that_nobody_got_are_found(machine):
    open_registers(records.Settings(), machine.folder / "state")
    row = {"about": "x", "kind": "immediate", "recipient": "head", "title": "t", "body": "b", "next_attempt_at": NOW}
    Outbox.objects.create(id="1", channel="ann", state="dead", created_at=NOW, **row)
    Outbox.objects.create(id="2", channel="gus", state="retry", created_at=NOW - timedelta(hours=2), **row)
    found = "\n".join(machine.findings())
    records.setup(":memory:", "a secret for tests")
    assert "Notifications that were given up: 1 (channels: ann)." in found
    assert "Notifications that wait for more than 30 minutes: 1." in found


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("to: 2026-12-18", "to: 2026-10-23", "The calendar's last term ended on 23 Oct 2026."),
        ("calendar: {terms: [{from: 2026-09-01, to: 2026-12-18}]}", "calendar: {}", "The calendar has no terms."),
        (", logins: [jroe]", "", "No log-in names are given for: coordinator."),
        (", device_class: phone", "", "no device is of their class: phones-pupils"),
        (
            CONFIG[CONFIG.index("people:") : CONFIG.index("calendar")],
            "",
            "Nothing says who is a pupil and who is staff.",
        ),
        ("alerts:", "metrics: {listen: 0.0.0.0, ingest_port: 9167}\nalerts:", "Metrics are served on 0.0.0.0."),
        ("people:", "people:\n  leases: [no.leases]", "The lease file no.leases does not exist."),
    ],
)
def test_what_the_configuration_will_not_do_is_found(machine, old, new, says):
    machine.change(old, new)
    assert says in "\n".join(machine.findings())


def test_addresses_that_nobody_filled_in_are_found(machine):
    machine.write("ann.url", "mailtos://user:password@mail.example.invalid\n")
    assert machine.findings()[0].startswith("Channels that still have the address of `filterwatch init`: ann.")


def test_an_old_list_of_the_school_is_found(machine):
    own = machine.write("own.txt", "# category: ethos\nsite.test\n")
    os.utime(own, (1_700_000_000, 1_700_000_000))
    machine.change("people:", "lists: {own: [own.txt]}\npeople:")
    assert any("The list own.txt was last changed on 14 Nov 2023." in one for one in machine.findings())


def test_the_command_fits_the_terminal_and_exits_with_findings(machine):
    machine.change("sources:\n", textwrap.dedent("""\
        sources:
          - {name: odd, format: squid, path: "log/\\x1b[31mred\\x1b[0m.log"}
        """))  # fmt: skip
    words = ["doctor", "--config", str(machine.folder / "filterwatch.yaml"), "--root", str(machine.root)]
    done = CliRunner().invoke(make_app(), words)
    assert done.exit_code == 1
    assert "\\x1b[31mred" in done.output
    assert "\x1b" not in done.output
    assert "   Do:  " in done.output


def test_a_configuration_with_mistakes_is_refused_as_by_check(machine):
    machine.change("site: st-pauls", "sites: st-pauls")
    done = CliRunner().invoke(make_app(), ["doctor", "--config", str(machine.folder / "filterwatch.yaml")])
    assert isinstance(done.exception, FilterwatchError)
