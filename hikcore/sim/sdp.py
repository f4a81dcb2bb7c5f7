"""The session description that a recorder gives for a stream (RFC 8866)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from hikcore.sim import hikps
from hikcore.sim.camera import CameraProfile
from hikcore.sim.rtp import nal_type

PAYLOADS = {"video": 96, "alaw": 8, "ulaw": 0}


def describe(
    camera: CameraProfile, units: Sequence[bytes], host: str, *, span: str, sets: bool
) -> bytes:
    """The SDP.

    Args:
        units: NAL units of a key picture, parameter sets among them.
        host: the recorder's address.
        span: what `a=range` says, empty for live video.
        sets: whether the parameter sets stand in it.
    """
    name = "H264" if camera.codec == "h264" else "H265"
    lines = [
        "v=0",
        f"o=- 1109162014219182 1109162014219192 IN IP4 {host}",
        "s=Media Presentation",
        "e=NONE",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        *([f"a=range:{span}"] if span else []),
        "m=video 0 RTP/AVP 96",
        f"a=rtpmap:96 {name}/90000",
        *([_format(camera.codec, units)] if sets else []),
        "a=control:trackID=video",
    ]
    if camera.audio is not None:
        kind = PAYLOADS[camera.audio]
        law = "PCMA" if camera.audio == "alaw" else "PCMU"
        lines += [f"m=audio 0 RTP/AVP {kind}", f"a=rtpmap:{kind} {law}/8000"]
        lines += ["a=control:trackID=audio"]
    header = hikps.file_header(camera.codec, camera.audio).hex().upper()
    lines += [f"a=Media_header:MEDIAINFO={header};", "a=appversion:1.0"]
    return "\r\n".join(lines).encode() + b"\r\n"


def _format(codec: str, units: Sequence[bytes]) -> str:
    found = {nal_type(codec, unit): b64encode(unit).decode() for unit in units}
    if codec == "h265":
        sets = ";".join(
            f"{key}={found[kind]}"
            for kind, key in ((32, "sprop-vps"), (33, "sprop-sps"), (34, "sprop-pps"))
        )
        return f"a=fmtp:96 {sets}"
    profile = next(unit for unit in units if nal_type(codec, unit) == 7)[1:4].hex().upper()
    return (
        f"a=fmtp:96 profile-level-id={profile};packetization-mode=1;"
        f"sprop-parameter-sets={found[7]},{found[8]}"
    )
