"""Which files the marks rest on, where a student handed in several that compete.

Two files compete when both define a class that the student is to write, and define it differently. A file is chosen as
a whole, and never one class from each. These do not compete: a file and what it imports, files that the handout asks
for under different names, and files that a person picked together. ``_RULES`` has the rules in their order; the first
that parts two files decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeAlias

from grader.display import display
from grader.intake import CodeFile, Found, Submission, read
from grader.intake.class_lines import class_lines, without_placeholders
from grader.marking.rubric import Assignment
from grader.marking.verdicts import Flag
from grader.worker.protocol import Definition, FileOutline, Outline
from grader.worker.source.siblings import meant
from reference.handouts import HANDOUTS
from reference.shipped import shipped

__all__ = ["Choice", "choose", "copied_from"]


@dataclass(frozen=True)
class Choice:
    """What came of a choice between files."""

    set_aside: frozenset[str] = frozenset()
    """Paths of the files that are not examined."""
    winners: tuple[str, ...] = ()
    """Paths of the files that were preferred to others."""
    sentences: tuple[str, ...] = ()
    """Which file counts, which does not, and why."""
    flags: tuple[Flag, ...] = ()
    """For a person, where the choice could have gone the other way."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Classes that stand only in files that are not examined, with the path of one."""


def choose(assignment: Assignment, submission: Submission, outline: Outline) -> Choice:
    """Choose between the files of a submission that compete."""
    imports = _Imports(outline)
    candidates = _candidates(assignment, submission, outline, imports)
    rivals_of = {one: {other for other in candidates if other.competes_with(one)} for one in candidates}
    left, decided = list(candidates), []
    while left:
        best, against = _best(_connected(left, rivals_of))
        left.remove(best)
        rivals = [candidate for candidate in left if candidate in rivals_of[best]]
        left = [candidate for candidate in left if candidate not in rivals]
        decided += [_Decision(best, rival, against[rival.path]) for rival in rivals]
    beaten = {decision.rival.path for decision in decided}
    needed = imports.all_of({candidate.path for candidate in candidates} - beaten)
    set_aside = frozenset(beaten - needed)
    kept = {name for one in candidates if one.path not in set_aside for name in one.roles}
    return Choice(
        set_aside,
        tuple(dict.fromkeys(decision.best.path for decision in decided)),
        tuple(decision.sentence for decision in decided[:_MOST]),
        tuple(decision.flag(submission) for decision in decided[:_MOST] if decision.reason.doubtful),
        {name: one.path for one in candidates if one.path in set_aside for name in one.roles if name not in kept},
    )


def _connected(
    candidates: Sequence[_Candidate], rivals_of: Mapping[_Candidate, Collection[_Candidate]]
) -> list[_Candidate]:
    """The first candidate, all that compete with it, all that compete with those, and so on."""
    found: list[_Candidate] = []
    left, waiting = list(candidates[1:]), [candidates[0]]
    while waiting:
        one = waiting.pop()
        found.append(one)
        rivals = [other for other in left if other in rivals_of[one]]
        left = [other for other in left if other not in rivals_of[one]]
        waiting += rivals
    return found


# -- the files that may compete ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A file with at least one of the classes that the student is to write."""

    file: CodeFile
    roles: Mapping[str, str]
    """Its lines for each of these classes, also where they are not valid Python."""
    imports: frozenset[str]
    """Paths of the files that it imports."""
    untouched: bool
    """Whether none of these classes was begun."""
    picked: bool
    asked_for: str
    """The handout's name for it; empty where the handout does not name it."""
    is_imported: bool
    """Whether another file of the submission imports it."""
    web_page: bool

    @property
    def path(self) -> str:
        return self.file.path

    @property
    def stem(self) -> str:
        return PurePosixPath(self.path).stem

    def competes_with(self, other: _Candidate) -> bool:
        if self.path in other.imports or other.path in self.imports:
            return False
        if self.picked and other.picked:
            return False
        if self.asked_for and other.asked_for and self.asked_for != other.asked_for:
            return False
        return any(self.roles[name] != other.roles[name] for name in self.roles.keys() & other.roles.keys())


