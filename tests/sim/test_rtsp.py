"""Streams over RTSP, read by PyAV, by ffprobe and by a client written by hand."""

import asyncio
import hashlib
import re
import shutil
import struct
import subprocess
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import av
import pytest

from hikcore.instants import Span
from hikcore.sim.faults import Fault
from hikcore.sim.profile import Profile
from hikcore.sim.recorder import Recorder
from tests.sim.asking import PASSWORD, TINY
from tests.timecode import read_instant

SPAN = "starttime=20261120T165810Z&endtime=20261120T165850Z"
BEGIN, END = 1_795_175_890_000, 1_795_175_930_000  # 11:58:10 to 11:58:50 UTC


def profile(*, camera: dict[str, Any] | None = None, **rtsp: Any) -> Profile:
    cameras = [{**TINY["cameras"][0], **(camera or {})}]
    return Profile.model_validate({**TINY, "rtsp": rtsp, "cameras": cameras})


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    async with Recorder(profile(), rtsp_port=0) as running:
        yield running


class Client:
    """A client of one connection: requests by hand, Digest by RFC 2069."""

    def __init__(self, recorder: Recorder, query: str = f"tracks/101/?{SPAN}") -> None:
        self.port = recorder.rtsp_port
        self.url = f"rtsp://127.0.0.1:{self.port}/Streaming/{query}"
        self.packets: list[tuple[int, bytes]] = []
        self._count = 0
        self._challenge: dict[str, str] = {}

    async def __aenter__(self) -> "Client":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.writer.close()

    async def ask(
        self, method: str, url: str = "", password: str = PASSWORD, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        status, said, body = await self._ask(method, url or self.url, password, headers)
        if status == 401 and password == PASSWORD and not self._challenge:
            self._challenge = dict(re.findall(r'(\w+)="([^"]*)"', said["www-authenticate"]))
            status, said, body = await self._ask(method, url or self.url, password, headers)
        return status, said, body

    async def _ask(
        self, method: str, url: str, password: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], str]:
        self._count += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._count}"]
        if self._challenge:
            realm, nonce = self._challenge["realm"], self._challenge["nonce"]
            first = hashlib.md5(f"admin:{realm}:{password}".encode()).hexdigest()
            second = hashlib.md5(f"{method}:{url}".encode()).hexdigest()
            response = hashlib.md5(f"{first}:{nonce}:{second}".encode()).hexdigest()
            lines.append(f'Authorization: Digest username="admin", realm="{realm}", '
                         f'nonce="{nonce}", uri="{url}", response="{response}"')  # fmt: skip
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        while True:
            first_byte = await asyncio.wait_for(self.reader.readexactly(1), 10)
            if first_byte == b"$":
                await self._packet()
                continue
            head = (first_byte + await self.reader.readuntil(b"\r\n\r\n")).decode()
            break
        status, *rest = head.strip().split("\r\n")
        said = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in rest)}
        body = await self.reader.readexactly(int(said.get("content-length", "0")))
        assert said["cseq"] == str(self._count)
        return int(status.split()[1]), said, body.decode()

    async def _packet(self) -> None:
        channel, size = struct.unpack(">BH", await self.reader.readexactly(3))
        self.packets.append((channel, await self.reader.readexactly(size)))

    async def receive(self, quiet: float = 1.5) -> bool:
        """Packets until there are none for a while; whether the connection was closed."""
        while True:
            try:
                first = await asyncio.wait_for(self.reader.read(1), quiet)
            except TimeoutError:
                return False
            if not first:
                return True
            assert first == b"$"
            await self._packet()

    async def start(self) -> dict[str, str]:
        """Play; what PLAY was answered."""
        status, said, sdp = await self.ask("DESCRIBE", Accept="application/sdp")
        assert status == 200, sdp
        base, session = said["content-base"], {}
        for index, name in enumerate(re.findall("a=control:(trackID=.*?)\r\n", sdp)):
            transport = f"RTP/AVP/TCP;unicast;interleaved={index * 2}-{index * 2 + 1}"
            status, said, _ = await self.ask("SETUP", base + name, Transport=transport, **session)
            assert status == 200
            session = {"Session": said["session"].partition(";")[0]}
        self.session, self.base = session, base
        status, said, _ = await self.ask("PLAY", base, **session)
        assert status == 200
        return said


