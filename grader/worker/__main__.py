"""Started by ``grader.sandbox``, alone in a fresh interpreter: becomes the warm parent of every session."""

from __future__ import annotations

import sys

from .session.warm import main

if __name__ == "__main__":
    main(sys.argv[1])