_MOST_CANDIDATES = 100
"""Files that are compared with each other; a submission with more is made to take time."""


class _Imports:
    """Which file of a submission imports which."""

    def __init__(self, outline: Outline) -> None:
        self._modules: dict[str, set[str]] = {}
        self._files: dict[str, set[str]] = {}
        """Paths by the name under which others import them."""
        for entry in outline.files:
            path = entry.written_by or entry.path
            names = {module.rpartition(".")[2] for module in entry.imports}
            self._modules.setdefault(path, set()).update(names)
            self._files.setdefault(PurePosixPath(path).stem, set()).add(path)
        named = meant((module for entry in outline.files for module in entry.imports), self._files)
        self._files |= {module: self._files[stem] for module, stem in named.items()}

    def of(self, path: str) -> set[str]:
        """The files that a file imports by their names."""
        modules = self._modules.get(path, set())
        return {other for module in modules for other in self._files.get(module, ())} - {path}

    def all_of(self, paths: Iterable[str]) -> set[str]:
        """The files that these import, directly or through others; each of these too, where another of them does."""
        importers: dict[str, set[str]] = {}
        """The files that import each module; two say as much as many."""
        seen, waiting = set(paths), list(paths)
        while waiting:
            path = waiting.pop()
            for module in self._modules.get(path, ()):
                known = importers.setdefault(module, set())
                if len(known) < 2:
                    known.add(path)
                    more = self._files.get(module, set()) - seen if len(known) == 1 else set()
                    seen |= more
                    waiting += more
        return {
            other for module, known in importers.items() for other in self._files.get(module, ()) if known != {other}
        }

    def imported(self) -> set[str]:
        """The files that another file imports."""
        return self.all_of(self._modules)


def _candidates(
    assignment: Assignment, submission: Submission, outline: Outline, imports: _Imports
) -> list[_Candidate]:
    handout = HANDOUTS[assignment.id]
    wanted = {*handout.to_fill_in, *(layer.cls for layer in handout.layers if layer.filled_in)}
    outlines: dict[str, list[FileOutline]] = {}
    for entry in outline.files:
        outlines.setdefault(entry.written_by or entry.path, []).append(entry)
    imported = imports.imported()
    picked = {*submission.picked, *imports.all_of(submission.picked)}
    candidates: list[_Candidate] = []
    for file in submission.code:
        if len(candidates) == _MOST_CANDIDATES:
            break
        entries = outlines.get(file.path, [])
        written = {found.name: found for entry in entries for found in entry.classes if found.name in wanted}
        lost = {
            problem.definition: problem.message
            for entry in entries
            for problem in entry.problems
            if problem.definition in wanted and problem.definition not in written
        }
        own = {str(name): class_lines(file.cells, str(name)) for name in (*written, *lost)}
        if own:
            is_untouched = all(
                _is_untouched(written.get(name), lost.get(name, ""), lines, _starter(assignment.id, name))
                for name, lines in own.items()
            )
            candidates.append(
                _Candidate(
                    file,
                    {name: "\n".join(lines) for name, lines in own.items()},
                    imports=frozenset(imports.of(file.path)),
                    untouched=is_untouched or file.path in submission.starters,
                    picked=file.path in picked,
                    asked_for=_asked_for(assignment, file.path),
                    is_imported=file.path in imported,
                    web_page=any(entry.web_page for entry in entries),
                )
            )
    return candidates


@lru_cache(maxsize=100)
def _starter(assignment: str, name: str) -> frozenset[str]:
    """The lines of a class in the starter that comes with the grader; empty where there is no such starter."""
    folder = shipped("student_template") / assignment
    if not folder.is_dir():
        return frozenset()
    code = read(Found(assignment, assignment, (folder,))).code
    return frozenset().union(*(without_placeholders(class_lines(file.cells, name)) for file in code))


