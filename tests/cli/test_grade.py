"""The ``grade`` command: bad input gets one clear sentence and its exit status, and no report is lost."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from places import ROOT

from grader.cli.grade import main
from grader.cli.gradebook import main as gradebook
from grader.marking.rubric_file import load

FIXTURES = ROOT / "fixtures" / "submissions"
RIGHT = FIXTURES / "csc413-2023" / "right" / "submission"
SCRIPT = FIXTURES / "csc321-2018" / "right" / "submission" / "colourization.py"
COHORT = ROOT / "fixtures" / "cohort"


def grades(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that grades in the sandbox: it needs bubblewrap, and takes seconds."""
    return pytest.mark.slow(pytest.mark.bubblewrap(test))


class Ran(NamedTuple):
    """What a run of the command left."""

    status: int
    out: str
    err: str


class Command:
    """The command, with reports in a folder of the test's."""

    def __init__(self, capsys: pytest.CaptureFixture[str], reports: Path) -> None:
        self._capsys = capsys
        self.reports = reports

    def __call__(self, *arguments: object) -> Ran:
        status = main(["--out", str(self.reports), "--seed", "3", *map(str, arguments)])
        output = self._capsys.readouterr()
        assert "Traceback" not in output.out + output.err
        return Ran(status, output.out, output.err)

    def report(self, id: str) -> dict[str, Any]:
        """``report.json`` of a submission."""
        return dict(json.loads((self.reports / id / "report.json").read_text("utf-8")))

    def criteria(self, id: str) -> dict[str, dict[str, Any]]:
        """The criteria in a submission's report, by id."""
        return {criterion["id"]: criterion for criterion in self.report(id)["criteria"]}


