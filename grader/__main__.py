"""``python -m grader`` is the ``grade`` command."""

from __future__ import annotations

import sys

from grader.cli.grade import main

sys.exit(main())
