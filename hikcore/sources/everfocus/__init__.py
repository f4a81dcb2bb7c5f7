"""EverFocus recorders (NVR SDK guide)."""
