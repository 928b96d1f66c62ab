"""``rubric.yaml`` says what the handouts say, and a rubric that cannot be used is refused with file and line."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT

from grader.marking.rounding import RoundRule
from grader.marking.rubric import Criterion, Rubric, RubricError
from grader.marking.rubric_file import CHECKS, load
from reference.handouts import HANDOUTS, LAYER_ORDERS

SHIPPED = ROOT / "rubric.yaml"

SMALL = """\
assignments:
  csc413-2020:
    title: Colouring horses
    code: [a2-cnn.ipynb, "*.py"]
    writeup: [a2-writeup.pdf]
    layer_orders: [pool-first, norm-first]
    mistakes: {tanh-at-the-end: 0.5}
    parts:
      - id: a
        title: A. Colours
        points: 2
        criteria:
          - id: cnn.shapes
            title: Shapes
            points: 0.75
            check: shapes
            question: a1
          - id: cnn.training
            title: Training
            points: 0.25
            check: training
            question: a1
            needs: [cnn.shapes]
            hidden: true
          - id: manual.a2
            title: In words
            points: 1
            look_for: >-
              Two
              reasons
      - id: extra
        title: More
        points: 0.5
        bonus: true
        criteria:
          - id: my-conv2d.values
            title: Values
            points: 0.50
            check: values
            needs: [cnn.training]
"""


@pytest.fixture(scope="module")
def shipped() -> Rubric:
    return load(SHIPPED)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rubric") / "rubric.yaml"


def refusal(path: Path, content: str | bytes, **how: Any) -> str:
    """The sentence with which ``content`` is refused."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RubricError) as refused:
        load(path, **how)
    return str(refused.value)


# The rubric that ships.

# Points of each part as the handouts print them; bonus parts are marked with a star. 2019's are those of its course.
PARTS = {
    "csc321-2018": {"a": 2, "b": 2, "c": 3, "d": 1, "e": 1, "f": 1, "g*": 1, "files": 0},
    "cse891-2018": {"1": 2, "2": 2, "3": 3, "4": 1, "5": 1, "6": 1, "7*": 1, "files": 0},
    "csc2516-2019": {"a": 2, "b": 2, "c": 3, "d": 1, "e": 2, "f": 2, "files": 0},
    "csc413-2020": {"a": 2, "b": 2, "c": 2, "files": 0},
    "csc413-2023": {"1": 3, "2": 4, "3": 2, "4": 2, "5": 2, "6": 2, "files": 0},
}
QUESTIONS = {
    "csc321-2018": "a1 a2 a3 a4 b1 b2 c1 c2 c3 d1 d2 e1 e2 f1 f2 g1 g2",
    "cse891-2018": "1.1 1.2 1.3 1.4 2.1 2.2 3.1 3.2 3.3 4.1 4.2 5.1 5.2 6.1 6.2 7.1 7.2",
    "csc2516-2019": "a.1 a.2 a.3 a.4 a.5 b.1 b.2 c.1 c.2 c.3 d.1 d.2 e.1 e.2 e.3 f.1 f.2 f.3 f.4",
    "csc413-2020": "a1 a2 a3 a4 b1 b2 b3 b4 c1 c2 c3 c4 c5",
    "csc413-2023": (
        "1.1.1 1.2.1 1.2.2 2.1.1 2.1.2 2.1.3 2.2.1 2.2.2 2.2.3 2.3.1 2.3.2 2.3.3 3.1 3.2 3.3 "
        "4.1 4.2 4.3 5.1 5.2 5.3 5.4 5.5 6.1 6.2 6.3"
    ),
}
POINTS_2023 = {
    "1.1.1": "2", "1.2.1": "1", "1.2.2": "0", "2.1.1": "0.5", "2.1.2": "0.5", "2.1.3": "0", "2.2.1": "1", "2.2.2": "0",
    "2.2.3": "1", "2.3.1": "0.5", "2.3.2": "0.5", "2.3.3": "0", "3.1": "0.5", "3.2": "1", "3.3": "0.5", "4.1": "0.5",
    "4.2": "0.5", "4.3": "1", "5.1": "0.5", "5.2": "0.5", "5.3": "0.5", "5.4": "0.5", "5.5": "0", "6.1": "0.5",
    "6.2": "0.5", "6.3": "1",
}  # fmt: skip
NEED_A_TRACE = {"1.1.1", "1.2.1", "2.1.2", "2.2.1", "2.2.3", "3.3"}
NETWORKS = {
    "csc321-2018": {"cnn", "unet", "dilated-unet"},
    "cse891-2018": {"cnn", "unet", "dilated-unet"},
    "csc2516-2019": {"cnn", "unet"},
    "csc413-2020": {"cnn", "unet"},
    "csc413-2023": {"pool-upsample-net", "conv-transpose-net", "unet"},
}
GIVEN = {
    "csc321-2018": {"my-conv2d", "regression-cnn"},
    "cse891-2018": {"my-conv2d", "regression-cnn"},
    "csc2516-2019": {"my-conv2d", "regression-cnn"},
    "csc413-2020": {"my-conv2d"},
    "csc413-2023": set(),
}


