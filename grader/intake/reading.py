"""One submission from disk into memory: bounded, hashed, decoded, and nothing of it run or parsed.

Whatever a student handed in is read as far as it can be, and a flag says what was refused and why. Nothing is written
but temporary files without a name: an archive inside an archive is opened from one.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.cpu import MOST_SECONDS, CpuBudget, CpuUsedUp
from grader.display import display
from grader.intake.archives import (
    MOST_BYTES,
    MOST_FILES,
    MOST_FOLDERS,
    ArchiveError,
    Budget,
    Member,
    TooLarge,
    is_archive,
    members,
)
from grader.intake.attempts import is_picked
from grader.intake.decoding import decode
from grader.intake.names import encodable
from grader.intake.nodes import is_code, is_junk, is_web_page
from grader.intake.notebooks import Notebook, NotebookError, read_notebook
from grader.intake.records import Cell, CodeFile, DataFile, Found, StoredFile, Submission
from grader.marking.verdicts import Flag
from grader.reports_folder import is_reports

__all__ = ["MOST_CODE", "MOST_NOTEBOOK", "MOST_SCRIPT", "read"]


MOST_SCRIPT = 2_000_000
"""Bytes of one script."""
MOST_NOTEBOOK = 20_000_000
"""Bytes of one notebook, pictures and other outputs included."""
MOST_CODE = 3_000_000
"""Bytes of source of all the files, outputs left out: as much as can be parsed in the time of one probe."""


def read(
    place: Found,
    *,
    most_bytes: int = MOST_BYTES,
    most_files: int = MOST_FILES,
    most_code: int = MOST_CODE,
    most_seconds: float = MOST_SECONDS,
) -> Submission:
    """Read, bound, hash and decode one submission. Never raises for what a student handed in.

    At most ``most_bytes`` and ``most_files`` are read of its files, and as much again of its archives; code is read
    first, and at most ``most_code`` bytes of source are kept. When ``most_seconds`` of processor time are used up, what
    was read by then counts. Links are not followed, wherever they lead. Archives are opened, and archives inside those,
    no deeper.
    """
    cpu = CpuBudget(most_seconds)
    reading = _Reading(Budget(most_bytes, most_files, cpu=cpu), Budget(most_bytes, most_files, cpu=cpu), most_code)
    for number, source in enumerate(place.sources):
        inside = place.inside[number] if place.inside else ""
        name = (place.names[number] if place.names else "") or PurePosixPath(inside).name or encodable(source.name)
        attempt = place.attempts[number] if place.attempts else ()
        reading.source(source, name, inside, attempt=attempt, apart=bool(place.attempts))
    files = tuple(reading.files[path] for path in sorted(reading.files))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\0{file.sha256}\n".encode())
    code = reading.within_the_budget()
    flags = (*place.flags, *reading.flags())
    data = tuple(DataFile(path, reading.data[path]) for path in sorted(reading.data))
    return Submission(
        id=place.id,
        folder=place.folder,
        files=files,
        code=code,
        sha256=digest.hexdigest(),
        flags=flags,
        known_as=place.known_as,
        assignment=place.assignment,
        data=data,
        submitted=place.submitted,
        picked=tuple(file.path for file in code if any(is_picked(file.path, pick) for pick in place.picks)),
        starters=place.starters,
    )


_MOST_HELD = 8
"""How many times as much code is held as can be examined, before it is sorted out."""
_MOST_NOTES = 40
"""Reasons that are remarked on."""
_MOST_PATHS = 3
"""Files that are named per reason."""
# Code may be in these. Without a remark, a student would only hear that there is no code.
_NOT_READ = (
    (re.compile(r"\.(?:rar|7z|xz|bz2|zst|zipx)$", re.IGNORECASE), "not opened: pack it as a .zip and hand it in again"),
    (re.compile(r"\.py\.\w+$", re.IGNORECASE), "not read under this name: let it end in .py and hand it in again"),
    (re.compile(r"\.ipynb\.\w+$", re.IGNORECASE), "not read under this name: let it end in .ipynb, hand it in again"),
)


class _Reading:
    """One submission while it is read. Paths are those of ``StoredFile``."""

    def __init__(self, loose: Budget, packed: Budget, most_code: int) -> None:
        """``loose`` is the budget of its files, ``packed`` that of what its archives hold."""
        self.files: dict[str, StoredFile] = {}
        self.code: dict[str, CodeFile] = {}
        self.data: dict[str, str] = {}
        """Base64, by path."""
        self._pages: dict[str, CodeFile] = {}
        """Web pages by path. They are code where they have a class that no other file has."""
        self._attempt: tuple[float, ...] = ()
        """The attempt that is read."""
        self._loose = loose
        self._packed = packed
        self._most_code = most_code
        self._held = 0
        """Characters of the code that is held by now, some of which may not be kept."""
        self._notes: dict[tuple[str, str], list[str]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def flags(self) -> Iterator[Flag]:
        """One flag per reason, however many files it concerns."""
        for (kind, reason), paths in self._notes.items():
            named = ", ".join(display(path, limit=100) for path in paths)
            more = self._counts[kind, reason] - len(paths)
            named += f" and {more} more" if more else ""
            yield Flag(kind, f"{named}: {reason}.")

    def within_the_budget(self) -> tuple[CodeFile, ...]:
        """The code by path, as much as can be examined."""
        if self._pages:
            with suppress(CpuUsedUp):  # the other code is there
                written = {name for file in self.code.values() for name in self._classes(file)}
                pages = self._pages.items()
                self.code |= {path: page for path, page in pages if not self.code or not self._classes(page) <= written}
        code = self._fitting({path: file for path, file in self.code.items() if not self._is_under_a_file(path)})
        return tuple(code[path] for path in sorted(code))

    def _fitting(self, files: dict[str, CodeFile]) -> dict[str, CodeFile]:
        """As much code as can be examined: files at the top first, then smaller before larger ones."""
        sizes = {path: sum(len(cell.source.encode()) for cell in file.cells) for path, file in files.items()}
        budget = self._most_code
        fitting = {}
        for path in sorted(sizes, key=lambda path: (path.count("/"), sizes[path], path)):
            if sizes[path] <= budget:
                budget -= sizes[path]
                fitting[path] = files[path]
            else:
                most = self._most_code // 1_000_000
                self._note("too-large", f"more than the {most} MB of code that are read per submission", path)
        return fitting

    def _hold(self, path: str, file: CodeFile) -> None:
        """Keep a file of code; where there is much more than can be examined, not all of it is held at once."""
        (self.code if is_code(path) else self._pages)[path] = file
        self._held += sum(len(cell.source) for cell in file.cells)
        if self._held > _MOST_HELD * self._most_code:
            self.code, self._pages = self._fitting(self.code), self._fitting(self._pages)
            self._held = 2 * self._most_code

    def _classes(self, file: CodeFile) -> set[str]:
        self._loose.cpu.look()
        return _classes(file)

    def _is_under_a_file(self, path: str) -> bool:
        """Whether ``path`` lies under a path that is code itself, as only an archive can have it; notes it."""
        above = next((str(folder) for folder in PurePosixPath(path).parents if str(folder) in self.code), None)
        if above is not None:
            self._note("refused-name", f"lies under {display(above)}, which is a file", path)
        return above is not None

    def source(
        self, path: Path, name: str, inside: str, *, attempt: tuple[float, ...] = (), apart: bool = False
    ) -> None:
        """A folder, a file (handed in as ``name``), an archive, or what lies ``inside`` an archive of many.

        ``apart``: what a folder or an archive holds has a path below its name, as there are other sources.
        """
        self._attempt = attempt
        try:
            self._source(path, name, inside, apart)
        except CpuUsedUp as why:
            self._note("too-large", str(why), name)

    def _source(self, path: Path, name: str, inside: str, apart: bool) -> None:
        try:
            is_folder = path.is_dir()
        except OSError as error:
            self._note("unreadable", f"cannot be opened ({_reason(error)})", name)
            return
        if is_folder:
            self._folder(path, f"{name}/" if apart else "")
        elif not inside:
            self._on_disk(path, name, only=not apart)
        elif (file := self._opened(path, name)) is not None:
            with file:
                prefix = f"{name}/" if apart else ""
                self._unpack(file, encodable(path.name), prefix, 0, inside=inside, name=name)

    def _note(self, kind: str, reason: str, path: str) -> None:
        """Keep a remark for a flag. Their number is bounded: a submission can be made to deserve millions."""
        if (kind, reason) not in self._notes and len(self._notes) >= _MOST_NOTES:
            kind, reason = "more", "there is more to remark on than is listed"
        self._counts[kind, reason] += 1
        paths = self._notes.setdefault((kind, reason), [])
        if len(paths) < _MOST_PATHS:
            paths.append(path)

    def _refused(self, error: ArchiveError, path: str) -> None:
        self._note("too-large" if isinstance(error, TooLarge) else "damaged", str(error), path)

    def _opened(self, disk: Path, path: str) -> BinaryIO | None:
        try:
            return _open(disk)
        except (OSError, ValueError) as error:
            self._note("unreadable", f"cannot be opened ({_reason(error)})", path)
            return None

    def _folder(self, top: Path, prefix: str) -> None:
        files = list(self._walk(top))
        for disk, path, _ in sorted(files, key=lambda file: (not is_code(file[1]), is_archive(file[1]), file[2])):
            self._on_disk(disk, prefix + path, only=False)

    def _walk(self, top: Path) -> Iterator[tuple[Path, str, int]]:
        """Plain files below a folder: where they lie, their paths in the submission, their bytes."""
        waiting = deque([(top, "")])
        while waiting:  # breadth first: however much lies deep, what lies at the top is read
            folder, prefix = waiting.popleft()
            try:
                with os.scandir(folder) as scan:
                    entries = sorted(islice(scan, 2 * MOST_FILES), key=lambda entry: entry.name)
            except OSError as error:
                self._note("unreadable", f"cannot be opened ({_reason(error)})", prefix or encodable(top.name))
                continue
            if prefix and any(entry.name == "pyvenv.cfg" for entry in entries):
                continue  # a virtual environment under another name
            if prefix and is_reports(folder):
                continue  # the grader wrote it there when the student last checked
            try:
                self._loose.spend_names(len(entries))
            except TooLarge as error:
                self._note("too-large", str(error), encodable(top.name))
                return
            for entry in entries:
                path = prefix + encodable(entry.name)
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_junk(entry.name, folder=is_folder):
                    continue
                if entry.is_symlink():
                    self._note("link", "symbolic links are not followed", path)
                elif is_folder and path.count("/") >= MOST_FOLDERS:
                    self._note("refused-name", f"lies in more than {MOST_FOLDERS} folders: put it higher up", path)
                elif is_folder:
                    waiting.append((folder / entry.name, path + "/"))
                elif not entry.is_file(follow_symlinks=False):
                    self._note("special-file", "devices, pipes and sockets are not read", path)
                else:
                    try:
                        self._loose.spend_entry()
                        yield folder / entry.name, path, entry.stat(follow_symlinks=False).st_size
                    except TooLarge as error:
                        self._note("too-large", str(error), encodable(top.name))
                        return
                    except OSError as error:
                        self._note("unreadable", f"cannot be opened ({_reason(error)})", path)

    def _on_disk(self, disk: Path, path: str, *, only: bool) -> None:
        file = self._opened(disk, path)
        if file is not None:
            with file:
                status = os.fstat(file.fileno())
                chunks = _chunks(file, status.st_size, self._loose)
                self._take(Member(path, status.st_mtime, chunks), 0, only=only, packed=False)

    def _take(self, member: Member, level: int, *, only: bool, packed: bool = True) -> None:
        """Hash one file, read it if it is code, open it if it is an archive; ``level`` archives are around it."""
        self._loose.cpu.look()
        path = member.path
        if path in self.files or path in self.code:
            self._note("two-uploads", "handed in more than once under this name: the last one counts", path)
        for pattern, reason in _NOT_READ:
            if pattern.search(path):
                self._note("not-read", reason, path)
        opens = is_archive(path) and level < 2
        if is_archive(path) and not opens:
            self._note("nested-archive", "an archive in an archive in an archive is not opened: pack it once", path)
        most = _most_bytes(path)
        digest, size, start = hashlib.sha256(), 0, bytearray()
        with ExitStack() as stack:
            copy = stack.enter_context(tempfile.TemporaryFile()) if opens else None
            try:
                for chunk in member.chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    if len(start) < most:
                        start += chunk[: most - len(start)]
                    if copy is not None:
                        copy.write(chunk)
            except ArchiveError as error:
                self._refused(error, path)
                if is_code(path):
                    self.code[path] = self._dated(CodeFile(path, (), f"{display(path)}: {error}."), member, packed)
                return
            is_pdf = path.lower().endswith(".pdf") and b"%PDF-" in start
            self.files[path] = StoredFile(path, size, digest.hexdigest(), is_pdf)
            content = bytes(start) if size <= most else None
            if content is not None and path.lower().endswith(_DATA):
                self._keep_data(path, content)
            if is_code(path) or (is_web_page(path) and size):
                self._hold(path, self._dated(self._code_file(path, content, most), member, packed))
            if copy is not None:
                copy.seek(0)
                self._unpack(copy, path, "" if only else path + "/", level + 1)

    def _dated(self, file: CodeFile, member: Member, packed: bool) -> CodeFile:
        """The file with what is known of its time."""
        return replace(file, modified=member.modified, packed=packed, attempt=self._attempt)

    def _keep_data(self, path: str, content: bytes) -> None:
        """Keep a data file, unless there are too many or too large ones: the request that carries them has a limit."""
        self.data.pop(path, None)
        encoded = base64.b64encode(content).decode()
        total = sum(map(len, self.data.values()))
        if len(self.data) < _MOST_DATA_FILES and total + len(encoded) <= _MOST_DATA_IN_ALL:
            self.data[path] = encoded

    def _unpack(
        self, file: BinaryIO, archive: str, prefix: str, level: int, *, inside: str = "", name: str = ""
    ) -> None:
        """Take what an archive holds, or the one file (handed in as ``name``) or folder ``inside`` it."""
        below = inside + "/"

        def wanted(path: str) -> bool:
            if inside and path != inside and not path.startswith(below):
                return False
            *folders, last = path.removeprefix(below).split("/")
            return not is_junk(last, folder=False) and not any(is_junk(folder, folder=True) for folder in folders)

        def refuse(kind: str, reason: str, path: str) -> None:
            if wanted(path):
                self._note(kind, reason, prefix + path.removeprefix(below))

        try:
            for member in members(file, self._packed, wanted=wanted, urgent=is_code, refuse=refuse):
                own = member.path == inside
                path = name if own else prefix + member.path.removeprefix(below)
                self._take(Member(path, member.modified, member.chunks), level, only=own)
        except ArchiveError as error:
            self._refused(error, archive)

    def _code_file(self, path: str, content: bytes | None, most: int) -> CodeFile:
        """Decode one code file; ``content`` is None when it is longer than ``most`` bytes."""
        shown = display(path)
        if content is None:
            hint = "clear its outputs" if path.lower().endswith(".ipynb") else "move data out of it"
            problem = f"{shown} is larger than the {most // 1_000_000} MB that are read: {hint}."
            return CodeFile(path, (), problem)
        script = not path.lower().endswith(".ipynb")
        other = next((kind for start, kind in _OTHER_KINDS if script and content.startswith(start)), None)
        if other is not None:
            return CodeFile(path, (), f"{shown} is not text, but {other}: hand in the script itself.")
        decoded = decode(content, coding_comment=script)
        if decoded.remarks:
            self._note("encoding", ", ".join(decoded.remarks), path)
        if script:
            why_not = _why_not_a_script(decoded.text, len(content), odd=bool(decoded.remarks))
            if why_not is None and not decoded.text.strip() and PurePosixPath(path).name != "__init__.py":
                why_not = "is empty: save it in your editor and hand it in again"
            if why_not is not None:
                return CodeFile(path, (), f"{shown} {why_not}.")
            return CodeFile(path, (Cell(None, decoded.text),))
        try:
            notebook = read_notebook(decoded.text)
        except NotebookError as error:
            return CodeFile(path, (), f"{shown} {error}.")
        if not any(source.strip() for _, source in notebook.sources):
            return CodeFile(path, (), f"{shown} has no code in it: {_what_instead(notebook)}.")
        if notebook.remarks:
            self._note("notebook", ", ".join(notebook.remarks[:10]), path)
        cells = tuple(Cell(number, source, notebook.headings.get(number)) for number, source in notebook.sources)
        return CodeFile(path, cells, asides=notebook.asides, language=notebook.language)


def _what_instead(notebook: Notebook) -> str:
    """What there is in a notebook without code, and what to do."""
    if notebook.asides:
        first = notebook.asides[0]
        return (
            f"the class {first.name} stands in cell {first.cell}, a {first.kind} cell: make it a cell of the type code"
        )
    return "see that your cells are of the type code"


_DATA = (".json", ".csv", ".tsv", ".txt", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".npy")
"""Endings of data files that are handed on to the code beside them: settings and palettes, not pictures."""
_MOST_DATA = 250_000
"""Bytes of one data file."""
_MOST_DATA_IN_ALL = 1_000_000
"""Characters of base64, of all data files together."""
_MOST_DATA_FILES = 50
_PDF_START = 1024
"""Bytes within which readers of PDF look for its mark."""


def _most_bytes(path: str) -> int:
    """How many bytes of a file of this name are kept in memory."""
    lower = path.lower()
    if is_code(path):
        return MOST_NOTEBOOK if lower.endswith(".ipynb") else MOST_SCRIPT
    if is_web_page(path):
        return MOST_CODE
    if lower.endswith(_DATA):
        return _MOST_DATA
    return _PDF_START if lower.endswith(".pdf") else 0


_OTHER_KINDS = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{\\rtf", "a document of a word processor (RTF)"),
)
"""How files begin that are no scripts, and what they are."""
_CLASS = re.compile(r"\bclass[ \t]+(\w+)[ \t]*[(:]")
_TAG = re.compile(r"<[^<>]{0,2000}>")


def _classes(file: CodeFile) -> set[str]:
    """Names after ``class`` in a text, without the tags that a web page may have around them."""
    return {name for cell in file.cells for name in _CLASS.findall(_TAG.sub("", cell.source))}


_CONTROLS = bytes(code for code in range(32) if code not in b"\n\t\f")


def _why_not_a_script(text: str, size: int, *, odd: bool) -> str | None:
    """Why the text of ``size`` bytes cannot be a script's, or None; ``odd``: it did not decode as it should."""
    start = text[:65_536]
    if start.lstrip().startswith("{") and '"cells"' in text and '"nbformat"' in text:
        return "is a notebook under a script's name: name it .ipynb and hand it in again"
    content = start.encode("utf-8", "surrogatepass")
    controls = len(content) - len(content.translate(None, _CONTROLS))
    if odd and (50 * controls > len(start) or 3 * len(text) + 4 < size):  # UTF-16: a mark, two bytes each
        return "is not text, though its name is a script's: hand in the script itself"
    return None


def _open(path: Path) -> BinaryIO:
    """A plain file and nothing else, even if it was swapped for a link since it was listed. Raises OSError."""
    flags = ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")  # not every system has all of them
    descriptor = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a plain file")
    return os.fdopen(descriptor, "rb")


_CHUNK = 1 << 20
"""Bytes that are read at a time."""


def _chunks(file: BinaryIO, size: int, budget: Budget) -> Iterator[bytes]:
    """The bytes of a file on disk. Raises ArchiveError."""
    budget.check(size)
    try:
        while chunk := file.read(_CHUNK):
            budget.spend(len(chunk))
            yield chunk
    except OSError as error:
        raise ArchiveError(f"cannot be read ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return display(getattr(error, "strerror", None) or str(error) or type(error).__name__, limit=120)
