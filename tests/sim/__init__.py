"""The simulated devices."""
