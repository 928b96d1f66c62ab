"""Code side by side under several names: asked about, unless it shows itself to be parts of one submission."""

from __future__ import annotations

from pathlib import Path

import pytest
from archive_makers import a_zip
from laid_out import ids, lay

from grader.intake import SubmissionError, find

SEVERAL = {
    "names": ["alice.py", "bob.py"],
    "names beside the starter": ["colourization.py", "alice.py", "bob.py", "carol.ipynb"],
    "archives beside code": ["a2.py", "alice.zip", "bob.zip"],
    "names before the assignment": ["alice_a2.py", "bob_a2.ipynb"],
    "names after the assignment": ["colourization_alice.py", "colourization_bob.py"],
    "numbers": ["colourization_1002345678.py", "colourization_1002345679.py"],
    "short names": ["li.py", "wu.py"],
    "logins that differ in a digit": ["c5bobsam.py", "c6bobsam.py"],
    "numbers of students": ["student1.py", "student2.py"],
    "folders beside a script": ["alice/a2.py", "bob/a2.py", "carol.py"],
    "titles beside other names": ["Alice A - a2.py", "Bob B - a2.py", "carol.py"],
    "in a folder around it": ["export/alice.py", "export/bob.py"],
    "in sections": ["LEC0101/alice.py", "LEC0101/bob.py", "LEC0201/carol.py"],
}


@pytest.mark.parametrize("names", SEVERAL.values(), ids=SEVERAL)
@pytest.mark.parametrize("packed", [False, True])
def test_code_under_several_names_is_never_one_submission_without_asking(
    tmp_path: Path, names: list[str], packed: bool
) -> None:
    text = "class CNN(nn.Module):\n    pass\n"
    place = tmp_path / "flat.zip" if packed else lay(tmp_path / "flat", *names, content=text)
    if packed:
        place.write_bytes(a_zip(*((name, text.encode()) for name in names)))
    with pytest.raises(SubmissionError, match=r"flat.* holds code under several names \(.*--many .*--one"):
        find([place])
    assert not find([place], mode="one").many
    assert len(find([place], mode="many").found) == len(names)


def test_files_under_several_names_on_the_command_line_are_asked_about_too(tmp_path: Path) -> None:
    lay(tmp_path, "alice.py", "bob.py")
    with pytest.raises(SubmissionError, match="holds code under several names"):
        find([tmp_path / "alice.py", tmp_path / "bob.py"])


HELPERS = {
    "imported": {"main.py": "from zebra import f\nimport yak\n", "zebra.py": "f = 1\n", "yak.py": "g = 2\n"},
    "each network once": {"zebra.py": "class CNN(nn.Module): ...", "yak.ipynb": '"class UNet(nn.Module):\\n"'},
    "folders of helpers": {"main.py": "class CNN(N): ...", "zebra/x.py": "f = 1\n", "yak/y.py": "g = 2\n"},
}


@pytest.mark.parametrize("files", HELPERS.values(), ids=HELPERS)
def test_helpers_under_names_of_their_own_belong_to_one_submission(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        lay(tmp_path / "alice", name, content=text)
    assert ids(find([tmp_path / "alice"])) == ["alice"]
