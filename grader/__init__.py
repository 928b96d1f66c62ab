"""An autograder for five PyTorch assignments: the reference sits the same exam as the submission."""

from __future__ import annotations

__version__ = "0.1.0"
