"""What a reader needs of a site besides its footage: its zone, its cameras' names and devices."""

from __future__ import annotations

from hikcore.archive.documents import Site
from hikcore.archive.keys import check_id, site_key
from hikcore.archive.store import Store
from hikcore.archive.update import parse, update


def read_site(store: Store, site: str) -> Site | None:
    """The site's document, None where nobody has written one.

    Raises:
        ArchiveCorrupt: it is not one.
    """
    key = site_key(site)
    found = store.get(key)
    return None if found is None else parse(Site, found[0], f"{store.url}/{key}")


def publish_site(store: Store, site: Site) -> Site:
    """Write what is known of a site now. Cameras that are not in it any more stay: their footage
    does too.

    Returns:
        The document as it is now.
    """
    for camera in site.cameras:
        check_id(camera.id, "camera")
    return update(store, site_key(site.site), Site, lambda before: _over(before, site))


def _over(before: Site | None, now: Site) -> Site:
    cameras = {camera.id: camera for camera in (before.cameras if before else ())}
    cameras |= {camera.id: camera for camera in now.cameras}
    ordered = tuple(cameras[camera] for camera in sorted(cameras))
    return now.model_copy(update={"cameras": ordered})
