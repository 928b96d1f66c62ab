"""Whatever a student calls their files, no other student's row changes: from a platform's download to the gradebook."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from archive_makers import a_zip
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook.lateness import Lateness, due_time
from grader.gradebook.lists import Student
from grader.gradebook.roster import People
from grader.intake import find
from grader.marking.late import LateRule
from grader.report.rows import Row


@dataclass(frozen=True)
class Person:
    """A student as the platforms know them."""

    login: str
    name: str
    user: str
    upload: int
    time: str


ALICE = Person("alice", "Alice Example", "12345", 678, "2026-03-01-10-00-00")
BOB = Person("bob", "Bob Sample", "22345", 681, "2026-03-02-11-30-00")
CAROL = Person("c_arol", "Carol O'Hara", "32345", 690, "2026-03-01-12-00-00")
COHORT = (ALICE, BOB, CAROL)
ROSTER = tuple(Student(f"100{who.user}", who.name, f"{who.login}@example.org", (who.login, who.user)) for who in COHORT)

Files = dict[str, bytes]
Names = Sequence[str]


def canvas(who: Person, names: Names) -> Files:
    sortable = "".join(filter(str.isalnum, who.name.split()[1] + who.name.split()[0])).lower()
    return {f"{sortable}_{who.user}_{who.upload + place}_{name}": b"" for place, name in enumerate(names)}


def canvas_late(who: Person, names: Names) -> Files:
    return {name.replace("_", "_LATE_", 1): content for name, content in canvas(who, names).items()}


def moodle(who: Person, names: Names) -> Files:
    return {f"{who.name}_{who.user}_assignsubmission_file_{name}": b"" for name in names}


def moodle_folders(who: Person, names: Names) -> Files:
    return {f"{who.name}_{who.user}_assignsubmission_file_/{name}": b"" for name in names}


def blackboard(who: Person, names: Names) -> Files:
    start = f"CSC_413_2023_{who.login}_attempt_{who.time}"
    receipt = f"Name: {who.name} ({who.login})\nAssignment: A2\n".encode()
    return {f"{start}.txt": receipt, **{f"{start}_{name}": b"" for name in names}}


def gradescope(who: Person, names: Names) -> Files:
    return {f"submission_{who.upload}/{name}": b"" for name in names}


def markus(who: Person, names: Names) -> Files:
    return {f"{who.login}/{name}": b"" for name in names}


METADATA = "".join(
    f"submission_{who.upload}:\n  :submitters:\n  - :name: {who.name}\n    :email: {who.login}@example.org\n"
    f"  :created_at: {who.time[:10]} {who.time[11:].replace('-', ':')} Z\n"
    for who in COHORT
).encode()
PLATFORMS: dict[str, Callable[[Person, Names], Files]] = {
    maker.__name__: maker for maker in (canvas, canvas_late, moodle, moodle_folders, blackboard, gradescope, markus)
}


def rows(platform: str, files: Files, packed: bool) -> dict[str, tuple[object, ...]]:
    """What the gradebook has for each student of the roster."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "download"
        place.mkdir()
        extra = {"submission_metadata.yml": METADATA} if platform == "gradescope" else {}
        for name, content in {**files, **extra}.items():
            path = place / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        if packed:
            place = Path(folder) / "download.zip"
            place.write_bytes(a_zip(*{**files, **extra}.items()))
        found = find([place]).found
        late = {ROSTER[0].id: Fraction(1), BOB.login: Fraction(30)}
        people = People(
            ROSTER, Lateness(late, LateRule(percent_a_day=Fraction(10)), due=due_time("2026-03-01T11:00:00Z"))
        )
        for one in found:
            people.meet(_row(one.id, one.known_as, one.submitted))
        return {
            student.id: (one.id, one.names, one.inside, one.late, one.submitted, one.flags, people.hours(one.id))
            for one in found
            for student in people.students(one.id)
        }


def _row(id: str, known_as: tuple[str, ...], submitted: str | None) -> Row:
    zero = Fraction(0)
    texts = {"folder": id, "id": id, "sha256": "", "assignment": "", "assignment_title": "", "status": "graded"}
    points = {"score": zero, "max_score": zero, "pending_points": zero}
    return Row(**texts, **points, key="", known_as=known_as, submitted=submitted, flags=(), criteria=(), seconds=0.0)  # type: ignore[arg-type]


OWN_FIELDS = [maker(who, ["a2.py"]) for maker in PLATFORMS.values() for who in COHORT]
PIECES = sorted({name.replace("/", "_") for files in OWN_FIELDS for name in files})
pieces = st.one_of(
    st.sampled_from(PIECES),
    st.sampled_from([who.login for who in COHORT] + [who.user for who in COHORT] + [student.id for student in ROSTER]),
    st.sampled_from(
        ["_", "-", " - ", "_LATE_", "_attempt_", "_assignsubmission_file_", "submission_681", ".zip", "(1)", "\\"]
    ),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs", "Cc")), max_size=8),
)
names = st.builds(
    lambda parts, ending: "".join(parts)[:60].strip(" .") + ending,
    st.lists(pieces, max_size=4),
    st.sampled_from([".py", ".ipynb", ".zip", ".txt", ".pdf", ""]),
).filter(lambda name: name not in ("", ".", "..") and len(name.encode()) <= 120)


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
@given(names=st.lists(names, min_size=1, max_size=4, unique_by=str.casefold), packed=st.booleans())
def test_what_one_student_calls_files_changes_no_other_students_row(
    platform: str, names: list[str], packed: bool
) -> None:
    make = PLATFORMS[platform]
    others = {**make(BOB, ["a2.py", "a2-writeup.pdf"]), **make(CAROL, ["a2.ipynb"])}
    before = rows(platform, {**make(ALICE, ["a2.py"]), **others}, packed)
    after = rows(platform, {**make(ALICE, names), **others}, packed)
    assert set(before) == {student.id for student in ROSTER}
    for student in ROSTER[1:]:
        assert after[student.id] == before[student.id]
    assert after.get(ROSTER[0].id, before[ROSTER[0].id])[0] == before[ROSTER[0].id][0]