def _is_untouched(definition: Definition | None, problem: str, lines: Iterable[str], starter: frozenset[str]) -> bool:
    """Whether a class is as it was handed out: it builds nothing, or all its lines are the starter's."""
    own = without_placeholders(lines)
    if own and own <= starter:
        return True
    if definition is None:
        return problem.startswith("expected an indented block")
    forward = definition.methods.get("forward")
    return (forward is not None and forward.empty) or not any(map(_builds, (call.name for call in definition.calls)))


def _builds(call: str) -> bool:
    """Whether a call may belong to a network: all but those that every starter has."""
    return not call.startswith("super") and call.rpartition(".")[2] not in ("__init__", "NotImplementedError", "print")


def _asked_for(assignment: Assignment, path: str) -> str:
    """The name by which the handout asks for a file of this name; empty for none."""
    name = PurePosixPath(path).name.lower()
    return next((pattern for pattern in assignment.code if fnmatch(name, pattern.lower())), "")


# -- the rules ---------------------------------------------------------------------------------------------------------

Key: TypeAlias = "tuple[float, ...]"
"""A larger key is better."""


@dataclass(frozen=True)
class _Rule:
    """One way to tell which of several files counts."""

    key: Callable[[_Candidate], Key]
    reason: str
    """Why a file with a smaller key does not count; ``{best}`` is the one that does."""
    doubtful: bool = True
    """Whether a person should look at the choice."""
    applies: Callable[[Sequence[_Candidate]], bool] = lambda among: True
    slack: float = 0.0
    """By how much two keys may differ and still count as equal."""


@dataclass(frozen=True)
class _Reason:
    text: str
    doubtful: bool


_A_MINUTE = 60.0
"""Seconds. Files that were packed or copied together have times that differ by less."""
_FINAL = re.compile(r"final|finished|submission|submit(ted)?|latest|newest|updated|fixed")
_DRAFT = re.compile(
    r"draft|wip|old(er)?|backup|bak|prev(ious)?|orig(inal)?|te?mp|scratch|tests?|unfinished|incomplete|starter|template"
    r"|attic|trash"
)


def _words(candidate: _Candidate) -> Key:
    """1 for a name that says final, -1 for one that says draft; folders count as well."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", candidate.path).lower())
    return (float(any(map(_FINAL.fullmatch, words))) - float(any(map(_DRAFT.fullmatch, words))),)


_VERSION = re.compile(
    r"(?<![a-z])(?:v|ver|version|rev|revision|final|draft|attempt|try|take|updated?|new)[ ._-]*"
    r"(\d{1,9}(?:[._]\d{1,9})*)"
    r"|(?:[a-z]{3}|[ ._-])(\d{1,9})$|(\d{4}[-_.]?\d\d[-_.]?\d\d)"
)


def _version(candidate: _Candidate) -> Key:
    """The numbers of a version in the file's name, such as (10,) of ``a2-v10``; () for a name without one."""
    found = list(_VERSION.finditer(_without_copies(candidate.stem).lower()))
    return tuple(float(number) for match in found[-1:] for number in re.findall(r"\d+", match[0]))


def _are_alike_but_for_numbers(among: Sequence[_Candidate]) -> bool:
    return len({re.sub(r"\d+", "#", _without_copies(candidate.path)) for candidate in among}) == 1


def _numbers(candidate: _Candidate) -> Key:
    return tuple(float(number[:18]) for number in re.findall(r"\d+", _without_copies(candidate.path)))


_AGAIN = re.compile(r" ?\((\d{1,4})\)")
_COPY = re.compile(r"^(?:(?:copy of|copie de|kopie von) )+|(?:[ _-]+copy ?\d*| *\(\d+\))+$", re.IGNORECASE)


def copied_from(path: str) -> str | None:
    """``a2.ipynb`` for ``Copy of a2.ipynb`` and for ``a2 (1).ipynb``; None for a name that is not that of a copy."""
    file = PurePosixPath(path)
    stem = _COPY.sub("", file.stem)
    return str(file.with_name(stem + file.suffix)) if stem and stem != file.stem else None


def _without_copies(name: str) -> str:
    return _AGAIN.sub("", name)


def _again(candidate: _Candidate) -> Key:
    """The number in brackets that a browser or a platform gives to another file of the same name."""
    return tuple(float(number) for number in _AGAIN.findall(candidate.path)[-1:])


