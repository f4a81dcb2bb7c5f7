"""Hikvision recorders and cameras over ISAPI (HTTP and XML): the source `IsapiSource`."""

from hikcore.sources.isapi.settings import Busy, Retries, Settings
from hikcore.sources.isapi.source import IsapiSource

__all__ = ["Busy", "IsapiSource", "Retries", "Settings"]
