"""What the doctor looks at, and what it says."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filterwatch import sources
from filterwatch.app.settings import Configuration

ACCOUNT = "filterwatch"
"""The account that the daemon runs under.  Source: deploy/sysusers.d."""

UNITS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        what: One sentence; names the place.
        why: What it leads to.
        remedy: What to do; commands stand by themselves.
    """

    what: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """The machine and the configuration.

    Attributes:
        configuration: Sound.
        now: UTC.
        root: What to take for ``/`` where a file of the system is looked at; the configuration's own paths are taken
            as they are.
        account: Whose permissions count.
    """

    configuration: Configuration
    now: datetime
    root: Path = Path("/")
    account: str = ACCOUNT

    def system(self, path: str) -> Path:
        """Return a file of the system, named without its leading ``/``."""
        return self.root / path

    def logs(self) -> Iterator[tuple[sources.Settings, Path]]:
        """Yield every live log there is, with its source."""
        for source in self.configuration.settings.sources:
            for pattern in source.path:
                whole = str(self.configuration.at(Path(pattern)))
                for name in sorted(glob.glob(whole)):  # noqa: PTH207 - a pattern with a folder in front
                    yield source, Path(name)

    def may(self, how: str, path: Path) -> bool:
        """Say whether the daemon's account may read (``r``), write (``w``) or enter (``x``) *path*; ACLs count."""
        if os.geteuid() != 0:
            return os.access(path, {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}[how])
        try:
            user = pwd.getpwnam(self.account)
        except KeyError:
            return path.exists()
        groups = [*os.getgrouplist(self.account, user.pw_gid), *self._unit_groups()]
        # The kernel answers for the account itself: no rule of ours can be as right as that.
        command = ["/usr/bin/test", f"-{how}", str(path)]
        done = subprocess.run(  # noqa: S603 - a fixed program, a path as one argument
            command, user=user.pw_uid, group=user.pw_gid, extra_groups=groups, check=False, timeout=5
        )
        return done.returncode == 0

    def _unit_groups(self) -> Iterator[int]:
        """Yield the groups that the unit adds to the account's own."""
        for folder in UNITS:
            unit = self.system(f"{folder}/filterwatch-ingest.service")
            for line in text_of(unit).splitlines():
                name, _, value = line.partition("=")
                if name.strip() == "SupplementaryGroups":
                    known = {group.gr_name: group.gr_gid for group in grp.getgrall()}
                    yield from (known[word] for word in value.split() if word in known)


def text_of(path: Path) -> str:
    """Return the text of a file of the system; empty where it cannot be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
