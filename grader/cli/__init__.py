"""The two commands; only these print."""
