#!/bin/sh
# Gradescope runs this once, when it builds the container. The zip that is uploaded has this file, run_autograder and the
# grader itself: a wheel (pip wheel --no-deps .), or the folder colour-grade.
set -eu
root="${AUTOGRADER_ROOT:-/autograder}"
source="$root/source"

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq bubblewrap python3 python3-venv

package=""
for candidate in "$source"/*.whl "$source/colour-grade"; do
    if [ -e "$candidate" ]; then package="$candidate"; fi
done
if [ -z "$package" ]; then
    echo "setup.sh: the zip has neither a wheel of the grader nor the folder colour-grade: add one of them" >&2
    exit 1
fi

python3 -m venv "$root/venv"
# Torch without a GPU is a tenth of the size.
"$root/venv/bin/python" -m pip install -q --extra-index-url https://download.pytorch.org/whl/cpu "$package"
