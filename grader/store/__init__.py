"""Reports on disk: written whole or not at all, and found again by the key of what they depend on."""
