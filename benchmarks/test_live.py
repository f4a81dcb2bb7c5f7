"""100 live cameras at 25 pictures a second in one process."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contest import Contest, Goal
from benchmarks.live_sender import sending
from benchmarks.measure import ours

CAMERAS, RATE = 100, 25
#: 4 Mbit/s, where key frames are five times as large as others.
BYTES = 18_500
BARE = "websockets alone"


def test_live(benchmark: BenchmarkFixture, contest: Contest, size: str) -> None:
    frames = RATE * (30 if size == "full" else 6)
    with sending(frames, BYTES) as port:
        row = contest.run(
            benchmark,
            "100 live cameras",
            {
                BARE: ours("live.bare", port, CAMERAS, frames),
                "ours": ours("live.client", port, CAMERAS, frames),
            },
            [
                Goal("lost", 0),
                Goal("cores", 1),
                Goal("cpu", 1.5, BARE),
                Goal("peak", 100 * 2**20),
            ],
            rounds=3,
            notes=["EverFocus frames over loopback WebSockets, 4 Mbit/s each; sender aside"],
        )
    mine = row.medians["ours"]
    # Each job compares the numbers of all frames of each camera with what was sent.
    assert mine["frames"] == CAMERAS * frames
    assert mine["lost"] == 0
