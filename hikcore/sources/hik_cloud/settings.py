"""What a person may want to change for one cloud account or device, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from hikcore.sources.timetable import Timetable

#: What becomes of an answer with a code: see `verdict.classify`.
ErrorClass = Literal["permanent", "no_recording", "auth", "throttled", "transient"]
CLASSES: Final[tuple[str, ...]] = get_args(ErrorClass)

#: The document's longest interval of one request (error 80430002 beyond it).
LONGEST: Final = 3600
BASE_URL: Final = "https://api2.hik-cloud.com"
DOWNLOAD_PATH: Final = "/v1/carrier/cstorage/open/play/download"


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """How the cloud is spoken to.

    Attributes:
        base_url: of the API.
        download_path: of the request for a download address.
        token_path: where client credentials are changed into a token.
        devices_path, channels_path: lists of devices and channels.
        list_channels: whether the channel list is asked (its shape is from another document of the
            same platform); else every configured channel is taken as it is.
        success_codes: what `code` says where all went well. The document has 0; other requests of
            the same host say 200, as a number or as a text.
        classes: by code: in place of what is known of it.
        chunk_seconds: no request, margins included, is longer. Bodies of 600 s were found good,
            longer ones not (seed's observation).
        window_seconds: what one chunk of the archive covers.
        margin_seconds: asked for before and after a window.
        settle_seconds: younger footage is not asked for: it may not be in the cloud yet.
        retention_days: older footage is not asked for; None: as old as is wanted.
        timeout: seconds without a byte of an answer. connect_timeout: of a connection.
        download_timeout: seconds that one download may take in all.
        attempts, first_wait, longest_wait: tries of a request where a repeat can help, and seconds
            between them.
        addresses, downloads: at once, by one process and account or device.
        requests: a second, all kinds of API requests together.
        ca_file: trust this file's certificates in place of the system's; "": the system's.
        insecure_http: take addresses of the API and of footage without TLS. Off: signed addresses
            and tokens would be readable on the way.
        redirects: of a download that are followed (https only, and no token is ever sent there).
        token_margin: seconds before its end at which a token is not used any more.
        answer_limit, body_limit: bytes.
        hours: when the cloud is left alone, and what it may give.
    """

    base_url: str = BASE_URL
    download_path: str = DOWNLOAD_PATH
    token_path: str = "/oauth/token"  # noqa: S105  a path
    devices_path: str = "/v1/devices/list"
    channels_path: str = "/v1/channels/list"
    list_channels: bool = False
    success_codes: frozenset[str] = frozenset({"0", "200"})
    classes: Mapping[str, ErrorClass] = field(default_factory=dict)
    chunk_seconds: int = 600
    window_seconds: int = 300
    margin_seconds: int = 10
    settle_seconds: int = 120
    retention_days: float | None = None
    timeout: float = 60.0
    connect_timeout: float = 10.0
    download_timeout: float = 600.0
    attempts: int = 4
    first_wait: float = 1.0
    longest_wait: float = 30.0
    addresses: int = 4
    downloads: int = 2
    requests: float = 10.0
    ca_file: str = ""
    insecure_http: bool = False
    redirects: int = 3
    token_margin: float = 60.0
    answer_limit: int = 4 << 20
    body_limit: int = 4 << 30
    hours: Timetable = field(default_factory=Timetable)
