"""`[… .cloud]`: the account of a Hik Cloud device, and how the cloud is spoken to."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from hikcore.config.secrets import Secret
from hikcore.sources.hik_cloud.settings import BASE_URL, DOWNLOAD_PATH, LONGEST, ErrorClass

_Count = Annotated[int, Field(ge=0)]


class CloudSection(BaseModel):
    """A table; what it leaves out is taken from the table of the same name above."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    access_token: Secret | None = Field(None, description="before client credentials")
    client_id: str | None = Field(None, description="of client credentials")
    client_secret: Secret | None = Field(None, description="likewise")
    base_url: str = Field(BASE_URL, description="of the API")
    download_path: str = Field(DOWNLOAD_PATH, description="asks for a download address")
    token_path: str = Field("/oauth/token", description="gives a token")
    devices_path: str = Field("/v1/devices/list", description="lists devices")
    channels_path: str = Field("/v1/channels/list", description="lists channels")
    list_channels: bool = Field(False, description="ask for the channels of the device")
    success_codes: tuple[int | str, ...] = Field((0, 200), description="codes of success")
    error_classes: dict[str, ErrorClass] = Field(
        default_factory=dict, description="what a code is taken for"
    )
    chunk_seconds: int = Field(600, ge=1, le=LONGEST, description="no request is longer")
    window_seconds: int = Field(300, ge=1, le=LONGEST, description="of one chunk of the archive")
    margin_seconds: _Count = Field(10, description="asked for before and after a window")
    settle_seconds: _Count = Field(120, description="younger footage is not asked for")
    retention_days: float | None = Field(None, gt=0, description="older footage is not asked for")
    download_timeout: float = Field(600.0, gt=0, description="seconds of one download in all")
    ca_file: str = Field("", description="certificates to trust in place of the system's")
    insecure_http: bool = Field(False, description="take addresses without TLS")


def with_address(device: Any) -> Any:
    """A cloud's device with host, port and scheme of its API, as it has no address of its own."""
    if not isinstance(device, dict) or device.get("kind") != "hik_cloud":
        return device
    cloud = device.get("cloud")
    base = cloud.get("base_url", BASE_URL) if isinstance(cloud, dict) else BASE_URL
    try:
        parts = urlsplit(str(base))
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https"):
        host, port, scheme = "api2.hik-cloud.com", None, "https"  # the source says what is wrong
    else:
        scheme = parts.scheme
    return device | {"host": host, "port": port, "scheme": scheme}