def question(criterion: Criterion) -> str:
    return criterion.question or criterion.id.removeprefix("manual.")


def test_the_five_assignments_ship(shipped: Rubric) -> None:
    assert tuple(shipped.assignments) == tuple(HANDOUTS)
    assert shipped.sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert shipped.path == SHIPPED


@pytest.mark.parametrize("id", HANDOUTS)
class TestTheMarkSheet:
    def test_has_the_parts_and_points_of_the_handout(self, shipped: Rubric, id: str) -> None:
        parts = shipped.assignments[id].parts
        assert {part.id + "*" * part.bonus: part.points for part in parts} == PARTS[id]

    def test_has_every_question_of_the_handout_in_order(self, shipped: Rubric, id: str) -> None:
        asked = dict.fromkeys(
            question(criterion)
            for criterion in shipped.assignments[id].criteria
            if not criterion.id.startswith("files.") and criterion.id != "manual.neatness"
        )
        assert list(asked) == QUESTIONS[id].split()

    def test_marks_every_part_in_whole_hundredths(self, shipped: Rubric, id: str) -> None:
        for part in shipped.assignments[id].parts:
            assert sum(criterion.points for criterion in part.criteria) == part.points
            assert all((criterion.points * 100).denominator == 1 for criterion in part.criteria)

    def test_examines_every_network_that_the_student_completes(self, shipped: Rubric, id: str) -> None:
        criteria = {criterion.id: criterion for criterion in shipped.assignments[id].criteria}
        for network in NETWORKS[id]:
            points = {
                aspect: criteria[f"{network}.{aspect}"].points
                for aspect in ("shapes", "parameters", "architecture", "training", "device")
            }
            assert min(points.values()) > 0
            assert max(points, key=points.__getitem__) == "architecture"
            asked_for = id != "csc413-2023" and network != "dilated-unet"
            assert (f"{network}.uses-my-conv2d" in criteria) == asked_for

    def test_gives_no_points_for_what_the_handout_gives(self, shipped: Rubric, id: str) -> None:
        given = [c for c in shipped.assignments[id].criteria if c.id.startswith(("my-conv2d.", "regression-cnn."))]
        assert {criterion.id.partition(".")[0] for criterion in given} == GIVEN[id]
        assert all(criterion.points == 0 and criterion.needs == ("cnn.shapes",) for criterion in given)

    def test_names_the_check_that_decides_in_the_id(self, shipped: Rubric, id: str) -> None:
        for criterion in shipped.assignments[id].criteria:
            if criterion.check is not None:
                assert criterion.id.endswith(f".{criterion.check}")

    def test_accepts_both_orders_of_layers_and_puts_the_handouts_first(self, shipped: Rubric, id: str) -> None:
        first = "norm-first" if id == "csc2516-2019" else "pool-first"
        orders = shipped.assignments[id].layer_orders
        assert orders[0] == first
        assert set(orders) == set(LAYER_ORDERS)

    def test_looks_for_both_kinds_of_file_at_no_points(self, shipped: Rubric, id: str) -> None:
        criteria = {criterion.id: criterion for criterion in shipped.assignments[id].criteria}
        assert criteria["files.code"].points == criteria["files.writeup"].points == 0


def test_the_questions_of_2023_have_the_points_printed_beside_them(shipped: Rubric) -> None:
    points = dict.fromkeys(POINTS_2023, Fraction(0))
    for part in shipped.assignments["csc413-2023"].parts:
        for criterion in part.criteria:
            if part.id != "files":
                points[question(criterion)] += criterion.points
    assert points == {name: Fraction(value) for name, value in POINTS_2023.items()}


