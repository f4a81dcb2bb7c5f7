"""hikcore: recorded video out of NVRs into an archive, exactly once, and exact clips back."""

__version__ = "0.1.0"
