#!/bin/sh
# Make the virtual environment that `make` works in. Missing Debian packages are installed where that is allowed, and
# named where it is not. PYTHON and VENV come from the Makefile.
set -eu

say() { printf '%s\n' "setup: $*" >&2; }

# debian PACKAGE REASON: install a Debian package as root; otherwise say what is missing, and fail.
debian() {
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ]; then
        say "installing the Debian package $1 ($2)"
        { apt-get install -y -qq "$1" || { apt-get update -qq && apt-get install -y -qq "$1"; }; } >/dev/null 2>&1 && return 0
    fi
    say "$1 is missing ($2): install it with 'apt install $1'"
    return 1
}

command -v "$PYTHON" >/dev/null 2>&1 || { say "$PYTHON is missing: install Python 3.10 to 3.13"; exit 1; }
"$PYTHON" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || {
    say "$("$PYTHON" --version) cannot be used: Python 3.10 to 3.13 can; name one with 'make PYTHON=python3.12 …'"
    exit 1
}

# Debian's Python has no ensurepip of its own.
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || debian python3-venv "virtual environments" || exit 1
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"

# Without it the product still runs, and says so.
command -v bwrap >/dev/null 2>&1 || debian bubblewrap "confines submissions" || true

say "installing what $VENV needs"
"$VENV/bin/python" -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
