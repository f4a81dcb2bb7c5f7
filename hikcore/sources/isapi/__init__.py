"""isapi."""
