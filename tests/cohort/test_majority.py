"""What a cohort hands in decides for those whose files cannot tell, and for nobody else."""

from __future__ import annotations

from pathlib import Path

from cohort_sample import rubric

from grader.cohort.majority import with_the_cohorts_assignment
from grader.intake import find

COHORT = {
    "alice": ["colourization.py"],
    "bob": ["bob_colourization.py", "a2-writeup.pdf"],
    "carol": ["a2-cnn.ipynb"],
    "dan": ["a2-writeup.pdf"],
    "eve": ["packed.zip"],
}


def decided(place: Path, *ids: str) -> dict[str, str | None]:
    for id in ids:
        for name in COHORT[id]:
            (place / "submissions" / id).mkdir(parents=True, exist_ok=True)
            (place / "submissions" / id / name).write_bytes(b"")
    found = find([place / "submissions"], mode="many").found
    return {one.id: one.assignment for one in with_the_cohorts_assignment(found, rubric(place).assignments)}


def test_who_handed_in_no_code_is_taken_to_do_what_most_do(tmp_path: Path) -> None:
    told = decided(tmp_path, *COHORT)
    assert told == {"alice": None, "bob": None, "carol": None, "dan": "csc321-2018", "eve": None}


def test_half_of_the_cohort_decides_nothing(tmp_path: Path) -> None:
    assert decided(tmp_path, "alice", "carol", "dan")["dan"] is None


def test_nobody_decides_where_nobody_handed_in_code(tmp_path: Path) -> None:
    assert decided(tmp_path, "dan") == {"dan": None}
