"""A proxy that loses requests, answers and halves of bodies, in front of a real S3 server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

#: Lost before it was sent; done but the answer lost; the answer cut in half; a 503 instead.
Fault = Literal["before", "after", "half", "busy"]


@dataclass
class FaultProxy:
    """Forwards to `target`, one request a connection. `faults` maps the number of a request (from
    1, counted over those that `matches`) to what goes wrong with it; `meanwhile` is called after a
    request was done whose answer is lost."""

    target: str
    faults: dict[int, Fault] = field(default_factory=dict)
    matches: Callable[[bytes], bool] = lambda _: True
    meanwhile: Callable[[], None] = lambda: None
    always: Fault | None = None
    seen: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            request = _message(client)
            if not request:
                return
            fault = self.always
            if self.matches(request):
                self.seen.append(request.split(b"\r\n", 1)[0])
                fault = fault or self.faults.get(len(self.seen))
            if fault == "before":
                return
            if fault == "busy":
                client.sendall(
                    b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            answer = self._forward(request)
            if fault == "after":
                self.meanwhile()
                return
            head, _, body = answer.partition(b"\r\n\r\n")
            if fault == "half":
                body = body[: len(body) // 2]
            client.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)

    def _forward(self, request: bytes) -> bytes:
        host, port = self.target.split(":")
        with socket.create_connection((host, int(port))) as server:
            server.sendall(request)
            return _message(server, head_only=request.startswith(b"HEAD "))


def _message(peer: socket.socket, *, head_only: bool = False) -> bytes:
    """One request or answer, by its Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        block = peer.recv(65536)
        if not block:
            return data
        data += block
    head, _, _ = data.partition(b"\r\n\r\n")
    length = 0
    chunked = False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        chunked |= name.lower() == b"transfer-encoding"
    if head_only or b" 204 " in head.split(b"\r\n", 1)[0]:
        return data
    whole = len(head) + 4 + length
    while (chunked and not data.endswith(b"0\r\n\r\n")) or (not chunked and len(data) < whole):
        block = peer.recv(1 << 20)
        if not block:
            break
        data += block
    return data
