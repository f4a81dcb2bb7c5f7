"""The files of a recorder: what they hold, how they overlap, how they come and go."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikcore.errors import ConfigurationError
from hikcore.instants import NS, Span, parse_instant
from hikcore.sim import hikps
from hikcore.sim.camera import CameraProfile
from hikcore.sim.profile import Auth, ExtraFile, Hole, Profile, Recorded, load_profile, resolve
from hikcore.sim.profiles import built_in, get_profile
from hikcore.sim.recordings import Schedule
from hikcore.sim.vault import Vault
from tests.sim.psreader import packets, pictures

NOON = parse_instant("2026-11-20T12:00:00Z")
NOON_MS = NOON // 1_000_000
EVER = 1 << 42


def _camera(**changes: object) -> CameraProfile:
    return CameraProfile.model_validate({"channel": 1, "audio": "alaw", **changes})


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    frame_ms=st.sampled_from([40, 80, 100, 200, 1000]),
    gop=st.integers(2, 60),
    jitter=st.integers(0, 5),
    phase=st.integers(0, 5_000),
)
def test_files_end_inside_a_group_that_the_next_one_holds(
    seed: int, frame_ms: int, gop: int, jitter: int, phase: int
) -> None:
    camera = _camera(
        frame_ms=frame_ms, gop=gop, jitter_gops=jitter, phase_ms=phase, file_ms=660_000
    )
    schedule = Schedule(camera, Recorded(since="now-3h"), seed, NOON)
    files = schedule.files(0, EVER, NOON_MS)
    assert len(files) > 8
    for file, following in pairwise(files):
        assert (following.begin_ms - phase) % camera.gop_ms == 0
        assert 1000 <= file.end_ms - following.begin_ms <= 3001
        assert (file.end_ms - phase) % camera.gop_ms != 0
    for file in files[1:-2]:
        assert file.end_ms - file.begin_ms > camera.period_ms - jitter * camera.gop_ms
    assert [file.growing for file in files[-2:]] in ([False, True], [True, True])
    assert not any(file.growing for file in files[:-2])
    assert all(schedule.by_name(file.name, NOON_MS) == file for file in files)
    assert len({file.name for file in files}) == len(files)
    assert all(len(file.name) == 17 for file in files)
    some = schedule.files(NOON_MS - 3_600_000, NOON_MS - 3_599_000, NOON_MS)
    assert some == [
        file for file in files
        if file.begin_ms < NOON_MS - 3_599_000 and file.listed_ms > NOON_MS - 3_600_000
    ]  # fmt: skip


def test_time_goes_on_and_files_close() -> None:
    schedule = Schedule(_camera(file_ms=660_000), Recorded(since="now-1h"), 1, NOON)
    before = schedule.files(0, EVER, NOON_MS)
    later = schedule.files(0, EVER, NOON_MS + 1_200_000)
    closed = [file for file in before if not file.growing]
    assert later[: len(closed)] == closed
    growing, done = before[-1], later[len(before) - 1]
    assert (growing.name, growing.end_ms) == (done.name, done.end_ms)
    assert growing.written_ms == NOON_MS
    assert (done.growing, done.written_ms) == (False, done.end_ms)
    assert len(later) > len(before)


def test_a_hole_holds_nothing_and_splits_a_file() -> None:
    hole = Hole(begin="now-40m3s", end="now-35m1s")
    vault = Vault(_profile(hole), _camera(), NOON)
    span = Span(NOON - 3600 * NS, NOON)
    held = vault.recorded(span, NOON)
    begin, end = resolve(hole.begin, NOON), resolve(hole.end, NOON)
    assert not [instant for instant in held if begin <= instant < end]
    assert len([instant for instant in held if instant < begin]) == (begin - span.begin) // (
        200_000_000
    )
    # After a hole the recorder begins with a key picture, at most a group (4 s) later.
    resumed = min(instant for instant in held if instant >= end)
    assert resumed - end < 4 * NS
    assert all(b - a == 200_000_000 for a, b in pairwise(held) if a >= end)


def test_a_hole_that_is_to_come_is_in_no_plan() -> None:
    hole = Hole(begin="now+1m", end="now+2m")
    schedule = Schedule(_camera(), Recorded(holes=(hole,)), 1, NOON)
    growing = schedule.files(0, EVER, NOON_MS + 30_000)[-1]
    assert growing.end_ms > NOON_MS + 600_000
    closed = schedule.by_name(growing.name, NOON_MS + 90_000)
    assert closed is not None
    assert (closed.end_ms, closed.growing) == (NOON_MS + 60_000, False)


def test_old_files_are_recycled_and_planned_ends_lie_ahead() -> None:
    recorded = Recorded(since="now-3h", retention=3600, planned_ms=600_000, lag_ms=2_000)
    schedule = Schedule(_camera(), recorded, 1, NOON)
    files = schedule.files(0, EVER, NOON_MS)
    assert all(file.end_ms > NOON_MS - 3_600_000 for file in files)
    assert files[0].begin_ms < NOON_MS - 3_600_000
    assert files[-1].listed_ms == files[-1].end_ms + 600_000
    assert files[-1].written_ms == NOON_MS - 2_000
    assert schedule.by_name(files[0].name, NOON_MS + 3_600_000) is None


def test_extra_files_lie_over_others() -> None:
    extra = (
        ExtraFile(channel=1, begin="now-30m", end="now-28m"),
        ExtraFile(channel=1, begin="now-20m1s", end="now-19m", headless=True),
        ExtraFile(channel=2, begin="now-10m", end="now-9m"),
    )
    vault = Vault(_profile(extra=extra), _camera(), NOON)
    files = vault.files(Span(0, NOON + 3600 * NS), NOON)
    inner = next(file for file in files if file.end_ms == NOON_MS - 1_680_000)
    headless = next(file for file in files if file.headless)
    assert len(files) == len(vault.files(Span(0, NOON * 2), NOON))
    assert len([file for file in files if file.name[11:13] == "99"]) == 2
    assert any(
        file.begin_ms <= inner.begin_ms and inner.end_ms < file.end_ms
        for file in files if file is not inner
    )  # fmt: skip
    assert headless.begin_ms == NOON_MS - 1_201_000 + (-(NOON_MS - 1_201_000)) % 200
    body = b"".join(vault.body(headless))
    assert len(body) == vault.size(headless)
    kinds = [packet.id for packet in packets(body, 40)]
    assert kinds[:2] == [0xBA, 0xE0]
    assert vault.schedule.by_name(headless.name, NOON_MS) == headless


def test_three_files_hold_one_instant() -> None:
    profile = get_profile("three-over-one")
    schedule = Schedule(profile.cameras[0], profile.recorded, 1, NOON)
    files = schedule.files(0, EVER, NOON_MS)
    at = files[4].begin_ms + 1_500
    assert len([file for file in files if file.begin_ms <= at < file.end_ms]) == 3


def test_overlapping_files_hold_the_same_bytes_and_cut_tails_are_cut() -> None:
    profile = get_profile("small")
    vault = Vault(profile, profile.cameras[0], NOON)
    first, second = vault.files(Span(0, NOON * 2), NOON)[1:3]
    one, two = (pictures(packets(b"".join(vault.body(file)), 40)) for file in (first, second))
    shared = [picture for picture in one if picture in two]
    assert 5 <= len(shared) <= 15
    assert one[-len(shared) :] == shared == two[: len(shared)]
    short = get_profile("cut-tail")
    cut = Vault(short, short.cameras[0], NOON)
    whole, less = vault.files(Span(0, NOON), NOON)[1], cut.files(Span(0, NOON), NOON)[1]
    body, uncut = b"".join(cut.body(less)), b"".join(vault.body(whole))
    assert len(body) == cut.size(less)
    assert uncut.startswith(body)
    (*_, (pts, number, _)) = pictures(packets(uncut, 40))
    last = uncut.rindex(hikps.pack_header(pts, number))
    assert last < len(body) < last + len(hikps.pack_header(pts, number)) + 5_000
    # The next file holds what a cut one lacks, but at a hole nobody does.
    gone = set(vault.recorded(Span(0, NOON), NOON)) - set(cut.recorded(Span(0, NOON), NOON))
    hole = resolve("now-6m10s", NOON)
    assert len(gone) == 1
    assert hole - 200_000_000 <= gone.pop() < hole


def test_bulk_is_made_fast() -> None:
    profile = get_profile("bulk")
    vault = Vault(profile, profile.cameras[0], NOON)
    file = next(f for f in vault.files(Span(0, NOON), NOON) if f.end_ms - f.begin_ms > 900_000)
    size = sum(len(block) for block in vault.body(file))
    assert 1.0e9 < size < 1.2e9


def test_the_default_is_what_a_newcomer_should_see() -> None:
    profile = get_profile("default")
    for camera in profile.cameras:
        files = Schedule(camera, profile.recorded, profile.seed, NOON).files(0, EVER, NOON_MS)
        begin, end = (resolve(when, NOON) // 1_000_000 for when in ("now-34m10s", "now-29m40s"))
        holed = not any(file.begin_ms < end and begin < file.end_ms for file in files)
        assert holed == (camera.channel != 4)
        assert files[-1].growing
        assert max(file.end_ms - file.begin_ms for file in files) > 600_000
    assert {camera.codec for camera in profile.cameras} == {"h264", "h265"}
    assert max(camera.gop_ms for camera in profile.cameras) == 25 * 60_000


@pytest.mark.parametrize("name", built_in())
def test_every_profile_is_data(name: str) -> None:
    profile = get_profile(name)
    assert profile.name == name
    assert profile.description
    text = profile.model_dump_json(exclude={"auth"})
    assert Profile.model_validate_json(text) == profile.model_copy(update={"auth": Auth()})
    assert "hikcore-12345" not in profile.model_dump_json()


def test_profiles_are_read_from_files(tmp_path: Path) -> None:
    toml = tmp_path / "mine.toml"
    toml.write_text(
        'name = "mine"\n[clock]\nzone = "CST+3:30:00"\n'
        '[[recorded.holes]]\nbegin = "now-1h"\nend = "2026-11-20T12:00:00+05:00"\n'
        '[[faults]]\nmatch = "download"\nkind = "reset"\nat = 5000\n'
        '[[cameras]]\nchannel = 7\ncodec = "h265"\n'
    )
    profile = load_profile(toml)
    assert profile.clock.rule.offset == -12_600
    assert profile.cameras[0].track == 701
    assert get_profile(str(toml)) == profile
    same = tmp_path / "mine.json"
    same.write_text(json.dumps(profile.model_dump(mode="json", exclude={"auth"})))
    assert load_profile(same) == profile
    toml.write_text('[[cameras]]\nchannel = 1\ncodek = "h264"\n')
    with pytest.raises(ConfigurationError, match="codek"):
        load_profile(toml)
    with pytest.raises(ConfigurationError, match="small"):
        get_profile("smal")
    with pytest.raises(ConfigurationError, match=r"gone\.toml"):
        load_profile(tmp_path / "gone.toml")


def _profile(hole: Hole | None = None, extra: tuple[ExtraFile, ...] = ()) -> Profile:
    return Profile(
        cameras=(_camera(),),
        recorded=Recorded(since="now-1h", holes=(hole,) if hole else (), extra=extra),
    )
