"""The command line: bad input of any kind gets one clear sentence and its exit status, and nothing is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from grader.cli.grade import main

RIGHT = ROOT / "fixtures" / "submissions" / "csc413-2023" / "right" / "submission"
SCRIPT = ROOT / "fixtures" / "submissions" / "csc321-2018" / "right" / "submission" / "colourization.py"


def _source() -> str:
    return SCRIPT.read_text("utf-8")


def _grade(capsys, tmp_path, *arguments: object) -> tuple[int, str, str]:
    status = main(["--out", str(tmp_path / "reports"), "--seed", "3", *map(str, arguments)])
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return status, told.out, told.err


def _report(tmp_path, name: str) -> dict:
    return json.loads((tmp_path / "reports" / name / "report.json").read_text("utf-8"))


def _criteria(report: dict) -> dict[str, dict]:
    return {criterion["id"]: criterion for criterion in report["criteria"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "does not exist"),
        ([".", "--assignment", "csc321-2081"], "did you mean 'csc321-2018'?"),
        ([".", "--jobs", "0"], "--jobs was 0, allowed is 1 or more"),
        ([".", "--timeout", "nan"], "--timeout was nan"),
        ([".", "--timeout", "0.5"], "--timeout was 0.5, allowed is a number of seconds from 4 on"),
        ([".", "--memory", "-1"], "--memory was -1.0"),
        ([".", "--memory", "0.001"], "--memory was 0.001, allowed is a number of GiB from 0.25 on"),
        ([".", "--fail-under", "101"], "allowed is 0 to 100"),
        ([".", "--seed", "-4"], "--seed was -4"),
        ([".", "--rubric", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_in_one_sentence(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "colourization.py").write_text("class CNN: pass\n")
    status, out, err = _grade(capsys, tmp_path, *arguments)
    assert status == 2 and said in err and out == ""
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("option", ["--device", "--isolation"])
def test_an_unknown_choice_is_refused_with_what_is_allowed(option, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([".", option, "moon"])
    assert stopped.value.code == 2
    assert "auto" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_said(capsys, tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    status, _, err = _grade(capsys, tmp_path, RIGHT, "--device", "cuda")
    assert status == 2 and "no GPU" in err


def test_a_broken_rubric_is_refused_with_file_and_line(capsys, tmp_path):
    rubric = tmp_path / "rubric.yaml"
    rubric.write_text((ROOT / "rubric.yaml").read_text("utf-8").replace("points: 0.50", "points: plenty", 1), "utf-8")
    status, _, err = _grade(capsys, tmp_path, RIGHT, "--rubric", rubric)
    assert status == 2 and "rubric.yaml, line" in err and "plenty" in err


def test_a_mistake_that_nobody_knows_is_refused_with_file_line_and_the_nearest_name(capsys, tmp_path):
    rubric = tmp_path / "mist.yaml"
    text = (ROOT / "rubric.yaml").read_text("utf-8")
    rubric.write_text(text.replace("mistakes: {}", "mistakes: {skip-mising: 0.5}", 1), "utf-8")
    line = text[: text.index("    mistakes: {}")].count("\n") + 1
    status, _, err = _grade(capsys, tmp_path, RIGHT, "--rubric", rubric)
    assert status == 2
    assert (
        f"mist.yaml, line {line}: 'skip-mising' under mistakes of 'csc321-2018' is no known mistake: did you mean "
        "'skip-missing'?"
    ) in err


def test_data_that_is_no_data_is_refused(capsys, tmp_path):
    (tmp_path / "data.npz").write_bytes(b"not an archive")
    status, _, err = _grade(capsys, tmp_path, RIGHT, "--data", tmp_path / "data.npz")
    assert status == 2 and "data.npz" in err


@pytest.mark.parametrize(("name", "content"), [("empty", None), ("words", ("notes.txt", "no code here"))])
def test_a_folder_without_code_is_ungradable_and_says_so(name, content, capsys, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    if content:
        (folder / content[0]).write_text(content[1])
    status, _, _ = _grade(capsys, tmp_path, folder, "--one")
    report = _report(tmp_path, name)
    assert status == 0 and report["status"] == "ungradable" and report["score"] == 0
    assert "no code" in _criteria(report)["files.code"]["feedback"]


def _altered(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    source = _source()
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    (folder / "colourization.py").write_text(source, "utf-8")
    return folder


def test_faults_of_one_class_take_no_other_marks(capsys, tmp_path):
    """Each of these breaks CNN alone; UNet and the dilated layer keep all their marks, and the feedback says what
    happened."""
    head = "class CNN(nn.Module):"
    broken = {
        "syntax": (head, f"{head}\n    oops = = 1\n", "oops = = 1"),
        "renamed": (head, "class Cnn(nn.Module):", "There is a class Cnn"),
        "raises": (head, f"{head}\n    def __call__(self, x):\n        raise KeyError('my own "
                         "mistake')\n", "my own mistake"),
        "exits": (head, f"{head}\n    def __call__(self, x):\n        import sys\n        sys.exit(0)\n", "SystemExit"),
        "dies": (head, f"{head}\n    def __call__(self, x):\n        import os\n        "
                       "os._exit(0)\n", "ended its process"),
        "hangs": (head, f"{head}\n    def __call__(self, x):\n        while True: pass\n", "did not finish"),
    }  # fmt: skip
    for name, (old, new, _) in broken.items():
        _altered(tmp_path / "many" if (tmp_path / "many").exists() else _made(tmp_path / "many"), name, (old, new))
    status, out, _ = _grade(capsys, tmp_path, tmp_path / "many", "--timeout", "24")
    assert status == 0 and f"{len(broken)} reports written" in out and f"{len(broken)} graded, 0 to be reviewed" in out
    for name, (_, _, said) in broken.items():
        criteria = _criteria(_report(tmp_path, name))
        assert criteria["cnn.shapes"]["outcome"] == "fail", name
        assert said in criteria["cnn.shapes"]["feedback"], (name, criteria["cnn.shapes"]["feedback"])
        for id, criterion in criteria.items():
            if id.startswith(("unet.", "dilated")):
                assert criterion["outcome"] == "pass", (name, id, criterion["feedback"])
            if id.startswith("cnn.") and id != "cnn.shapes":
                assert criterion["outcome"] == "skipped", (name, id)


def test_a_network_that_gives_nan_has_the_right_shapes_and_the_wrong_values(capsys, tmp_path):
    head = "class CNN(nn.Module):"
    folder = _altered(
        tmp_path,
        "alice",
        (head, f"{head}\n    def __call__(self, x):\n        return super().__call__(x) * float('nan')\n"),
    )
    assert _grade(capsys, tmp_path, folder)[0] == 0
    criteria = _criteria(_report(tmp_path, "alice"))
    outcomes = {id: criterion["outcome"] for id, criterion in criteria.items() if id.startswith("cnn.")}
    assert outcomes["cnn.shapes"] == outcomes["cnn.parameters"] == "pass"
    assert outcomes["cnn.architecture"] == outcomes["cnn.training"] == "fail"
    assert "nan" in criteria["cnn.architecture"]["feedback"]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_two_candidates_for_the_code_are_flagged_and_one_is_examined(capsys, tmp_path):
    folder = _altered(tmp_path, "alice")
    (folder / "colourization_old.py").write_text(
        _source().replace("class UNet(nn.Module):", "class UNet(nn.Module):\n    old = True\n"), "utf-8"
    )
    status, _, _ = _grade(capsys, tmp_path, folder)
    report = _report(tmp_path, "alice")
    assert status == 0 and report["status"] == "needs_review"
    flag = next(flag for flag in report["flags"] if flag["kind"] == "two-candidates")
    assert "colourization_old.py" in flag["detail"] and "colourization.py" in flag["detail"]
    assert _criteria(report)["unet.architecture"]["outcome"] == "pass"


def test_the_summary_for_machines_is_json_and_nothing_else(capsys, tmp_path):
    status, out, _ = _grade(capsys, tmp_path, RIGHT, "--json", "--quick")
    summary = json.loads(out)
    assert status == 0 and summary["graded"] == 1 and summary["failed"] == []
    assert Path(summary["reports"][0]["report"]).is_file()
    criteria = _criteria(json.loads(Path(summary["reports"][0]["report"]).read_text("utf-8")))
    assert criteria["unet.training"]["outcome"] == "pending" and criteria["unet.architecture"]["outcome"] == "pass"


def test_a_mark_below_the_bar_has_its_own_exit_status(capsys, tmp_path):
    starter = ROOT / "fixtures" / "submissions" / "csc413-2023" / "starter" / "submission"
    status, _, err = _grade(capsys, tmp_path, starter, "--quick", "--fail-under", "1")
    assert status == 3 and "below --fail-under 1: the lowest has 0.0 %" in err
    assert _grade(capsys, tmp_path, RIGHT, "--quick", "--fail-under", "100")[0] == 0


@pytest.mark.parametrize("form", ["folder", "notebook", "zip", "tar.gz"])
def test_every_form_of_a_submission_gets_the_same_marks(form, capsys, tmp_path):
    import shutil

    path = RIGHT if form == "folder" else next(RIGHT.glob("*.ipynb"))
    if form in ("zip", "tar.gz"):
        path = Path(shutil.make_archive(str(tmp_path / "alice"), "zip" if form == "zip" else "gztar", RIGHT))
    status, _, _ = _grade(capsys, tmp_path, path, "--quick")
    assert status == 0
    report = json.loads(next((tmp_path / "reports").glob("*/report.json")).read_text("utf-8"))
    automatic = [
        one
        for one in report["criteria"]
        if not one["id"].startswith(("manual.", "files.")) and not one["id"].endswith("training")
    ]
    assert automatic and all(one["outcome"] == "pass" for one in automatic)
    assert report["assignment"]["id"] == "csc413-2023"


def test_the_least_memory_is_enough_for_a_right_submission(capsys, tmp_path):
    status, _, _ = _grade(capsys, tmp_path, SCRIPT.parent, "--memory", "0.25")
    assert status == 0
    criteria = _criteria(_report(tmp_path, "submission")).values()
    assert {one["outcome"] for one in criteria if not one["id"].startswith("manual.")} == {"pass"}


def _two(tmp_path: Path) -> Path:
    folder = _made(tmp_path / "submissions")
    for name in ("alice", "bob"):
        _altered(folder, name)
    return folder


@pytest.mark.parametrize(("given", "out"), [("course/submissions", "course/submissions"), ("course", "course"),
                                            ("course", "course/submissions"),
                                            ("course/submissions", "course/submissions/bob/reports")])  # fmt: skip
def test_reports_among_the_submissions_are_refused_before_anything_is_written(given, out, capsys, tmp_path):
    _two(_made(tmp_path / "course"))
    before = sorted(tmp_path.rglob("*"))
    assert main([str(tmp_path / given), "--out", str(tmp_path / out)]) == 2
    said = capsys.readouterr().err
    assert "name another folder with --out" in said and len(said.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("one", [True, False])
def test_reports_beside_what_was_handed_in_do_not_count_as_handed_in(one, capsys, tmp_path, monkeypatch):
    submissions = _two(tmp_path)
    monkeypatch.chdir(submissions / "alice" if one else submissions)
    for _ in range(2):
        assert main([".", "-o", "reports", "--quick"]) == 0
    names = [path.parent.name for path in sorted(Path("reports").glob("*/report.json"))]
    assert names == (["alice"] if one else ["alice", "bob"])
    files = json.loads(Path("reports/alice/report.json").read_text("utf-8"))["submission"]["files"]
    assert [file["path"] for file in files] == ["colourization.py"]


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


def test_without_user_namespaces_the_command_says_so_and_stops(tmp_path):
    without = ["bwrap", "--unshare-user", "--disable-userns", "--dev-bind", "/", "/"]
    if shutil.which("bwrap") is None or subprocess.run([*without, "true"], capture_output=True).returncode:
        pytest.skip("needs a bubblewrap that can switch user namespaces off")
    command = [*without, sys.executable, "-m", "grader", str(RIGHT), "--out", str(tmp_path / "reports")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and not (tmp_path / "reports").exists()
    assert len(done.stderr.splitlines()) == 1
    assert "user namespaces" in done.stderr and "--isolation none" in done.stderr


def test_where_no_session_can_be_opened_the_run_stops_before_it_writes_anything(capsys, tmp_path, monkeypatch):
    from grader.sandbox.sandbox import Sandbox
    from grader.sandbox.terms import SandboxError

    def closed(self, limits=None):
        raise SandboxError("the worker does not run: see that bubblewrap works here")

    monkeypatch.setattr(Sandbox, "open", closed)
    status, out, err = _grade(capsys, tmp_path, _two(tmp_path), "--isolation", "none")
    assert status == 2 and out == ""
    assert err.splitlines()[-1] == "grade: the worker does not run: see that bubblewrap works here"
    assert not (tmp_path / "reports").exists()


def test_a_report_with_training_that_a_quick_one_replaces_is_told(capsys, tmp_path):
    for options, told in (([], False), (["--quick"], True), (["--quick"], False)):
        assert ("leave out --quick" in _grade(capsys, tmp_path, RIGHT, *options)[2]) == told


def test_a_list_of_lateness_says_what_reports_do_not_show(capsys, tmp_path):
    submissions = _two(tmp_path)
    (tmp_path / "late.csv").write_text("id,hours_late\nalice,2\n")
    _, out, _ = _grade(capsys, tmp_path, submissions, "--quick", "--late", tmp_path / "late.csv")
    assert "a student's report shows the marks before it" in out
    _, out, _ = _grade(capsys, tmp_path, submissions, "--quick", "--late", "none")
    assert "before it" not in out


def test_every_exit_status_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for status in (
        "0 graded",
        "1 the grader failed",
        "2 wrong usage, or nowhere to write",
        "3 below",
        "130 stopped by Ctrl-C",
    ):
        assert status in said


def test_help_comes_without_importing_torch():
    code = (
        "import sys; from grader import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\nassert 'torch' "
        "not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "--fail-under" in ran.stdout


def test_two_runs_with_one_seed_differ_in_times_only(capsys, tmp_path):
    def timeless(value):
        if isinstance(value, dict):
            return {key: timeless(one) for key, one in value.items() if key not in ("seconds", "started")}
        return [timeless(one) for one in value] if isinstance(value, list) else value

    _grade(capsys, tmp_path, RIGHT)
    first = _report(tmp_path, "submission")
    _grade(capsys, tmp_path, RIGHT)
    assert timeless(_report(tmp_path, "submission")) == timeless(first)


def test_no_report_tells_what_a_full_answer_to_a_written_question_holds(capsys, tmp_path):
    from grader.marking.rubric_file import load

    _grade(capsys, tmp_path, RIGHT, "--quick")
    notes = [one.look_for for one in load(ROOT / "rubric.yaml").assignments["csc413-2023"].criteria if one.look_for]
    assert len(notes) > 10
    for path in (tmp_path / "reports" / "submission").iterdir():
        text = path.read_text("utf-8")
        assert not [note for note in notes if note[:40] in text], path.name


def test_a_run_that_was_interrupted_names_no_gradebook(capsys, tmp_path, monkeypatch):
    from grader.cohort.events import Summary

    monkeypatch.setattr("grader.cohort.batch.run", lambda *_, **__: Summary(1, 0, 0, 0, (), None, left=13))
    status, out, err = _grade(capsys, tmp_path, ROOT / "fixtures" / "cohort", "--isolation", "none")
    assert (status, out) == (130, "")
    assert "Stopped: 1 of 14 reports are written; the same command goes on from there." in err


def test_lists_are_read_before_anything_is_graded(capsys, tmp_path):
    (tmp_path / "late.csv").write_text("id,hours_late\nalice,soon\n")
    cohort = ROOT / "fixtures" / "cohort"
    status, out, err = _grade(capsys, tmp_path, cohort, "--late", tmp_path / "late.csv")
    assert (status, out) == (2, "") and "late.csv, line 2: hours_late must be a number" in err
    status, _, err = _grade(capsys, tmp_path, cohort / "alice", "--roster", "none")
    assert status == 2 and "name a folder of submissions" in err
    assert not (tmp_path / "reports").exists()
