"""The Hik Cloud open platform: cloud storage of a device's channels, by spans.

The download address (`/v1/carrier/cstorage/open/play/download`) is known from one document alone,
and nothing here has met the real cloud yet: what is assumed is a setting, see docs/hik-cloud.md.
"""
