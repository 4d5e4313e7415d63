"""Receiving syslog by UDP, TCP and TLS into the spool; a sender can neither end it nor make it grow.

What a TCP or TLS sender sent is read on only while no more than a window of it waits for the disk, so a full disk
makes senders wait.  UDP senders do not wait: what is dropped is counted, by us and by the kernel, and recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence

from filterwatch.clock import Clock
from filterwatch.sources.spool_writing import DOWN_SECONDS
from filterwatch.sources.syslog_framing import Framer, FramingError, line_of
from filterwatch.sources.syslog_listeners import Inlet, Listener, Peer
from filterwatch.sources.syslog_refused import Refused

log = logging.getLogger(__name__)

Count = Callable[[str, str, int], None]
"""Counts: the source, what happened (one of :data:`HAPPENINGS`), how often."""

HAPPENINGS = (
    "lines",
    "cut",  # longer than the source keeps
    "unfinished",  # messages that began and never ended
    "dropped",  # UDP: no room
    "too_fast",  # UDP: over the sender's rate
    "not_allowed",  # senders that no source allows
    "too_many",  # connections over the limit
    "bad_framing",  # connections that ended because no message could be told from the next
    "bad_tls",  # connections without a certificate that we accept, or without TLS
)
"""What is counted."""

_CHUNK = 65_536
_WINDOW = 256 * 1024
"""Bytes of one connection that may wait for the disk."""

_HURRY = 2**20
"""Bytes of all that end the wait for more."""

_MOST_WAITING = 16 * 2**20
"""Bytes that may wait for the disk before UDP is left to the kernel."""

_MOST_PER_SENDER = 16
"""Connections of one sender: it must not take those of the others."""

_HANDSHAKE_SECONDS = 10.0
_UNFINISHED_SECONDS = 300.0
"""How long a message may take: who drips bytes keeps a connection, and there are few."""

_AT_ONCE = 256
"""Datagrams that are read before others get their turn."""

_LAST = 16_384
"""Datagrams that are read at the end: more than the kernel holds."""

_LOSS_SECONDS = 60.0
"""Least seconds between two records of losses."""


class Receiver:
    """Everything that listens, on one event loop; the disk is written by one thread beside it.

    Args:
        inlets: The sources.
        found: Their sockets; closed with this.
        clock: Time.
        count: Where happenings are counted.
        failed: Called for every write to the disk that failed.
        refused: Where senders are noted that no source allows.
        gather: Most seconds that a line waits for others before it is written and synced.
    """

    def __init__(
        self,
        inlets: Sequence[Inlet],
        found: Sequence[Listener],
        clock: Clock,
        count: Count,
        failed: Callable[[], None],
        refused: Refused,
        *,
        gather: float = 0.1,
    ) -> None:
        self._inlets = inlets
        self._listeners = found
        self._clock = clock
        self._count = count
        self._failed = failed
        self._refused = refused
        self._gather = gather
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused: set[Listener] = set()
        self._failing = False

    async def run(self, stopping: Callable[[], bool], alive: Callable[[], None]) -> None:
        """Receive until *stopping*; *alive* is called again and again while all is well."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_quietly)
        self._dirty, self._hurry, self._synced = asyncio.Event(), asyncio.Event(), asyncio.Event()
        for inlet in self._inlets:
            self._note_down(inlet)
        last = asyncio.Event()
        writing = loop.create_task(self._write_on(last.is_set))
        for one in self._listeners:
            if one.kind == "udp":
                loop.add_reader(one.socket, self._on_datagrams, one)
            else:
                self._start(self._accept(one))
        try:
            while not stopping() and not writing.done():
                alive()
                await asyncio.sleep(0.2)
        finally:
            for one in self._listeners:
                loop.remove_reader(one.socket)
                if one.kind == "udp":
                    self._read_datagrams(one, _LAST)  # what the kernel holds was sent while we listened
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            last.set()  # not before: what was read last must still be written
            self._dirty.set()
            self._hurry.set()
            await writing
            for one in self._listeners:
                one.socket.close()
            for inlet in self._inlets:
                inlet.spool.close()

    # -- the disk -----------------------------------------------------------------------------------------------------

    async def _write_on(self, stopping: Callable[[], bool]) -> None:
        """Write what was gathered, group by group; a group that cannot be written is tried again until it is."""
        while True:
            ending = stopping()
            await _within(1.0, self._dirty)
            if self._dirty.is_set():
                await _within(self._gather, self._hurry)
            self._dirty.clear()
            self._hurry.clear()
            synced, self._synced = self._synced, asyncio.Event()
            for inlet in self._inlets:
                inlet.spool.take(inlet.taken)
            while not await self._written():
                if stopping():
                    log.error("Lines that could not be written are lost with this stop.")
                    return
                await asyncio.sleep(1)
            synced.set()
            if not stopping():
                for one in self._paused:
                    asyncio.get_running_loop().add_reader(one.socket, self._on_datagrams, one)
                self._paused.clear()
            await self._record_losses(at_once=ending)
            with contextlib.suppress(OSError):  # tried again after the next write
                await asyncio.to_thread(self._refused.save, at_once=ending)
            if ending and not self._waiting():
                return

    async def _written(self) -> bool:
        try:
            await asyncio.to_thread(self._write)
        except OSError as error:
            self._failed()
            if not self._failing:
                log.error("The spool cannot be written: %s. TCP senders wait; UDP is lost.", error.strerror)  # noqa: TRY400 - the text says it all
            self._failing = True
            return False
        if self._failing:
            log.warning("The spool can be written again.")
        self._failing = False
        return True

    def _write(self) -> None:
        for inlet in self._inlets:
            if inlet.taken.lines:
                inlet.spool.write(inlet.taken)
            inlet.spool.tick()

    async def _record_losses(self, *, at_once: bool) -> None:
        """Write down what was lost since the last record, once a minute at most."""
        for one in self._listeners:
            if one.kind == "udp" and (dropped := one.newly_dropped()):
                for inlet in one.inlets:
                    self._lose(inlet, "dropped", dropped)
        now = self._clock.monotonic()
        for inlet in self._inlets:
            if inlet.lost and (at_once or now - inlet.told >= _LOSS_SECONDS):
                why = f"{inlet.lost} syslog messages by UDP were lost; send by TCP, or raise net.core.rmem_max"
                with contextlib.suppress(OSError):  # told and tried again by the next write
                    lost = inlet.lost
                    await asyncio.to_thread(inlet.spool.lost, why)
                    inlet.lost -= lost
                    inlet.told = now

    def _waiting(self) -> int:
        return sum(inlet.spool.pending for inlet in self._inlets)

    def _add(self, peer: Peer, lines: Sequence[bytes]) -> int:
        """Gather lines; return their bytes."""
        spool = peer.inlet.spool
        before = spool.pending
        for line in lines:
            spool.add(peer.sender, line)
        self._dirty.set()
        if spool.pending > _HURRY:
            self._hurry.set()
        self._count(peer.inlet.name, "lines", len(lines))
        return spool.pending - before

    def _lose(self, inlet: Inlet, what: str, messages: int) -> None:
        inlet.lost += messages
        self._count(inlet.name, what, messages)

    def _refuse(self, one: Listener, host: str) -> None:
        self._refused.note([inlet.name for inlet in one.inlets], host)
        self._count(one.inlets[0].name, "not_allowed", 1)

    def _note_down(self, inlet: Inlet) -> None:
        """Record that nobody listened for a while."""
        seconds = inlet.spool.down_for()
        if inlet.listen.udp is not None and seconds is not None and seconds > DOWN_SECONDS:
            why = f"nothing was received for {seconds:.0f} s; what was sent by UDP meanwhile is lost"
            try:
                inlet.spool.lost(why, certain=False)
            except OSError:
                log.error("Source %s: %s.", inlet.name, why)  # noqa: TRY400 - the spool's own trouble is told elsewhere

    # -- UDP ----------------------------------------------------------------------------------------------------------

    def _on_datagrams(self, one: Listener) -> None:
        if self._waiting() > _MOST_WAITING:
            asyncio.get_running_loop().remove_reader(one.socket)
            self._paused.add(one)
            self._hurry.set()
        else:
            self._read_datagrams(one, _AT_ONCE)

    def _read_datagrams(self, one: Listener, most: int) -> None:
        now = self._clock.monotonic()
        for _ in range(most):
            try:
                data, address = one.socket.recvfrom(_CHUNK)
            except OSError:  # nothing more, or an ICMP answer to nobody's question
                return
            peer = one.peer(address[0])
            if peer is None:
                self._refuse(one, address[0])
            elif line := line_of(data, peer.inlet.longest):
                if len(data) > peer.inlet.longest:
                    self._count(peer.inlet.name, "cut", 1)
                if peer.spend(1, now):
                    peer.left += 1  # it is not sent, so it is not owed
                    self._lose(peer.inlet, "too_fast", 1)
                else:
                    self._add(peer, (line,))

    # -- TCP and TLS --------------------------------------------------------------------------------------------------

    async def _accept(self, one: Listener) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(one.socket)
            except OSError:  # too many files: those we have go on
                await asyncio.sleep(0.5)
                continue
            peer = one.peer(address[0])
            if peer is None:
                self._refuse(one, address[0])
            elif peer.inlet.connections >= peer.inlet.listen.connections or peer.connections >= _MOST_PER_SENDER:
                self._count(peer.inlet.name, "too_many", 1)
            else:
                peer.inlet.connections += 1
                peer.connections += 1
                self._start(self._serve(one, peer, connection))
                continue
            connection.close()

    async def _serve(self, one: Listener, peer: Peer, connection: socket.socket) -> None:
        """Take what one connection sends, from its handshake to its end."""
        reader = asyncio.StreamReader(limit=_CHUNK)
        transport: asyncio.BaseTransport | None = None
        try:
            _keep_alive(connection)
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader),
                connection,
                ssl=one.tls,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if one.tls else None,
            )
        except OSError:
            self._count(peer.inlet.name, "bad_tls", 1)
        else:
            await self._take(peer, reader)
        finally:
            peer.inlet.connections -= 1
            peer.connections -= 1
            if isinstance(transport, asyncio.Transport):
                transport.abort()
            else:
                connection.close()

    async def _take(self, peer: Peer, reader: asyncio.StreamReader) -> None:
        framer = Framer(peer.inlet.longest)
        name = peer.inlet.name
        try:
            if not await self._take_until_end(peer, framer, reader):
                self._count(name, "unfinished", 1)
        except FramingError:
            self._count(name, "bad_framing", 1)
        except OSError:  # cut off
            self._count(name, "unfinished", int(framer.unfinished))

    async def _take_until_end(self, peer: Peer, framer: Framer, reader: asyncio.StreamReader) -> bool:
        """Take messages until the sender closes; return whether all of them ended.

        Raises:
            FramingError: It can no longer be told where a message begins.
            OSError: The connection was cut off.
        """
        unsynced, began = 0, None
        while data := await _read(reader, framer):
            lines = framer.feed(data)
            now = self._clock.monotonic()
            began = (began or now) if framer.unfinished and not lines else None
            if began is not None and now - began > _UNFINISHED_SECONDS:
                return False
            if framer.cut:
                self._count(peer.inlet.name, "cut", framer.cut)
                framer.cut = 0
            unsynced += self._add(peer, lines)
            if unsynced >= _WINDOW:
                self._hurry.set()
                await self._synced.wait()
                unsynced = 0
            if ahead := peer.spend(len(lines), now):
                await asyncio.sleep(ahead)
        self._add(peer, framer.finish())
        return not framer.unfinished

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _read(reader: asyncio.StreamReader, framer: Framer) -> bytes:
    """Return what comes next; nothing at the end.  Silence is no fault, but for half a message."""
    async with asyncio.timeout(_UNFINISHED_SECONDS if framer.unfinished else None):
        return await reader.read(_CHUNK)


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for *event*, at most so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _keep_alive(connection: socket.socket) -> None:
    """Find out within two minutes that a sender is gone: its connection would be one of few for ever."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def _quietly(_: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
    """Log what went wrong beside a connection, without what its sender chose."""
    error = context.get("exception")
    if not isinstance(error, OSError):
        log.error("Receiving: %s.", type(error).__name__ if error else "an event loop's complaint")
