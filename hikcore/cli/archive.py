"""The archive that `coverage` and `clip` read: by URL alone, or the configured one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from hikcore.cli.targets import Target, like, load_config, sites_named

if TYPE_CHECKING:
    from hikcore.archive.reader import Archive
    from hikcore.config import Config


@dataclass(frozen=True, slots=True)
class Reader:
    """An open archive, and the configuration where one was used."""

    archive: Archive
    config: Config | None

    def zone(self, site: str) -> tzinfo | None:
        """What times without a zone are read in: as configured, else as the archive has it."""
        if self.config is not None and site in self.config.settings.sites:
            return self.config.site(site).zone
        return self.archive.zone(site)

    def sites(self, wanted: str | None) -> list[str]:
        """The ids of the sites that are like a pattern, None: of all; of the configuration where
        one was used, else of the archive.

        Raises:
            ConfigurationError: none is like it.
        """
        if self.config is not None:
            return [site.id for site in sites_named(self.config, wanted)]
        there = self.archive.sites()
        return (
            there if wanted is None else like(there, wanted, f"there are: {', '.join(there[:20])}")
        )

    def cameras(self, target: Target) -> list[str]:
        """The cameras of a target."""
        if target.camera is not None:
            return [target.camera]
        return self.archive.cameras(target.site)


def open_reader(url: str | None, file: Path | None, overrides: list[str] | None) -> Reader:
    """Open an archive.

    Args:
        url: of `--archive`: then no configuration is looked for.
        file, overrides: of the configuration.

    Raises:
        ConfigurationError: no URL that can be opened, or no usable configuration.
        ArchiveError: there is no archive, or no access to it.
    """
    from hikcore.archive.reader import open_archive

    if url is not None:
        return Reader(open_archive(url), None)
    config = load_config(file, overrides)
    return Reader(config.open_archive(), config)
