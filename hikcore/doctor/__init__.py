"""Is everything that a site needs in order: its archive, its devices. Looks, and changes nothing.

(In the archive it writes one object under `run/`, which may be deleted at any time, and removes
it.)
"""
