"""The submission's source: read, parsed and outlined, without running it."""
