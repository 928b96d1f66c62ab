"""The database of marks: what is acknowledged stays, and what cannot be used is said in a sentence."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from grader.marks.database import MARKS, MarksError, opened
from grader.marks.events import Entry, Kind, Marks

ONE = Entry(Kind.POINTS, "alice", "manual.a1")


def test_a_new_database_is_safe_against_a_loss_of_power(tmp_path: Path) -> None:
    connection = opened(tmp_path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    assert {name for name, strict in tables if strict} == {"event", "standing"}
    connection.close()


@pytest.mark.parametrize("change", ["UPDATE event SET numerator = 2", "DELETE FROM event"])
def test_an_event_is_never_changed_nor_deleted(tmp_path: Path, change: str) -> None:
    with Marks(tmp_path) as marks:
        marks.add([ONE], by="bob")
    with sqlite3.connect(tmp_path / MARKS) as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(change)
    connection.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / MARKS) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / MARKS).read_bytes()
    with pytest.raises(MarksError, match=r"newer version of the grader \(form 99, and this one knows 1\): use that"):
        Marks(tmp_path)
    assert (tmp_path / MARKS).read_bytes() == before


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / MARKS) as connection:
        connection.execute("CREATE TABLE grades (id)")
    connection.close()
    with pytest.raises(MarksError, match="was not made by this grader: move it away"):
        Marks(tmp_path)


def test_a_damaged_database_is_told_at_opening(tmp_path: Path) -> None:
    with Marks(tmp_path) as marks:
        marks.add([Entry(Kind.POINTS, f"student-{number}", "manual.a1") for number in range(2_000)], by="bob")
    content = bytearray((tmp_path / MARKS).read_bytes())
    content[5_000:20_000] = b"\x5a" * 15_000
    (tmp_path / MARKS).write_bytes(content)
    with pytest.raises(MarksError, match=r"damaged.*'gradebook backup'"):
        Marks(tmp_path)


def test_what_is_no_database_is_told_at_opening(tmp_path: Path) -> None:
    (tmp_path / MARKS).write_bytes(b"id,mark\nalice,1\n" * 100)
    with pytest.raises(MarksError, match="damaged or not a database"):
        Marks(tmp_path)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "re ports"
    out.mkdir()
    mounts = tmp_path / "mounts"
    place = str(out).replace(" ", r"\040")
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / {place} rw shared:1 - {kind} server:/home rw\n")
    with pytest.raises(MarksError, match=f"on a network file system \\({kind}\\).*copy the folder of reports"):
        opened(out, mounts=mounts)
    assert not (out / MARKS).exists()
    opened(tmp_path, mounts=mounts).close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(MarksError, match="cannot be written: change the permissions"):
            Marks(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    # A file that may not grow is what a full disk is to SQLite.
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from grader.marks.database import MarksError\n"
        "from grader.marks.events import Entry, Kind, Marks\n"
        "marks = Marks(Path(sys.argv[1]))\n"
        "marks.add([Entry(Kind.COMMENT, 'alice', comment='kept')], by='bob')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try:\n"
        "    marks.add([Entry(Kind.COMMENT, f'a{n}', comment='x' * 1_000) for n in range(1_000)], by='bob')\n"
        "except MarksError as refusal:\n"
        "    print(refusal)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "nothing was changed" in said
    with Marks(tmp_path) as marks:
        assert [event.comment for event in marks.history()] == ["kept"]


def test_two_writers_at_once_wait_for_each_other(tmp_path: Path) -> None:
    with Marks(tmp_path) as one, Marks(tmp_path) as other:
        one.add([ONE], by="alice")
        other.add([ONE], by="bob")
        assert [event.by for event in one.history()] == ["alice", "bob"]


def test_a_backup_is_a_whole_database(tmp_path: Path) -> None:
    with Marks(tmp_path) as marks:
        marks.add([ONE], by="bob")
        marks.back_up(tmp_path / "copy.sqlite")
        with pytest.raises(MarksError, match="is there already"):
            marks.back_up(tmp_path / "copy.sqlite")
    (tmp_path / "restored").mkdir()
    shutil.copy(tmp_path / "copy.sqlite", tmp_path / "restored" / MARKS)
    with Marks(tmp_path / "restored") as restored:
        assert [event.subject for event in restored.history()] == ["alice"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.sqlite", MARKS, "restored"]


# --- processes that are killed ----------------------------------------------------------------------------------------

PROCESSES, MARKS_EACH, KILLS = 8, 250, 20
_WRITER = """
import sys
from fractions import Fraction
from pathlib import Path
from grader.marks.events import Entry, Kind, Marks

out, writer, first, last = Path(sys.argv[1]), *map(int, sys.argv[2:5])
with Marks(out) as marks:
    for number in range(first, last):
        entry = Entry(Kind.POINTS, f"student-{number}", f"manual.a{writer}", Fraction(number, 3),
                      token=f"{writer}/{number}")
        marks.add([entry], by=f"marker-{writer}")
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


@pytest.mark.slow
def test_every_mark_that_was_acknowledged_is_there_once_whatever_is_killed(tmp_path: Path) -> None:
    chance = random.Random(20_261)
    acknowledged: list[list[int]] = [[] for _ in range(PROCESSES)]
    logs = [tmp_path / f"log-{writer}" for writer in range(PROCESSES)]

    def started(writer: int) -> subprocess.Popen[bytes]:
        """A process that goes on after the last mark that was acknowledged."""
        done = acknowledged[writer]
        command = [sys.executable, "-c", _WRITER, tmp_path, str(writer), str(len(done)), str(MARKS_EACH)]
        with logs[writer].open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.PIPE)

    def read(writer: int) -> None:
        text = logs[writer].read_text()
        acknowledged[writer] = [int(line) for line in text[: text.rfind("\n") + 1].split()]

    processes = [started(writer) for writer in range(PROCESSES)]
    kills = 0
    moments = sorted(chance.sample(range(1, PROCESSES * MARKS_EACH - PROCESSES), KILLS))
    while any(process.poll() is None for process in processes):
        for writer in range(PROCESSES):
            read(writer)
        if kills < KILLS and sum(map(len, acknowledged)) >= moments[kills]:
            running = [writer for writer, process in enumerate(processes) if process.poll() is None]
            writer = chance.choice(running)
            processes[writer].send_signal(signal.SIGKILL)
            processes[writer].communicate()
            kills += processes[writer].returncode == -signal.SIGKILL
            read(writer)
            # A torn line was not acknowledged.
            logs[writer].write_text("".join(f"{number}\n" for number in acknowledged[writer]))
            processes[writer] = started(writer)
    assert kills == KILLS
    for writer, process in enumerate(processes):
        assert process.returncode == 0, process.stderr and process.stderr.read().decode()
        read(writer)
        assert acknowledged[writer] == list(range(MARKS_EACH))
        assert process.stderr is not None
        process.stderr.close()
    with Marks(tmp_path) as marks:
        history = marks.history()
        standing = marks.standing()
    tokens = [event.token for event in history]
    assert len(tokens) == len(set(tokens)) == PROCESSES * MARKS_EACH
    for event in history:
        assert standing.get(event.subject, Kind.POINTS, event.criterion) == event
