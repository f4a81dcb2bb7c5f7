"""A range server on loopback, in a process of its own, that counts and may be far away.

`python -m benchmarks.server FOLDER DELAY_MS DOWNLOAD`: prints its port; `GET /counts` gives and
resets the numbers. A connection and each request cost one delay, as a round trip would. Where a
recorder serves its recordings, it serves the file named DOWNLOAD.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

#: Where a Hikvision recorder serves a recording, whatever it is asked for.
DOWNLOAD = "/ISAPI/ContentMgmt/download"


class Handler(BaseHTTPRequestHandler):
    """Ranges of the files of a folder."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    folder = Path()
    download = ""
    delay = 0.0
    counts: dict[str, int] = {"requests": 0, "connections": 0, "sent": 0}  # noqa: RUF012  one for all handlers
    lock = threading.Lock()

    def setup(self) -> None:
        """A new connection."""
        super().setup()
        self.fresh = True

    def do_GET(self) -> None:
        """A range, or the counts. A body is read even where none is of use: a socket that is closed
        over unread bytes is reset, and the client loses the end of the answer."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/counts":
            with self.lock:
                body = json.dumps(self.counts).encode()
                self.counts.update(dict.fromkeys(self.counts, 0))
            self._answer(200, len(body))
            self.wfile.write(body)
            return
        with self.lock:
            self.counts["connections"] += self.fresh
            self.counts["requests"] += 1
        time.sleep(self.delay * (2 if self.fresh else 1))
        self.fresh = False
        path = self.folder / (self.download if self.path == DOWNLOAD else self.path.lstrip("/"))
        size = path.stat().st_size
        begin, end = 0, size
        told = self.headers.get("Range", "")
        if told.startswith("bytes="):
            low, _, high = told[6:].partition("-")
            begin, end = int(low), min(int(high) + 1 if high else size, size)
        self._answer(206 if told else 200, end - begin, f"bytes {begin}-{end - 1}/{size}")
        self._send(path, begin, end)

    def do_POST(self) -> None:
        """A request whose body says nothing that matters here."""
        self.do_GET()

    def _send(self, path: Path, begin: int, end: int) -> None:
        """What the socket took is counted: a client that turns away has been sent it all the same,
        buffers of the kernel included."""
        sent = 0
        try:
            with path.open("rb") as file:
                while begin < end:
                    done = os.sendfile(
                        self.connection.fileno(), file.fileno(), begin, min(end - begin, 1 << 20)
                    )
                    begin, sent = begin + done, sent + done
        except OSError:
            self.close_connection = True
        finally:
            with self.lock:
                self.counts["sent"] += sent

    def _answer(self, status: int, length: int, span: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Accept-Ranges", "bytes")
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class Remote:
    """The server as its users see it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def counts(self) -> dict[str, float]:
        """Since the last time."""
        time.sleep(0.05)  # the server learns of a turned-away client a little later
        with urlopen(f"{self.url}/counts") as answer:
            return dict(json.load(answer))


@contextmanager
def serve(folder: Path, delay_ms: int = 0, download: str = "") -> Iterator[Remote]:
    """A server process for as long as the block lasts."""
    arguments = [sys.executable, "-m", "benchmarks.server", str(folder), str(delay_ms), download]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Remote(int(process.stdout.readline()))
        finally:
            process.terminate()


def main(folder: str, delay_ms: str, download: str) -> None:
    """Serve until ended."""
    Handler.download = download
    Handler.folder, Handler.delay = Path(folder), int(delay_ms) / 1000
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
