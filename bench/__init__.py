"""How long grading takes, and what of it is overhead: ``make bench`` writes BENCHMARKS.md. Development only."""