def test_the_words_of_2023_that_need_a_program_trace_say_so(shipped: Rubric) -> None:
    notes = {
        criterion.id.removeprefix("manual."): criterion.look_for
        for criterion in shipped.assignments["csc413-2023"].criteria
        if criterion.check is None
    }
    assert {name for name, note in notes.items() if "program trace" in note} == NEED_A_TRACE
    assert "10 %" in notes["neatness"]


@pytest.mark.parametrize("id", ["csc321-2018", "cse891-2018"])
def test_the_dilated_network_waits_for_what_it_is_made_of(shipped: Rubric, id: str) -> None:
    needs = {c.id: c.needs for c in shipped.assignments[id].criteria if c.id.startswith("dilated")}
    made_of = ("dilated.values", "unet.architecture")
    assert needs == {
        "dilated.values": (),
        "dilated.gradients": (),
        "dilated.handmade": (),
        "dilated-unet.shapes": (),
        "dilated-unet.parameters": made_of,
        "dilated-unet.architecture": made_of,
        "dilated-unet.training": made_of,
        "dilated-unet.device": made_of,
    }


# Reading.


def test_a_small_rubric_is_read_whole(file: Path) -> None:
    file.write_text(SMALL, encoding="utf-8")
    assignment = load(file).assignments["csc413-2020"]
    assert assignment.title == "Colouring horses"
    assert assignment.code == ("a2-cnn.ipynb", "*.py")
    assert assignment.writeup == ("a2-writeup.pdf",)
    assert assignment.layer_orders == ("pool-first", "norm-first")
    assert assignment.mistakes == {"tanh-at-the-end": Fraction(1, 2)}
    assert load(file).mistake_lines == {(assignment.id, "tanh-at-the-end"): 7}
    assert [part.bonus for part in assignment.parts] == [False, True]
    shapes, training, manual, dilated = assignment.criteria
    assert (shapes.points, shapes.check, shapes.question, shapes.hidden) == (Fraction(3, 4), "shapes", "a1", False)
    assert (training.needs, training.hidden, training.look_for) == (("cnn.shapes",), True, "")
    assert (manual.check, manual.look_for, manual.question) == (None, "Two reasons", "")
    assert dilated.needs == ("cnn.training",)


def test_a_question_keeps_its_literal_number(file: Path) -> None:
    file.write_text(SMALL.replace("question: a1", "question: 5.10"), encoding="utf-8")
    assert load(file).assignments["csc413-2020"].criteria[0].question == "5.10"


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load(file).assignments["csc413-2020"].criteria[2].look_for == "Two reasons"


