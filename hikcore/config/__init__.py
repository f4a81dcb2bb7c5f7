"""The configuration: one TOML file, overridden by the environment and the command line.

See docs/config.md for every key.
"""

from hikcore.config.load import load
from hikcore.config.places import Camera, Config, Site
from hikcore.config.secrets import Secret

__all__ = ["Camera", "Config", "Secret", "Site", "load"]
