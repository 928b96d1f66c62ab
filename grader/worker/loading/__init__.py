"""The submission's definitions, run in the session."""
