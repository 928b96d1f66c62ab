"""How long grading takes, and how much of it is overhead: ``make bench`` writes BENCHMARKS.md. For development only."""