@pytest.fixture
def grade(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(capsys, tmp_path / "reports")


def hand_in(folder: Path, id: str, *edits: tuple[str, str]) -> Path:
    """The right script of 2018 as a submission, with edits."""
    source = SCRIPT.read_text("utf-8")
    for old, new in edits:
        assert old in source, old
        source = source.replace(old, new)
    (folder / id).mkdir(parents=True)
    (folder / id / "colourization.py").write_text(source, "utf-8")
    return folder / id


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    """A folder with two right submissions."""
    for id in ("alice", "bob"):
        hand_in(tmp_path / "submissions", id)
    return tmp_path / "submissions"


# Usage.


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "does not exist"),
        ([".", "--assignment", "csc321-2081"], "did you mean 'csc321-2018'?"),
        ([".", "--jobs", "0"], "--jobs was 0, allowed is 1 or more"),
        ([".", "--timeout", "nan"], "--timeout was nan"),
        ([".", "--timeout", "0.5"], "--timeout was 0.5, allowed is 4 seconds or more"),
        ([".", "--memory", "-1"], "--memory was -1.0"),
        ([".", "--memory", "0.001"], "--memory was 0.001, allowed is 0.25 GiB or more"),
        ([".", "--fail-under", "101"], "allowed is 0 to 100"),
        ([".", "--seed", "-4"], "--seed was -4"),
        ([".", "--rubric", "nowhere.yaml"], "nowhere.yaml"),
        ([".", "--pick", "a2.py"], "--pick was 'a2.py', it must be ID=FILE"),
        ([".", "--pick", "alice=a2.py"], "a file was picked for 'alice', who has no submission here"),
        ([".", "--picks", "nowhere.csv"], "nowhere.csv cannot be read"),
        ([".", "--due", "noon", "--many"], "the deadline must be a time in ISO 8601 with its time zone, was 'noon'"),
        (["flat"], "use --many if each is a student's, or --one if all are one student's"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_in_one_sentence(arguments, sentence, grade, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "colourization.py").write_text("class CNN: pass\n")
    (tmp_path / "flat").mkdir()
    for name in ("alice.py", "bob.py"):
        (tmp_path / "flat" / name).write_text("class CNN: pass\n")
    status, out, err = grade(*arguments)
    assert status == 2 and sentence in err and out == ""
    assert len(err.strip().splitlines()) == 1
    assert not grade.reports.exists()


@pytest.mark.parametrize("option", ["--device", "--isolation"])
def test_an_unknown_choice_is_refused_with_what_is_allowed(option, capsys):
    with pytest.raises(SystemExit) as end:
        main([".", option, "moon"])
    assert end.value.code == 2
    assert "auto" in capsys.readouterr().err


def test_every_exit_status_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for status in (
        "0 graded",
        "1 the grader failed",
        "2 wrong usage, or nowhere to write",
        "3 below",
        "130 stopped by Ctrl-C",
    ):
        assert status in text


def test_help_comes_without_importing_torch():
    program = (
        "import sys; from grader.cli.grade import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "--fail-under" in ran.stdout


@pytest.mark.slow
def test_the_sandbox_imports_torch_while_the_command_does(tmp_path):
    code = f"""if True:
        import sys
        from grader.sandbox import sandbox
        class Sandbox(sandbox.Sandbox):
            def __init__(self, **terms):
                print("torch" in sys.modules)
                super().__init__(**terms)
        sandbox.Sandbox = Sandbox
        from grader.cli.grade import main
        main([{str(RIGHT)!r}, "--out", {str(tmp_path / "out")!r}, "--isolation", "none", "--quick"])
    """
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("False\n"), ended.stdout


def test_lists_are_read_before_anything_is_graded(grade, tmp_path):
    (tmp_path / "late.csv").write_text("id,hours_late\nalice,soon\n")
    status, out, err = grade(COHORT, "--late", tmp_path / "late.csv")
    assert (status, out) == (2, "") and "late.csv, line 2: hours_late must be a number" in err
    status, _, err = grade(COHORT / "alice", "--roster", "none")
    assert status == 2 and "name a folder of submissions" in err
    assert not grade.reports.exists()


@pytest.mark.parametrize(
    ("given", "out"),
    [
        ("course/submissions", "course/submissions"),
        ("course", "course"),
        ("course", "course/submissions"),
        ("course/submissions", "course/submissions/bob/reports"),
    ],
)
def test_reports_among_the_submissions_are_refused_before_anything_is_written(given, out, capsys, tmp_path):
    for id in ("alice", "bob"):
        hand_in(tmp_path / "course" / "submissions", id)
    before = sorted(tmp_path.rglob("*"))
    assert main([str(tmp_path / given), "--out", str(tmp_path / out)]) == 2
    sentence = capsys.readouterr().err
    assert "name another folder with --out" in sentence and len(sentence.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.bubblewrap
def test_a_gpu_that_does_not_exist_is_reported(grade):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    status, _, err = grade(RIGHT, "--device", "cuda")
    assert status == 2 and "no GPU" in err


def test_a_broken_rubric_is_refused_with_file_and_line(grade, tmp_path):
    rubric = tmp_path / "rubric.yaml"
    rubric.write_text((ROOT / "rubric.yaml").read_text("utf-8").replace("points: 0.50", "points: plenty", 1), "utf-8")
    status, _, err = grade(RIGHT, "--rubric", rubric)
    assert status == 2 and "rubric.yaml, line" in err and "plenty" in err


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_a_mistake_that_nobody_knows_is_refused_with_file_line_and_the_nearest_name(grade, tmp_path):
    rubric = tmp_path / "mist.yaml"
    text = (ROOT / "rubric.yaml").read_text("utf-8")
    rubric.write_text(text.replace("mistakes: {}", "mistakes: {skip-mising: 0.5}", 1), "utf-8")
    line = text[: text.index("    mistakes: {}")].count("\n") + 1
    status, _, err = grade(RIGHT, "--rubric", rubric)
    assert status == 2
    assert (
        f"mist.yaml, line {line}: 'skip-mising' under mistakes of 'csc321-2018' is not a known mistake: did you mean "
        "'skip-missing'?"
    ) in err


@pytest.mark.bubblewrap
def test_a_file_that_does_not_hold_pictures_is_refused(grade, tmp_path):
    (tmp_path / "data.npz").write_bytes(b"not an archive")
    status, _, err = grade(RIGHT, "--data", tmp_path / "data.npz")
    assert status == 2 and "data.npz" in err


@pytest.mark.slow
def test_without_user_namespaces_the_command_says_so_and_stops(tmp_path):
    without = ["bwrap", "--unshare-user", "--disable-userns", "--dev-bind", "/", "/"]
    if shutil.which("bwrap") is None or subprocess.run([*without, "true"], capture_output=True).returncode:
        pytest.skip("needs a bubblewrap that can switch user namespaces off")
    command = [*without, sys.executable, "-m", "grader", str(RIGHT), "--out", str(tmp_path / "reports")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and not (tmp_path / "reports").exists()
    assert len(done.stderr.splitlines()) == 1
    assert "user namespaces" in done.stderr and "--isolation none" in done.stderr


@pytest.mark.slow
def test_where_no_session_can_be_opened_the_run_stops_before_it_writes_anything(
    grade, submissions, tmp_path, monkeypatch
):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions' >&2\nexit 1\n")
    (programs / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    status, out, err = grade(submissions, "--isolation", "bubblewrap")
    assert status == 2 and out == ""
    assert err.splitlines()[-1] == (
        "grade: the worker does not run (bwrap: No permissions): see that bubblewrap and user namespaces work here, or "
        "use --isolation none"
    )
    assert not grade.reports.exists()


# Results.


@pytest.mark.slow
@grades
def test_the_summary_for_machines_is_json_and_nothing_else(grade):
    status, out, _ = grade(RIGHT, "--json", "--quick")
    summary = json.loads(out)
    assert status == 0 and summary["graded"] == 1 and summary["failed"] == []
    (report,) = summary["reports"]
    criteria = {one["id"]: one for one in json.loads(Path(report["report"]).read_text("utf-8"))["criteria"]}
    assert criteria["unet.training"]["outcome"] == "pending" and criteria["unet.architecture"]["outcome"] == "pass"


@pytest.mark.slow
@grades
def test_one_submission_prints_its_report_and_where_it_is(grade):
    _, out, _ = grade(RIGHT, "--quick")
    assert "unet.architecture" in out or "UNet" in out
    assert out.splitlines()[-1] == f"Report: {grade.reports}/submission/report.html"


@pytest.mark.slow
@grades
def test_a_score_below_the_bar_has_its_own_exit_status(grade):
    starter = FIXTURES / "csc413-2023" / "starter" / "submission"
    status, _, err = grade(starter, "--quick", "--fail-under", "1")
    assert status == 3 and "below --fail-under 1: the lowest has 0.0 %" in err
    assert grade(RIGHT, "--quick", "--fail-under", "100").status == 0


@pytest.mark.slow
@grades
def test_output_that_cannot_be_written_is_a_sentence_and_the_report_is_there(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    command = [sys.executable, "-m", "grader", str(RIGHT), "--quick", "--out", str(tmp_path / "reports")]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith("grade: standard output cannot be written (No space left on device)")
    assert "Traceback" not in ran.stderr and "Exception ignored" not in ran.stderr
    assert (tmp_path / "reports" / "submission" / "report.json").exists()


@pytest.mark.slow
@grades
def test_a_report_without_training_that_replaces_one_with_training_is_reported(grade):
    for options, reported in (([], False), (["--quick"], True), (["--quick"], False)):
        assert ("leave out --quick" in grade(RIGHT, *options).err) == reported


@pytest.mark.slow
@grades
def test_a_list_of_lateness_says_what_reports_do_not_show(grade, submissions, tmp_path):
    (tmp_path / "late.csv").write_text("id,hours_late\nalice,2\n")
    sentence = "The gradebook takes them off; the grader's reports show the marks before."
    assert sentence not in grade(submissions, "--quick", "--late", tmp_path / "late.csv").out
    assert gradebook(["summary", str(tmp_path / "reports"), "--percent-a-day", "10"]) == 0
    assert sentence in grade(submissions, "--quick").out
    assert sentence not in grade(submissions, "--quick", "--late", "none").out


@pytest.mark.slow
@grades
@pytest.mark.parametrize("given", ["submissions", "submissions/alice"])
def test_reports_inside_what_was_handed_in_are_not_taken_for_a_submission(given, submissions, monkeypatch):
    monkeypatch.chdir(submissions.parent / given)
    for _ in range(2):
        assert main([".", "-o", "reports", "--quick"]) == 0
    ids = [path.parent.name for path in sorted(Path("reports").glob("*/report.json"))]
    assert ids == (["alice"] if given.endswith("alice") else ["alice", "bob"])
    files = json.loads(Path("reports/alice/report.json").read_text("utf-8"))["submission"]["files"]
    assert [file["path"] for file in files] == ["colourization.py"]


@pytest.mark.slow
def test_a_run_that_was_interrupted_names_no_gradebook(tmp_path):
    options = ["--out", tmp_path / "reports", "--isolation", "none", "--quick", "--jobs", "1"]
    command = [sys.executable, "-m", "grader", *map(str, [COHORT, *options])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert any(line.startswith("[1/14]") for line in run.stderr)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate()
    assert (run.returncode, out) == (130, "")
    assert re.search(r"Stopped: [1-9]\d? of 14 reports are written; the same command goes on from there\.", err)
    assert not (tmp_path / "reports" / "gradebook.csv").exists()


# Marks.


@pytest.mark.slow
@grades
@pytest.mark.parametrize(("id", "files"), [("empty", {}), ("words", {"notes.txt": "no code here"})])
def test_a_folder_without_code_is_ungradable_and_says_so(id, files, grade, tmp_path):
    (tmp_path / id).mkdir()
    for name, text in files.items():
        (tmp_path / id / name).write_text(text)
    assert grade(tmp_path / id, "--one").status == 0
    report = grade.report(id)
    assert report["status"] == "ungradable" and report["score"] == 0
    assert "no code" in grade.criteria(id)["files.code"]["feedback"]


IN_CALL = "class CNN(nn.Module):\n    def __call__(self, x):\n        "
FAULTS = {
    "syntax": ("class CNN(nn.Module):\n    oops = = 1\n", "oops = = 1"),
    "renamed": ("class Cnn(nn.Module):", "There is a class Cnn"),
    "raises": (f"{IN_CALL}raise KeyError('my own mistake')\n", "my own mistake"),
    "exits": (f"{IN_CALL}import sys; sys.exit(0)\n", "SystemExit"),
    "dies": (f"{IN_CALL}import os; os._exit(0)\n", "ended its process"),
    "hangs": (f"{IN_CALL}while True: pass\n", "did not finish"),
}
"""By id: what replaces the first line of CNN, and what the feedback says about it."""


@pytest.mark.slow
@grades
def test_faults_of_one_class_take_no_other_marks(grade, tmp_path):
    """Each of these breaks CNN alone. UNet and the dilated layer keep all their marks."""
    for id, (head, _) in FAULTS.items():
        hand_in(tmp_path / "faults", id, ("class CNN(nn.Module):", head))
    status, out, _ = grade(tmp_path / "faults", "--timeout", "24")
    assert status == 0
    # For the syntax error and the misspelt name, a person decides what a single line should cost.
    assert f"{len(FAULTS)} reports written" in out and f"{len(FAULTS) - 2} examined, 2 to be reviewed" in out
    for fault, (_, sentence) in FAULTS.items():
        criteria = grade.criteria(fault)
        assert criteria["cnn.shapes"]["outcome"] == "fail", fault
        assert sentence in criteria["cnn.shapes"]["feedback"], (fault, criteria["cnn.shapes"]["feedback"])
        for id, criterion in criteria.items():
            if id.startswith(("unet.", "dilated")):
                assert criterion["outcome"] == "pass", (fault, id, criterion["feedback"])
            if id.startswith("cnn.") and id != "cnn.shapes":
                assert criterion["outcome"] == "skipped", (fault, id)


@pytest.mark.slow
@grades
def test_a_network_that_gives_nan_has_the_right_shapes_and_the_wrong_values(grade, tmp_path):
    head = f"{IN_CALL}return super().__call__(x) * float('nan')\n"
    assert grade(hand_in(tmp_path, "alice", ("class CNN(nn.Module):", head))).status == 0
    criteria = grade.criteria("alice")
    outcomes = {id: criterion["outcome"] for id, criterion in criteria.items() if id.startswith("cnn.")}
    assert outcomes["cnn.shapes"] == outcomes["cnn.parameters"] == "pass"
    assert outcomes["cnn.architecture"] == outcomes["cnn.training"] == "fail"
    assert "nan" in criteria["cnn.architecture"]["feedback"]


@pytest.mark.slow
@grades
def test_two_candidates_for_the_code_are_flagged_and_one_is_examined(grade, tmp_path):
    folder = hand_in(tmp_path, "alice")
    old = SCRIPT.read_text("utf-8").replace("class UNet(nn.Module):", "class UNet(nn.Module):\n    old = True\n")
    (folder / "colourization_old.py").write_text(old, "utf-8")
    assert grade(folder).status == 0
    report = grade.report("alice")
    assert report["status"] == "needs_review"
    flag = next(flag for flag in report["flags"] if flag["kind"] == "two-candidates")
    assert "colourization_old.py" in flag["detail"] and "colourization.py" in flag["detail"]
    assert grade.criteria("alice")["unet.architecture"]["outcome"] == "pass"


@pytest.mark.slow
@grades
def test_a_picked_file_counts_and_the_next_run_remembers_it(grade, submissions):
    wrong = SCRIPT.read_text("utf-8").replace("nn.ReLU()", "nn.Tanh()")
    (submissions / "alice" / "colourization_draft.py").write_text(wrong, "utf-8")
    assert grade(submissions, "--quick").status == 0
    assert grade.report("alice")["submission"]["code_files"] == ["colourization.py"]
    assert "colourization.py counts, and not colourization_draft.py" in grade.report("alice")["submission"]["choice"][0]
    assert grade(submissions, "--quick", "--pick", "alice=colourization_draft.py").status == 0
    assert grade.criteria("alice")["cnn.architecture"]["outcome"] == "partial"
    for name in ("report.html", "feedback.md"):
        assert "a person picked colourization_draft.py" in (grade.reports / "alice" / name).read_text("utf-8")
    again = grade(submissions, "--quick", "--json")
    assert json.loads(again.out)["resumed"] == 2
    assert grade(submissions, "--quick", "--picks", "none").status == 0
    assert grade.criteria("alice")["cnn.architecture"]["outcome"] == "pass"


@pytest.mark.slow
@grades
@pytest.mark.parametrize("form", ["folder", "notebook", "zip", "tar.gz"])
def test_every_form_of_a_submission_gets_the_same_marks(form, grade, tmp_path):
    path = RIGHT if form == "folder" else next(RIGHT.glob("*.ipynb"))
    if form in ("zip", "tar.gz"):
        path = Path(shutil.make_archive(str(tmp_path / "alice"), "zip" if form == "zip" else "gztar", RIGHT))
    assert grade(path, "--quick").status == 0
    (report,) = (json.loads(one.read_text("utf-8")) for one in grade.reports.glob("*/report.json"))
    automatic = [
        criterion["outcome"]
        for criterion in report["criteria"]
        if not criterion["id"].startswith(("manual.", "files.")) and not criterion["id"].endswith("training")
    ]
    assert set(automatic) == {"pass"}
    assert report["assignment"]["id"] == "csc413-2023"


@pytest.mark.slow
@grades
def test_the_least_memory_is_enough_for_a_right_submission(grade):
    assert grade(SCRIPT.parent, "--memory", "0.25").status == 0
    criteria = grade.criteria("submission").values()
    assert {one["outcome"] for one in criteria if not one["id"].startswith("manual.")} == {"pass"}


@pytest.mark.slow
@grades
def test_two_runs_with_one_seed_differ_in_times_only(grade):
    def timeless(value):
        if isinstance(value, dict):
            return {key: timeless(item) for key, item in value.items() if key not in ("seconds", "started")}
        return [timeless(item) for item in value] if isinstance(value, list) else value

    grade(RIGHT)
    first = grade.report("submission")
    grade(RIGHT)
    assert timeless(grade.report("submission")) == timeless(first)


@pytest.mark.slow
@grades
def test_no_report_says_what_a_full_answer_to_a_written_question_holds(grade):
    grade(RIGHT, "--quick")
    criteria = load(ROOT / "rubric.yaml").assignments["csc413-2023"].criteria
    notes = [criterion.look_for for criterion in criteria if criterion.look_for]
    assert len(notes) > 10
    for path in (grade.reports / "submission").iterdir():
        text = path.read_text("utf-8")
        assert not [note for note in notes if note[:40] in text], path.name


# One student of a cohort, and the rubric that is remembered.


@pytest.mark.slow
def test_one_student_of_a_cohort_is_graded_again_with_the_seed_and_the_rubric_of_the_others(submissions, capsys):
    reports = submissions.parent / "reports"
    other = submissions.parent / "other.yaml"
    other.write_text((ROOT / "rubric.yaml").read_text("utf-8").replace("title: Colouring", "title: Our colouring"))
    common = ["--out", str(reports), "--quick"]
    assert main([*common, "--rubric", str(other), str(submissions)]) == 0
    other.unlink()

    def runs() -> list[tuple[int, str]]:
        documents = [json.loads((reports / id / "report.json").read_text("utf-8")) for id in ("alice", "bob")]
        return [(document["run"]["seed"], document["assignment"]["title"]) for document in documents]

    before = runs()
    assert before[0] == before[1] and before[0][1].startswith("Our colouring")
    for again in ([], ["--fresh"]):
        assert main([*common, *again, str(submissions / "alice")]) == 0
        assert runs() == before
    capsys.readouterr()
    assert main([*common, "--rubric", "none", "--json", str(submissions)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["remarked"] == 2
    assert "title Our colouring horses (CSC321, 2018) → Colouring horses (CSC321, 2018)" in said.err
    assert all(title.startswith("Colouring") for _, title in runs())


@pytest.mark.slow
def test_an_endless_loop_ends_alike_beside_others_and_alone_and_costs_nobody_else_anything(submissions, capsys):
    joined = "        self.out5 = self.upconv2(torch.cat("
    hand_in(submissions, "carol", (joined, f"        while True:\n            pass\n{joined}"))
    found = []
    for jobs in (1, 3):
        out = submissions.parent / f"by-{jobs}"
        options = ["--quick", "--seed", "5", "--timeout", "8", "--jobs", str(jobs), "--out", str(out)]
        assert main([*options, str(submissions)]) == 0
        documents = [json.loads((out / id / "report.json").read_text("utf-8")) for id in ("alice", "bob", "carol")]
        found.append([document["criteria"] for document in documents])
    capsys.readouterr()
    for criteria in (criteria for run in found for criteria in run):
        for criterion in criteria:
            del criterion["seconds"]
    assert found[0] == found[1]
    alice, _, carol = ({criterion["id"]: criterion for criterion in criteria} for criteria in found[0])
    assert "did not finish within 2 seconds" in carol["unet.shapes"]["feedback"]
    assert carol["unet.shapes"]["outcome"] == "fail"
    assert all(carol[id] == alice[id] for id in alice if id.startswith("cnn."))
