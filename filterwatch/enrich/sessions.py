"""Which person had an address or a device at which time: what logins say, of RADIUS, of Windows, of a VPN.

A login counts for its address and its hardware address, from its time on, up to its end, to the next login there, or
until nothing was heard of it for the length that the school names.  Only logins whose words are known count: somebody
who logs in *at* the gateway or at a firewall's console is not thereby the one who browses.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import polars as pl

from filterwatch.enrich.asof import SEVERAL, AsOf, Fact, Holder, Says
from filterwatch.enrich.people import fold

_WORDS: tuple[tuple[Says, tuple[str, ...]], ...] = (
    (Says.ENDS, ("accounting-stop", "logoff", "vpn disconnect")),
    (Says.STAYS, ("accounting-interim", "accounting-alive")),
    (Says.HOLDS, ("login ok", "accounting-start", "logon", "kerberos ticket", "vpn address")),
)
"""Beginnings of ``filter_reason``, lower case."""

ACCEPTED = "login ok"
"""What an accepted RADIUS login says that was not logged with a word (Zeek's)."""

_USER = "user "
"""Stands before a user's name where a key holds the ends that do not say where; no address begins so."""

LONGEST_USER = 255
"""Characters of a user name that are kept: RADIUS has no more."""


class Login(NamedTuple):
    """What an auth event says.

    Attributes:
        time: Microseconds since 1970, UTC.
        user: The name in the log.
        domain: Its domain.
        ip: Address the person has.
        mac: Hardware address the person's device has.
        what: The server's word for it: ``filter_reason``.
    """

    time: int
    user: str | None
    domain: str | None
    ip: str | None
    mac: str | None
    what: str | None


@lru_cache(maxsize=1024)
def meaning(what: str | None) -> Says | None:
    """Return what the word of an auth event says of who has an address; null where it says nothing of it."""
    word = (what or "").lower()
    return next((says for says, heads in _WORDS if word.startswith(heads)), None)


class Sessions:
    """The history of each address and each hardware address.

    Args:
        length: Microseconds for which a login holds that nothing confirms.

    Attributes:
        history: The facts, by address and by hardware address; holders are user, folded, and domain.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._of_user: dict[str, set[str]] | None = None
        self.history = AsOf()

    def touched(self, login: Login) -> set[str]:
        """Return the addresses and hardware addresses of which *login* says something."""
        says = meaning(login.what)
        if says is None:
            return set()
        keys = {key for key in (login.ip, login.mac) if key}
        if says is Says.ENDS and login.user and _somewhere(login):
            keys |= self._held_by(fold(login.user))
        return keys

    def heard(self, login: Login) -> None:
        """Take in a login, a sign of life or an end of one that the server accepted.

        An end without an address (a Windows logoff) ends what the user holds everywhere: nobody is named for an address
        that somebody may have left.
        """
        says = meaning(login.what)
        user = fold(login.user)[:LONGEST_USER] if login.user else None
        if says is None or (user is None and says is not Says.ENDS) or (user and is_machine(user)):
            return
        holder = Holder(user, fold(login.domain) if login.domain else None) if user else SEVERAL
        fact = Fact(login.time, login.time + self._length, says, holder)
        if says is Says.ENDS and user and _somewhere(login):
            self.history.add(_USER + user, fact)
        for key in sorted(self.touched(login)):
            self.history.add(key, fact)
            if user and says is not Says.ENDS:
                self._holds(key, user, login.time)

    def _holds(self, key: str, user: str, time: int) -> None:
        """Take in the ends without an address that were heard before this login, which is older."""
        for end in self.history.facts(_USER + user):
            if end.time >= time:
                self.history.add(key, end)
        if self._of_user is not None:
            self._of_user.setdefault(user, set()).add(key)

    def restore(self, frame: pl.DataFrame) -> None:
        """Go on from the frame of :attr:`history`."""
        self.history.restore(frame)
        self._of_user = None

    def _held_by(self, user: str) -> set[str]:
        """Return the keys that *user* was heard to hold; an index that is made when it is first asked."""
        if self._of_user is None or len(self._of_user) > 4 * len(self.history):
            self._of_user = {}
            for key, name in self.history.holders():
                if name and not key.startswith(_USER):
                    self._of_user.setdefault(name, set()).add(key)
        return {key for key in self._of_user.get(user, ()) if key in self.history}


def _somewhere(login: Login) -> bool:
    """Return whether the end of *login* does not say where; a VPN names the address that the person came from."""
    return login.ip is None or (login.what or "").startswith("vpn")


def is_machine(user: str) -> bool:
    """Return whether *user*, folded, is the account of a device."""
    return user.endswith("$") or user.startswith("host/")
