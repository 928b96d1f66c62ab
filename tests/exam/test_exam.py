"""What is drawn for an exam: from the seed alone, the same for every candidate, and never zero where signs matter."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from grader.exam.exam import Exam
from grader.marking.rubric_file import load
from reference.data import load_horses
from reference.handouts import HANDOUTS
from reference.models import model_classes

ASSIGNMENT = load(ROOT / "rubric.yaml").assignments["csc413-2020"]
HORSES = load_horses()


def _exam(seed: int = 1, **bounds: int) -> Exam:
    return Exam(ASSIGNMENT, seed, HORSES, **bounds)


@given(st.integers(0, 2**63 - 1), st.text(max_size=20))
def test_numbers_follow_from_seed_and_purpose(seed, purpose):
    assert _exam(seed).number(purpose) == _exam(seed).number(purpose)
    assert 0 <= _exam(seed).number(purpose) < 2**63
    assert _exam(seed).number(purpose) != _exam(seed).number(purpose + "x")


def test_values_belong_to_their_place_whatever_else_there_is():
    few, many = (_exam().state("run", shapes, []) for shapes in ([[4, 1, 3, 3]], [[4, 1, 3, 3], [4], [4]]))
    assert torch.equal(few["parameter.0"], many["parameter.0"])


def test_what_is_drawn_again_is_the_same_whatever_was_done_to_it_before():
    exam = _exam()
    for draw in (lambda of: of.uniform("image", (2, 3)), lambda of: of.state("run", [[3]], [])["parameter.0"]):
        draw(exam).zero_()
        assert torch.equal(draw(exam), draw(_exam()))


def test_one_purpose_has_values_for_every_shape_and_range():
    exam = _exam()
    assert exam.uniform("image", (2, 3)).shape == (2, 3) and exam.uniform("image", (3, 2)).shape == (3, 2)
    assert exam.uniform("image", (50,), 4, 5).min() >= 4 > exam.uniform("image", (50,)).max()


def test_what_is_kept_of_the_draws_is_bounded_and_what_was_let_go_is_drawn_again():
    exam = _exam(most_drawn_bytes=3000)
    first, *_ = [exam.uniform(f"image/{number}", (10,)) for number in range(5)]
    assert 2 * 1024 < exam.drawn_bytes <= 3000  # two of the five draws
    assert torch.equal(exam.uniform("image/0", (10,)), first)
    assert exam.uniform("image", (1000,)).shape == (1000,) and exam.drawn_bytes == 0  # larger than all that may be kept


def test_scales_have_both_signs_and_keep_away_from_zero_and_variances_are_positive():
    state = _exam().state("run", [[64]], [[64]])
    assert (
        state["parameter.0"].abs().min() >= 0.5
        and (state["parameter.0"] < 0).any()
        and (state["parameter.0"] > 0).any()
    )
    assert state["buffer.0"].min() > 0


def test_lessons_have_the_shapes_asked_for():
    lessons = _exam().lessons(3, 7)
    steps, batch = lessons["batches"].shape[:2]
    assert lessons["batches"].shape == (steps, batch, 3, 32, 32) and lessons["labels"].shape == (steps, batch, 32, 32)
    assert lessons["labels"].max() < 7
    assert _exam().lessons(1, 3, regression=True)["labels"].shape == (steps, batch, 3, 32, 32)


def test_what_is_computed_once_is_computed_once():
    exam, calls = _exam(), []
    assert [exam.once("key", lambda: calls.append(1) or "value") for _ in range(3)] == ["value"] * 3
    assert len(calls) == 1
    exam.forget("key")
    assert exam.once("key", lambda: "another") == "another"


def test_the_networks_of_an_exam_are_the_handouts_and_the_reference_has_each():
    exam = _exam()
    assert exam.networks == HANDOUTS[ASSIGNMENT.id].things
    assert {network.cls for network in exam.networks.values()} <= set(model_classes(ASSIGNMENT.id))


def test_one_of_some_values_is_drawn_by_the_seed():
    drawn = {_exam(seed).one_of("gap", (2, 4, 5)) for seed in range(20)}
    assert drawn == {2, 4, 5}
    assert _exam(7).one_of("gap", (2, 4, 5)) == _exam(7).one_of("gap", (2, 4, 5))
