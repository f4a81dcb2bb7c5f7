"""Hikvision recorders and cameras over ISAPI (HTTP and XML): the source `IsapiSource`."""

from hikcore.sources.isapi.settings import Settings
from hikcore.sources.isapi.source import IsapiSource
from hikcore.sources.patience import Busy, Retries

__all__ = ["Busy", "IsapiSource", "Retries", "Settings"]
