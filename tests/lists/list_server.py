"""A web server on this machine that gives lists, and every way in which that goes wrong."""

from __future__ import annotations

import io
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    def __init__(self):
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.callers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.callers.append(self.client_address[1])
                outer.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                outer.answers[self.path](self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.server.shutdown()
        server.server.server_close()
        thread.join()


def gives(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler):
        handler.send_response(status)
        said = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in said.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def versioned(body: bytes, etag: str = '"1"', modified: str = "Mon, 02 Nov 2026 00:00:00 GMT") -> Answer:
    def answer(handler):
        if handler.headers.get("If-None-Match") == etag:
            handler.send_response(304)
            handler.end_headers()
        else:
            gives(body, ETag=etag, Last_Modified=modified)(handler)

    return answer


def hangs(seconds: float) -> Answer:
    def answer(_):
        time.sleep(seconds)

    return answer


def drips(begin: bytes) -> Answer:
    """A byte now and then, and never an end."""

    def answer(handler):
        with suppress(OSError):
            handler.wfile.write(begin)
            for _ in range(100):
                handler.wfile.write(b"x")
                time.sleep(0.05)

    return answer


def chunked(chunks: bytes) -> Answer:
    """Chunks without the last one."""

    def answer(handler):
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(chunks)
        handler.close_connection = True

    return answer


def kept_open(answer: Answer) -> Answer:
    """The connection stays open for the next question, if the other side asks on it."""

    def answered(handler):
        handler.protocol_version = "HTTP/1.1"
        answer(handler)
        handler.close_connection = False

    return answered


def tar(*members: tuple[str, bytes | str], mode: str = "w:gz") -> bytes:
    """A tar of files; text in place of bytes makes a symbolic link, `!` in front a hard one, `|` a pipe."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
                continue
            info.type = {"!": tarfile.LNKTYPE, "|": tarfile.FIFOTYPE}.get(content[:1], tarfile.SYMTYPE)
            info.linkname = content.lstrip("!|")
            archive.addfile(info)
    return out.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()