# Refusing: what is replaced in SMALL, by what, the line that is named, and words of the sentence.
FAULTS = [
    ("negative points", "points: 0.75", "points: -0.75", 15, "must be 0 to 9999 in whole hundredths, was '-0.75'"),
    ("a fraction of a hundredth", "points: 0.75", "points: 0.755", 15, "was '0.755'"),
    ("points in words", "points: 0.75", "points: half", 15, "was 'half'"),
    ("points in quotes", "points: 0.75", 'points: "0.75"', 15, "points must be"),
    ("points that are not a number", "points: 0.75", "points: .nan", 15, "was '.nan'"),
    ("endless points", "points: 0.75", "points: .inf", 15, "was '.inf'"),
    ("points in base eight", "points: 0.75", "points: 017", 15, "was '017'"),
    ("points in base sixty", "points: 0.75", "points: 1:30", 15, "was '1:30'"),
    ("no points", "points: 0.75", "points:", 15, "was empty"),
    ("a list of points", "points: 0.75", "points: [1]", 15, "was a list"),
    ("a part that does not add up", "points: 2", "points: 3", 11, "points of part 'a' must be 2, which its criteria"),
    ("a key misspelt", "check: shapes", "chek: shapes", 16, "was 'chek': did you mean 'check'?"),
    ("a key of the part misspelt", "bonus: true", "bonos: true", 34, "did you mean 'bonus'?"),
    ("a key of the assignment misspelt", "writeup:", "write_up:", 5, "did you mean 'writeup'?"),
    ("a key of the rubric misspelt", "assignments:", "assignment:", 1, "did you mean 'assignments'?"),
    ("a key twice", "check: shapes", "check: shapes\n            check: shapes", 17, "there twice (before in line 16)"),
    ("a list as a key", "check: shapes", "[check]: shapes", 16, "was a list"),
    ("a key that merges", "check: shapes", "<<: shapes", 16, "was '<<'"),
    ("an unknown check", "check: shapes", "check: shape", 16, "was 'shape': did you mean 'shapes'?"),
    ("a check unlike any", "check: shapes", "check: zzz", 16, "was 'zzz': use one of these"),
    ("no check", "            check: shapes\n", "", 13, "must have the key 'check'"),
    ("a person's criterion with a check", "points: 1\n", "points: 1\n            check: shapes\n", 28, "was 'check'"),
    ("a check's criterion with a note", "check: shapes", "look_for: all", 16, "was 'look_for'"),
    ("an unknown assignment", "csc413-2020", "csc-413-2020", 2, "was 'csc-413-2020': did you mean 'csc413-2020'?"),
    ("a criterion twice", "id: cnn.training", "id: cnn.shapes", 18, "'cnn.shapes' is there twice (before in line 13)"),
    ("a criterion twice in two parts", "id: my-conv2d.values", "id: cnn.shapes", 36, "twice (before in line 13)"),
    ("a part twice", "id: extra", "id: a", 31, "the part 'a' is there twice"),
    ("an id in capitals", "id: cnn.shapes", "id: CNN.shapes", 13, "must be lower-case letters and digits"),
    ("an id with a space", "id: cnn.shapes", "id: cnn shapes", 13, "was 'cnn shapes'"),
    ("an id with two dots", "id: cnn.shapes", "id: cnn..shapes", 13, "was 'cnn..shapes'"),
    ("an id that climbs", "id: cnn.shapes", "id: ../etc", 13, "was '../etc'"),
    ("an id in other digits", "id: cnn.shapes", "id: cnn.٣", 13, "was 'cnn.٣'"),
    ("a need of nothing there", "needs: [cnn.shapes]", "needs: [cnn.shape]", 23, "did you mean 'cnn.shapes'?"),
    ("a need that is no list", "needs: [cnn.shapes]", "needs: cnn.shapes", 23, "must be a list, was 'cnn.shapes'"),
    ("a need of itself", "needs: [cnn.shapes]", "needs: [cnn.training]", 23, "must not go in a circle"),
    ("a circle of needs", "needs: [cnn.shapes]", "needs: [my-conv2d.values]", 23, "cnn.training ← my-conv2d.values"),
    ("a share above one", "tanh-at-the-end: 0.5", "tanh-at-the-end: 1.5", 7, "must be 0 to 1"),
    ("a share far above one", "tanh-at-the-end: 0.5", "tanh-at-the-end: 2", 7, "must be 0 to 1"),
    ("a negative share", "tanh-at-the-end: 0.5", "tanh-at-the-end: -1", 7, "must be 0 to 1"),
    ("a share that is not a number", "tanh-at-the-end: 0.5", "tanh-at-the-end: .nan", 7, "must be 0 to 1"),
    ("rounding without a step", "mistakes: {tanh-at-the-end: 0.5}", "round: up", 7, "round must be a step and one of "
     "half-up, up, down, was 'up': write it as '0.5 up'"),
    ("rounding to nothing", "mistakes: {tanh-at-the-end: 0.5}", "round: 0 up", 7, "round must be a step"),
    ("rounding in another way", "mistakes: {tanh-at-the-end: 0.5}", "round: 0.5 well", 7, "round must be a step"),
    ("more than all for neatness", "mistakes: {tanh-at-the-end: 0.5}", "neatness: 101", 7, "neatness must be 0 to 100"),
    ("late as a number", "mistakes: {tanh-at-the-end: 0.5}", "late: 3", 7, "late must be a mapping"),
    ("late without a rate", "mistakes: {tanh-at-the-end: 0.5}", "late: {grace_hours: 1}", 7, "late must have the "
                                                                                             "key 'percent_a_day'"),
    ("a rate above all", "mistakes: {tanh-at-the-end: 0.5}", "late: {percent_a_day: 101}", 7, "percent_a_day must "
                                                                                              "be 0 to 100, was '101'"),
    ("late with another key", "mistakes: {tanh-at-the-end: 0.5}", "late: {percent_a_day: 1, cap_percnt: "
                                                                  "2}", 7, "did you mean 'cap_percent'"),
    ("a negative grace", "mistakes: {tanh-at-the-end: 0.5}", "late: {percent_a_day: 1, grace_hours: "
                                                             "-1}", 7, "grace_hours must be 0 to 9999"),
    ("mistakes in a list", "{tanh-at-the-end: 0.5}", "[tanh-at-the-end]", 7, "mistakes must be a mapping"),
    ("an unknown layer order", "[pool-first, norm-first]", "[pool_first, norm-first]", 6, "did you mean 'pool-first'?"),
    ("a layer order twice", "[pool-first, norm-first]", "[pool-first, pool-first]", 6, "must name each once"),
    ("no layer order", "[pool-first, norm-first]", "[]", 6, "at least 1, was empty"),
    ("no title", "title: Colouring horses", "title: ", 3, "title must be text, was empty"),
    ("a blank title", "title: Colouring horses", "title: ' '", 3, "printable text, was empty"),
    ("a title that rings", "title: Colouring horses", r'title: "ding\a"', 3, r"was 'ding\x07'"),
    ("a title with a colon", "title: Colouring horses", "title: Colouring: horses", 3, "this is not YAML"),
    ("a flag in words", "hidden: true", "hidden: maybe", 24, "must be one of true, false, was 'maybe'"),
    ("an anchor", "title: Shapes", "title: &shapes Shapes", 14, "anchors and aliases"),
    ("an alias", "title: Training", "title: *shapes", 19, "anchors and aliases"),
    ("a tag", "title: Shapes", "title: !!str Shapes", 14, "tags (!) are not allowed"),
    ("a tag that would run", "title: Shapes", "title: !!python/object/apply:os.getcwd []", 14, "tags (!)"),
    ("a tab for indentation", "            check: shapes", "\tcheck: shapes", 16, "this is not YAML"),
    ("an open bracket", "[a2-writeup.pdf]", "[a2-writeup.pdf", 6, "this is not YAML"),
    ("deep nesting", "[a2-writeup.pdf]", "[" * 5000, 5, "nested at most 12 deep"),
    ("a control character", "title: Shapes", "title: Sh\x1bapes", 14, r"has the character '\x1b'"),
    ("criteria in a mapping", "          - id: my-conv2d.values", "            id: my-conv2d.values", 36,
        "was a mapping"),
    ("no parts", SMALL[SMALL.index("parts:"):], "parts: []", 8, "parts must be a list of at least 1"),
    ("no assignment", SMALL[SMALL.index("\n"):], " {}", 1, "'assignments' must have one of"),
    ("two documents", "    mistakes:", "---\n    mistakes:", 7, "this is not YAML"),
]  # fmt: skip


