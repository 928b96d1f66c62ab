"""Answers to the examiner's probes, computed from the submission's classes."""
