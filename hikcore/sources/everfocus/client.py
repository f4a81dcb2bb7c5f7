"""`EverFocusClient`: all that an EverFocus recorder can be asked without changing it, typed.

    async with Session("192.0.2.7", "viewer", SecretStr("…")) as session:
        client = EverFocusClient(session)
        for camera in await client.cameras():
            print(camera.channel, camera.name)

Each call names the section of the vendor's guide that it follows. Times are UTC ns, spans
half-open; they are sent in the unit that a request wants, rounded so that all of a span is asked
for.
"""

from __future__ import annotations

from hikcore.sources.everfocus.calls.alarms import Alarms
from hikcore.sources.everfocus.calls.cameras import Cameras
from hikcore.sources.everfocus.calls.events import Events
from hikcore.sources.everfocus.calls.network import Networking
from hikcore.sources.everfocus.calls.recordings import Recordings
from hikcore.sources.everfocus.calls.schedules import Schedules
from hikcore.sources.everfocus.calls.snapshots import Snapshots
from hikcore.sources.everfocus.calls.storage import Storages
from hikcore.sources.everfocus.calls.streaming import Streaming
from hikcore.sources.everfocus.calls.system import System


class EverFocusClient(
    Cameras,
    Streaming,
    Recordings,
    Snapshots,
    Events,
    Schedules,
    Networking,
    Storages,
    Alarms,
    System,
):
    """The reading calls of the vendor's guide.

    Every call raises a `DeviceError`: `DeviceSaidError` with the recorder's own description where
    it answers `"Result": "Error"`; `DeviceRefused` for what the settings do not allow, before
    anything is sent.

    Args:
        session: of the recorder; whoever made it closes it.
    """