@pytest.mark.parametrize("libyaml", [True, False])
@pytest.mark.parametrize(
    ("old", "new", "line", "words"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_a_fault_is_refused_with_its_line(file: Path, old: str, new: str, line: int, words: str, libyaml: bool) -> None:
    if libyaml and not yaml.__with_libyaml__:
        pytest.skip("this PyYAML has no libyaml")
    assert old in SMALL
    sentence = refusal(file, SMALL.replace(old, new, 1), libyaml=libyaml)
    assert sentence.startswith(f"rubric.yaml, line {line}: ")
    assert words in sentence
    assert sentence.isprintable()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("", "line 1: the rubric is empty", id="an empty file"),
        pytest.param("# nothing\n\n", "line 1: the rubric is empty", id="comments alone"),
        pytest.param("- one\n", "line 1: the rubric must be a mapping (key: value), was a list", id="a list"),
        pytest.param("hello\n", "was 'hello'", id="a word"),
        pytest.param(SMALL.encode() + b"\n# caf\xe9\n", "must be UTF-8, has the byte 0xe9", id="Latin-1"),
        pytest.param(SMALL.encode("utf-16"), "must be UTF-8", id="UTF-16"),
        pytest.param(b"\x00" * 40, "has the character '\\x00'", id="zeros"),
        pytest.param(SMALL + "#" * 1_000_000, "must have at most 1,000,000 bytes", id="too large"),
        pytest.param("%YAML " + "9" * 5000 + ".1\n---\na: 1\n", "this is not YAML", id="an endless version"),
        pytest.param('a: "\\UFFFFFFFF"\n', "this is not YAML", id="a character beyond Unicode"),
    ],
)
@pytest.mark.parametrize("libyaml", [True, False])
def test_what_is_not_a_rubric_is_refused(file: Path, content: str | bytes, words: str, libyaml: bool) -> None:
    if libyaml and not yaml.__with_libyaml__:
        pytest.skip("this PyYAML has no libyaml")
    sentence = refusal(file, content, libyaml=libyaml)
    assert sentence.startswith("rubric.yaml")
    assert words in sentence


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match=r"there is no rubric at .*none\.yaml: check the path"):
        load(tmp_path / "none.yaml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="is a folder, not a rubric"):
        load(tmp_path)


def test_a_path_that_no_system_takes_is_refused() -> None:
    with pytest.raises(RubricError):
        load(Path("rubric\0.yaml"))


def test_a_long_chain_of_needs_is_followed(file: Path) -> None:
    text = (
        SMALL[: SMALL.index("      - id: a\n")]
        + "      - id: a\n        title: A\n        points: 0\n        criteria:\n"
    )
    for i in range(3000):
        text += f"          - {{id: c.{i}, title: C, points: 0, check: shapes, needs: [c.{min(i + 1, 2999)}]}}\n"
    assert "must not go in a circle, was c.2999 ← c.2999" in refusal(file, text)


# Whatever stands in the file, it is a rubric or it is refused.

SNIPPETS = st.sampled_from(
    [*":-#&*!|>%@`{}[],'\"\\\n\t ?~", ": ", "- ", "---", "...", "<<: ", "&a ", "*a", "!!python/name:os.system ",
     "null", "true", "1e400", ".nan", "-1", "0x10", "points: 9\n", "needs: [cnn.training]",
     "\u2028", "\ud7ff", "\x85", "\ufeff"]
)  # fmt: skip
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(SMALL)),
        st.integers(0, 40),
        SNIPPETS | st.text(max_size=5) | st.sampled_from(SMALL.splitlines(keepends=True)),
    ),
    min_size=1,
    max_size=4,
)


