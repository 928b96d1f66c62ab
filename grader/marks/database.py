"""``marks.sqlite``: the database of what people decided, beside the reports it belongs to.

    DIR/marks.sqlite               events, which are only ever added
    DIR/marks.sqlite-wal, -shm     SQLite's own, while the database is open and after a kill

What is acknowledged is on the disk: the journal is a write-ahead log that is synchronised at each commit
(``synchronous=FULL``), so a process that is killed at any moment loses nothing that it acknowledged. SQLite's locks are
not reliable on network file systems, so a database is not opened there. The structure is checked at each opening.

Sources: SQLite's documentation, *Write-Ahead Logging*, *PRAGMA synchronous* and *How To Corrupt An SQLite Database
File*.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from grader.display import display
from grader.store.files import StoreError, display_path, sync_folder

__all__ = ["MARKS", "MarksError", "back_up", "opened", "writing"]


MARKS = "marks.sqlite"
"""Name of the database in a folder of reports."""

_APPLICATION = 0x67726D6B
"""``application_id`` of our databases: ``grmk``."""
_OLDEST_SQLITE = (3, 37, 0)
"""The first one with ``STRICT`` tables."""
_PATIENCE = 30.0
"""Seconds to wait for another writer. A mark takes milliseconds, a long list less than a second."""

_MIGRATIONS = (
    """
    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        token TEXT UNIQUE,
        at TEXT NOT NULL,
        by TEXT NOT NULL CHECK (by <> ''),
        kind TEXT NOT NULL,
        subject TEXT NOT NULL CHECK (subject <> ''),
        criterion TEXT NOT NULL,
        numerator INTEGER,
        denominator INTEGER CHECK (denominator > 0),
        value TEXT NOT NULL,
        comment TEXT NOT NULL,
        reason TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        rubric TEXT NOT NULL,
        maximum TEXT NOT NULL,
        refers INTEGER REFERENCES event (id),
        CHECK ((numerator IS NULL) = (denominator IS NULL))
    ) STRICT;
    CREATE INDEX event_of_subject ON event (subject, kind, criterion);
    CREATE TRIGGER event_stays BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
    CREATE TRIGGER event_is_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
    CREATE TABLE standing (
        subject TEXT NOT NULL,
        kind TEXT NOT NULL,
        criterion TEXT NOT NULL,
        event INTEGER NOT NULL REFERENCES event (id),
        PRIMARY KEY (subject, kind, criterion)
    ) STRICT, WITHOUT ROWID;
    """,
)
"""What brings a database from each form to the next. ``user_version`` counts those that were applied."""


class MarksError(StoreError):
    """The database of marks cannot be used, or does not take what it was given; the text is one sentence."""


def opened(out: Path, *, mounts: Path = Path("/proc/self/mountinfo")) -> sqlite3.Connection:
    """The database of a folder of reports, made where there is none, in today's form and checked. Raises MarksError.

    ``mounts`` is the system's list of mounted file systems.
    """
    path = out / MARKS
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise MarksError(
            f"marks need SQLite 3.37 or newer, and this Python has {sqlite3.sqlite_version}: use a newer Python"
        )
    if kind := _network_file_system(out, mounts):
        raise MarksError(
            f"{display_path(path)} would be on a network file system ({kind}), where marks are not safe when two "
            "people write: copy the folder of reports to a disk of this machine"
        )
    made = not path.exists()
    with _in_a_sentence(path):
        connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    if made:
        sync_folder(out)
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check the database and bring it into today's form. Raises MarksError or sqlite3.Error."""
    version, application, tables = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema) "
        "FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if application != _APPLICATION and (tables or application):
        raise MarksError(f"{display_path(path)} was not made by this grader: move it away")
    if version > len(_MIGRATIONS):
        raise MarksError(
            f"{display_path(path)} was written by a newer version of the grader (form {version}, and this one knows "
            f"{len(_MIGRATIONS)}): use that version; nothing was changed"
        )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    if version < len(_MIGRATIONS):
        connection.execute("PRAGMA journal_mode = WAL")
        _migrate(connection)
    problems = [text for (text,) in connection.execute("PRAGMA quick_check(1)")]
    if problems != ["ok"]:
        raise MarksError(
            f"{display_path(path)} is damaged ({display(problems[0], limit=200)}): put back the last copy that "
            "'gradebook backup' made"
        )


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that are missing, all or none. Several processes may try at the same time."""
    with _transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for migration in _MIGRATIONS[version:]:
            for statement in _statements(migration):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; ``executescript`` would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def writing(connection: sqlite3.Connection, out: Path) -> Iterator[sqlite3.Connection]:
    """A block of which everything is on the disk when it ends, or nothing if it raises. Raises MarksError."""
    with _in_a_sentence(out / MARKS), _transaction(connection):
        yield connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back by itself, on a full disk for instance
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _in_a_sentence(path: Path) -> Iterator[None]:
    """What SQLite raises, as MarksError."""
    try:
        yield
    except sqlite3.Error as fault:
        raise MarksError(f"{display_path(path)} {_sentence(fault)}") from fault


def _sentence(fault: sqlite3.Error) -> str:
    name = str(getattr(fault, "sqlite_errorname", "")) or str(fault)
    for beginnings, sentence in _SENTENCES:
        if any(beginning in name for beginning in beginnings):
            return sentence
    return f"cannot be used ({fault}); nothing was changed"


_SENTENCES = (
    (("SQLITE_FULL", "full"), "cannot be written, because the disk is full: make room; nothing was changed"),
    (
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "readonly", "unable to open"),
        "cannot be written: change the permissions of the folder of reports and of this file; nothing was changed",
    ),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED", "locked"),
        f"has been in use by another process for {_PATIENCE:.0f} seconds: wait until it ends, and try again; nothing "
        "was changed",
    ),
    (
        ("SQLITE_CORRUPT", "SQLITE_NOTADB", "malformed", "not a database"),
        "is damaged or not a database: put back the last copy that 'gradebook backup' made",
    ),
    (("SQLITE_IOERR", "disk I/O"), "cannot be read or written, because the disk reports an error; nothing was changed"),
)


# --- backup -----------------------------------------------------------------------------------------------------------


def back_up(connection: sqlite3.Connection, target: Path) -> None:
    """A whole copy of the database as one file, made while others may write. It is checked before it gets its name.

    Raises MarksError.
    """
    staged = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    if target.exists():
        raise MarksError(f"{display_path(target)} is there already: name another file with --out")
    try:
        with _in_a_sentence(target):
            with closing(sqlite3.connect(staged, isolation_level=None)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                problems = [text for (text,) in copy.execute("PRAGMA integrity_check(1)")]
                if problems != ["ok"]:
                    raise MarksError(
                        f"the copy of the marks is damaged ({display(problems[0], limit=200)}): check the disk"
                    )
            with staged.open("rb") as file:
                os.fsync(file.fileno())
            staged.replace(target)
            sync_folder(target.parent)
    except OSError as error:
        raise MarksError(f"{display_path(target)} cannot be written ({error.strerror}): name another file") from error
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)


# --- network file systems ---------------------------------------------------------------------------------------------

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|9p|ceph|lustre|beegfs(_nodev)?|gpfs|pvfs2|orangefs|ocfs2|gfs2?|coda|davfs|"
    r"fuse\.(sshfs|rclone|s3fs|glusterfs|ceph.*|davfs2?|gcsfuse|smbnetfs|curlftpfs|blobfuse2?|goofys|juicefs)"
)


def _network_file_system(folder: Path, mounts: Path) -> str:
    """The kind of network file system on which a folder lies; empty where it lies on none, or where nobody says."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
        place = folder.resolve()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5 or not after.split():
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        # The last one mounted at a place is the one that counts.
        if (place == point or point in place.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind if _NETWORK.fullmatch(kind) else ""