def decoded(recorder: Recorder, query: str, most: int) -> tuple[list[int], list[float], bytes]:
    """(instants in the pictures, their times in seconds, sound) as PyAV reads them."""
    url = f"rtsp://admin:{PASSWORD}@127.0.0.1:{recorder.rtsp_port}/Streaming/{query}"
    options = {"rtsp_transport": "tcp", "timeout": "5000000"}
    instants: list[int] = []
    times: list[float] = []
    sound = b""
    with av.open(url, options=options, timeout=10) as container:
        try:
            for packet in container.demux():
                if packet.stream.type == "audio":
                    sound += bytes(packet)
                    continue
                for frame in packet.decode():
                    instants.append(read_instant(frame))
                    times.append(float(frame.time or 0))
                if len(instants) >= most:
                    break
        except av.error.OSError:
            pass  # the recorder never ends a playback: the timeout does
    return instants, times, sound


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("together", [False, True])
async def test_pyav_plays_every_picture_once_over_file_borders(codec: str, together: bool) -> None:
    chosen = profile(camera={"codec": codec}, together=together)
    async with Recorder(chosen, rtsp_port=0) as recorder:
        wanted = recorder.recorded(1, Span((BEGIN - 4_000) * 10**6, END * 10**6))
        first = next(i for i in range(len(wanted)) if wanted[i] > (BEGIN - 2_000) * 10**6)
        wanted = [ns for ns in wanted[first - 1 :]]
        assert len(recorder.files(1, Span(BEGIN * 10**6, END * 10**6))) > 1
        instants, times, sound = await asyncio.to_thread(
            decoded, recorder, f"tracks/101/?{SPAN}", 190
        )
    # From the key picture at or before the begin.
    start = wanted.index(instants[0])
    assert (BEGIN - 2_000) * 10**6 <= instants[0] <= BEGIN * 10**6
    assert instants == wanted[start : start + len(instants)]
    assert len(instants) >= 190
    steps = {round((b - a) * 1000) for a, b in pairwise(times)}
    assert steps == {200}
    assert len(sound) > 8000 * 30


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffprobe is not installed")
async def test_ffprobe_names_the_streams(recorder: Recorder) -> None:
    url = f"rtsp://admin:{PASSWORD}@127.0.0.1:{recorder.rtsp_port}/Streaming/tracks/101/?{SPAN}"
    done = await asyncio.to_thread(
        subprocess.run,
        ["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-timeout", "6000000", "-show_entries",
         "stream=codec_name,width,height,sample_rate", "-of", "compact", url],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert "codec_name=h264|width=320|height=180" in done.stdout, done.stderr
    assert "codec_name=pcm_alaw|sample_rate=8000" in done.stdout


async def test_live_begins_with_a_key_picture_and_keeps_the_clocks_pace() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async with Recorder(profile(), rtsp_port=0, sleep=sleep) as recorder:
        instants, _, _ = await asyncio.to_thread(decoded, recorder, "Channels/101", 30)
        assert instants[0] <= recorder.now() < instants[0] + 2 * 10**9
        assert instants == list(range(instants[0], instants[-1] + 1, 200_000_000))
    assert sum(waited) >= 5


async def test_the_wall_clock_is_in_sender_reports_and_ranges(recorder: Recorder) -> None:
    async with Client(recorder) as client:
        status, said, _ = await client.ask("OPTIONS")
        assert (status, "GET_PARAMETER" in said["public"]) == (200, True)
        status, _, sdp = await client.ask("DESCRIBE")
        assert "a=range:clock=20261120T165810Z-20261120T165850Z" in sdp
        assert re.search("a=Media_header:MEDIAINFO=494D4B48[0-9A-F]{72};", sdp)
        assert re.search("a=fmtp:96 profile-level-id=[0-9A-F]{6};.*sprop-parameter-sets=.+,", sdp)
        assert "a=rtpmap:8 PCMA/8000" in sdp
        said = await client.start()
        assert said["range"].startswith("clock=20261120T165810Z")
        assert said["range"].endswith("-20261120T165850Z")
        times = re.findall(r"trackID=(\w+);seq=(\d+);rtptime=(\d+)", said["rtp-info"])
        assert [name for name, _, _ in times] == ["video", "audio"]
        assert not await client.receive()
    video = [packet for channel, packet in client.packets if channel == 0]
    assert struct.unpack(">H", video[0][2:4])[0] == int(times[0][1])
    first = struct.unpack(">I", video[0][4:8])[0]
    assert first == int(times[0][2])
    reports = [packet for channel, packet in client.packets if channel == 1]
    assert len(reports) >= 8
    for report in reports:
        assert report[1] == 200
        assert (struct.unpack(">H", report[2:4])[0] + 1) * 4 == 28
        assert len(report) % 4 == 0
        seconds, part, stamp = struct.unpack(">III", report[8:20])
        wall_ms = (seconds - 2_208_988_800) * 1000 + round(part * 1000 / 2**32)
        assert (stamp - first) & 0xFFFFFFFF == ((wall_ms - _wall_ms(reports, first)) * 90) % 2**32
    # The marker stands on the last packet of a picture alone, and large pictures go in fragments.
    stamps = [struct.unpack(">I", packet[4:8])[0] for packet in video]
    marks = [bool(packet[1] & 0x80) for packet in video]
    assert marks == [a != b for a, b in zip(stamps, [*stamps[1:], -1], strict=True)]
    assert {packet[12] & 31 for packet in video} >= {7, 8, 28}
    assert max(map(len, video)) <= 1412


def _wall_ms(reports: list[bytes], stamp: int) -> int:
    """The wall clock of a timestamp by the first report."""
    seconds, part, at = struct.unpack(">III", reports[0][8:20])
    wall = (seconds - 2_208_988_800) * 1000 + round(part * 1000 / 2**32)
    return wall - ((at - stamp) & 0xFFFFFFFF) // 90


@pytest.mark.parametrize("after", ["silent", "runs_on", "closes"])
async def test_what_comes_after_the_end(after: str) -> None:
    chosen = profile(after_end=after, overrun_ms=20_000)
    async with Recorder(chosen, rtsp_port=0) as recorder:
        async with Client(recorder) as client:
            said = await client.start()
            begun = int(re.findall(r"video;seq=\d+;rtptime=(\d+)", said["rtp-info"])[0])
            closed = await client.receive()
            assert closed == (after == "closes")
            if not closed:
                status, _, _ = await client.ask("GET_PARAMETER", client.base, **client.session)
                assert status == 200
                assert (await client.ask("TEARDOWN", client.base, **client.session))[0] == 200
        video = [packet for channel, packet in client.packets if channel == 0]
        length = ((struct.unpack(">I", video[-1][4:8])[0] - begun) & 0xFFFFFFFF) / 90_000
        assert length == pytest.approx(59.8 if after == "runs_on" else 39.8, abs=0.05)


async def test_one_session_too_many() -> None:
    setup = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    async with (
        Recorder(profile(playbacks=1, lives=1), rtsp_port=0) as recorder,
        Client(recorder) as one,
        Client(recorder) as two,
    ):
        await one.start()
        await two.ask("DESCRIBE")
        assert (await two.ask("SETUP", two.url + "/trackID=video", **setup))[0] == 453
        await one.ask("TEARDOWN", one.base, **one.session)
        assert (await two.ask("SETUP", two.url + "/trackID=video", **setup))[0] == 200
        async with Client(recorder, "Channels/101") as live:
            await live.start()


@pytest.mark.parametrize("leaks", [True, False])
async def test_sessions_that_nobody_ended(leaks: bool) -> None:
    async with Recorder(profile(playbacks=1, leaks=leaks), rtsp_port=0) as recorder:
        async with Client(recorder) as client:
            await client.start()
        for _ in range(500):
            if not recorder.rtsp._tasks:
                break
            await asyncio.sleep(0.02)
        async with Client(recorder) as client:
            await client.ask("DESCRIBE")
            setup = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
            status, _, _ = await client.ask("SETUP", client.url + "/trackID=video", **setup)
            assert status == (453 if leaks else 200)
        if leaks:
            recorder.rtsp.restart()
            assert not recorder.rtsp.sessions


async def test_refusals(recorder: Recorder) -> None:
    async with Client(recorder) as client:
        for query in ("tracks/901/?" + SPAN, "tracks/101/", "tracks/102/?" + SPAN, "Channels/102"):
            url = f"rtsp://127.0.0.1:{client.port}/Streaming/{query}"
            assert (await client.ask("DESCRIBE", url))[0] == 404
        empty = SPAN.replace("20261120", "20261019")
        url = f"rtsp://127.0.0.1:{client.port}/Streaming/tracks/101/?{empty}"
        assert (await client.ask("DESCRIBE", url))[0] == 404
        udp = {"Transport": "RTP/AVP;unicast;client_port=8000-8001"}
        assert (await client.ask("SETUP", client.url + "/trackID=video", **udp))[0] == 461
        assert (await client.ask("PLAY", Session="12"))[0] == 454
        recorder.faults.add(Fault(match="DESCRIBE", kind="status", status=500, nth=(1,)))
        assert (await client.ask("DESCRIBE"))[0] == 500
        assert (await client.ask("DESCRIBE"))[0] == 200


async def test_wrong_passwords_lock_both_doors(recorder: Recorder) -> None:
    async with Client(recorder) as client:
        assert (await client.ask("DESCRIBE"))[0] == 200
        challenge = client._challenge
        assert set(challenge) == {"realm", "nonce", "algorithm"}
        for _ in range(5):
            assert (await client.ask("DESCRIBE", password="wrong"))[0] == 401
        assert (await client.ask("DESCRIBE"))[0] == 401
    assert recorder.door.lock("127.0.0.1", recorder.now())[0] == 1800


async def test_old_footage_takes_its_time() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    chosen = profile(describe_s=2.5, old_describe_s=14.9)
    recorded = chosen.recorded.model_copy(update={"since": "now-2d"})
    chosen = chosen.model_copy(update={"recorded": recorded})
    async with Recorder(chosen, rtsp_port=0, sleep=sleep) as recorder, Client(recorder) as client:
        await client.ask("DESCRIBE")
        await client.ask("DESCRIBE", client.url.replace("20261120", "20261119"))
    assert waited == [2.5, 14.9]


async def test_playback_seeks_by_clock_and_pauses(recorder: Recorder) -> None:
    async with Client(recorder) as client:
        said = await client.start()
        await client.receive()
        status, said, _ = await client.ask(
            "PLAY", client.base, Range="clock=20261120T165840Z-", **client.session
        )
        assert (status, said["range"][:23]) == (200, "clock=20261120T165840Z-")
        client.packets.clear()
        await client.receive()
        video = [packet for channel, packet in client.packets if channel == 0]
        first, last = (struct.unpack(">I", packet[4:8])[0] for packet in (video[0], video[-1]))
        assert 9.5 < ((last - first) & 0xFFFFFFFF) / 90_000 < 12
        assert (await client.ask("PAUSE", client.base, **client.session))[0] == 200
