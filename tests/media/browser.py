"""A clip played by headless Chromium: a page over loopback HTTP plays it and tells what it saw."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

PAGE = Path(__file__).with_name("browser_page.html")
_ANSWER = 60


def browser() -> str | None:
    """Chromium, where there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def play(clip: Path, folder: Path, mime: str) -> dict[str, Any]:
    """What the page found: `first` and `frames` with the time codes of pictures, `duration`,
    `audioBytes`, `sound`, `error`, `support` of the MIME type.

    Raises:
        TimeoutError: it told nothing in time.
    """
    program = browser()
    assert program is not None
    with _Server(clip) as server:
        url = f"http://127.0.0.1:{server.server_port}/?type={quote(mime)}"
        arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={folder / 'profile'}",
        ]  # fmt: skip
        with subprocess.Popen(
            [program, *arguments, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                if not server.told.wait(_ANSWER):
                    raise TimeoutError(f"the browser told nothing in {_ANSWER} s")
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()
        return server.found


class _Server(ThreadingHTTPServer):
    """Serves the page and the clip (by ranges), and takes what was found."""

    daemon_threads = True

    def __init__(self, clip: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clip = clip
        self.found: dict[str, Any] = {}
        self.told = threading.Event()

    def __enter__(self) -> _Server:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/clip.mp4"):
            self._clip(self.server.clip.read_bytes())
        elif self.path == "/favicon.ico":
            self._answer(404, b"", {})
        else:
            self._answer(200, PAGE.read_bytes(), {"Content-Type": "text/html; charset=utf-8"})

    def do_POST(self) -> None:
        self.server.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(204, b"", {})
        self.server.told.set()

    def _clip(self, data: bytes) -> None:
        headers = {"Content-Type": "video/mp4", "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._answer(200, data, headers)
            return
        first = int(asked[1])
        last = min(int(asked[2] or len(data)), len(data) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self._answer(206, data[first : last + 1], headers)

    def _answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