def is_a_rubric_or_is_refused(path: Path, content: bytes, **how: Any) -> None:
    path.write_bytes(content)
    try:
        loaded = load(path, **how)
    except RubricError as refused:
        assert str(refused).startswith("rubric.yaml")
        assert "\n" not in str(refused)
        return
    for assignment in loaded.assignments.values():
        ids = [criterion.id for criterion in assignment.criteria]
        assert len(set(ids)) == len(ids)
        for part in assignment.parts:
            assert sum(criterion.points for criterion in part.criteria) == part.points
        for criterion in assignment.criteria:
            assert criterion.points >= 0
            assert (criterion.points * 100).denominator == 1
            assert criterion.check is None or criterion.check in CHECKS
            assert set(criterion.needs) < set(ids)
        assert all(0 <= share <= 1 for share in assignment.mistakes.values())


@pytest.mark.slow
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(edits=EDITS)
def test_an_edited_rubric_is_a_rubric_or_is_refused(file: Path, edits: list[tuple[int, int, str]]) -> None:
    text = SMALL
    for at, removed, put in edits:
        text = text[:at] + put + text[at + removed :]
    is_a_rubric_or_is_refused(file, text.encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(edits=EDITS)
def test_so_it_is_without_libyaml(file: Path, edits: list[tuple[int, int, str]]) -> None:
    text = SMALL
    for at, removed, put in edits:
        text = text[:at] + put + text[at + removed :]
    is_a_rubric_or_is_refused(file, text.encode("utf-8", "surrogatepass"), libyaml=False)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_a_rubric_or_are_refused(file: Path, content: bytes) -> None:
    is_a_rubric_or_is_refused(file, content)


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("0.5 up", RoundRule(Fraction("0.5"), "up")),
        ("'1 down'", RoundRule(Fraction(1), "down")),
        ("0.25", RoundRule(Fraction("0.25"), "half-up")),
        ("0.1 half-up", RoundRule(Fraction("0.1"), "half-up")),
    ],
)
def test_a_rubric_says_how_the_final_mark_is_rounded(written: str, rule: RoundRule, tmp_path: Path) -> None:
    path = tmp_path / "rubric.yaml"
    path.write_text(SMALL.replace("    mistakes:", f"    round: {written}\n    mistakes:"), "utf-8")
    assert load(path).assignments["csc413-2020"].rounding == rule


def test_without_a_word_marks_have_hundredths_and_half_passes(tmp_path: Path) -> None:
    path = tmp_path / "rubric.yaml"
    path.write_text(SMALL, "utf-8")
    assignment = load(path).assignments["csc413-2020"]
    assert (assignment.rounding, assignment.neatness, assignment.passing) == (RoundRule(), 10, 50)
