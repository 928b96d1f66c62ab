"""Files that travel with the code are found in a checkout and in an installation."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from reference import shipped as shipped_module
from reference.shipped import shipped


@pytest.mark.parametrize("name", ["horses.npz", "rubric.yaml", "student_template"])
def test_an_installed_copy_finds_what_came_with_it(name, tmp_path):
    package = tmp_path / "reference"
    package.mkdir()
    copy = package / "shipped.py"
    copy.write_bytes(Path(shipped_module.__file__).read_bytes())
    place = tmp_path / "grader" / "shipped" / name
    place.parent.mkdir(parents=True)
    place.write_text("here")
    spec = importlib.util.spec_from_file_location("installed_shipped", copy)
    installed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(installed)
    assert installed.shipped(name) == place
    place.unlink()
    with pytest.raises(FileNotFoundError, match="install it again"):
        installed.shipped(name)


def test_only_known_names_are_shipped():
    with pytest.raises(ValueError, match=r"'\.\./passwords' is shipped: there are horses\.npz"):
        shipped("../passwords")