def _is_original(candidate: _Candidate) -> Key:
    return (float(copied_from(_without_copies(candidate.path)) is None),)


def _modified(candidate: _Candidate) -> Key:
    return (candidate.file.modified or 0.0,)


_RULES = (
    _Rule(lambda one: (one.picked,), "a person picked {best}", doubtful=False),
    _Rule(lambda one: (not one.untouched,), "it is the starter, in which nothing was filled in", doubtful=False),
    _Rule(lambda one: (not one.web_page,), "it is a web page", doubtful=False),
    _Rule(lambda one: one.file.attempt, "it belongs to an earlier attempt"),
    _Rule(
        _modified,
        "{best} is newer by the times in the archive",
        applies=lambda among: all(one.file.packed and one.file.modified is not None for one in among),
        slack=_A_MINUTE,
    ),
    _Rule(_words, "the names say that {best} is the final one"),
    _Rule(_numbers, "{best} has the higher number in its name", applies=_are_alike_but_for_numbers),
    _Rule(_version, "{best} has the higher number in its name"),
    _Rule(_again, "{best} has the higher number in brackets, as a later download has"),
    _Rule(_is_original, "its name says that it is a copy", doubtful=False),
    _Rule(lambda one: (one.is_imported,), "{best} is the one that the other code imports"),
    _Rule(lambda one: (len(one.roles),), "{best} has more of the classes that are asked for"),
    _Rule(lambda one: (bool(one.asked_for),), "{best} has the name that the handout asks for"),
    _Rule(_modified, "{best} was changed later, by the times on the disk, which copying may change", slack=_A_MINUTE),
    _Rule(lambda one: (-one.path.count("/"),), "{best} lies nearer to the top"),
)
_BY_CHANCE = _Reason("nothing says which of them is meant, and {best} is the first by its name", True)


def _best(candidates: Sequence[_Candidate]) -> tuple[_Candidate, Mapping[str, _Reason]]:
    """The candidate that the rules prefer, and by path why each other one is not it."""
    among = sorted(candidates, key=lambda one: one.path)
    against: dict[str, _Reason] = {}
    for rule in _RULES:
        if len(among) == 1 or not rule.applies(among):
            continue
        best = max(map(rule.key, among))
        left = [one for one in among if _is_as_good(rule.key(one), best, rule.slack)]
        against |= {one.path: _Reason(rule.reason, rule.doubtful) for one in among if one not in left}
        among = left
    return among[0], {**{one.path: _BY_CHANCE for one in among[1:]}, **against}


def _is_as_good(key: Key, best: Key, slack: float) -> bool:
    return key == best or (slack > 0 and best[0] - key[0] <= slack)


# -- what is said of it ------------------------------------------------------------------------------------------------

_MOST = 20
"""Decisions that a report tells of."""


@dataclass(frozen=True)
class _Decision:
    """One file that counts, one that does not, and why."""

    best: _Candidate
    rival: _Candidate
    reason: _Reason

    @property
    def sentence(self) -> str:
        best, rival = _shown(self.best), _shown(self.rival)
        moments = f" ({_moment(self.best)} and {_moment(self.rival)})" if "times" in self.reason.text else ""
        return f"{best} counts, and not {rival}: {self.reason.text.format(best=best)}{moments}."

    def flag(self, submission: Submission) -> Flag:
        pieces = [self.sentence]
        if only := sorted(self.rival.roles.keys() - self.best.roles.keys()):
            pieces.append(f"{' and '.join(only)} stands in {_shown(self.rival)} alone, and a file counts as a whole.")
        pieces.append(f"To decide otherwise, use --pick '{display(submission.id)}={_shown(self.rival)}'.")
        return Flag("two-candidates", " ".join(pieces))


def _shown(candidate: _Candidate) -> str:
    return display(candidate.path, limit=100)


def _moment(candidate: _Candidate) -> str:
    """Local time, as an archive has it."""
    return f"{datetime.fromtimestamp(candidate.file.modified or 0.0):%Y-%m-%d %H:%M}"
