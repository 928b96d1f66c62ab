"""Whether code that lies side by side is several students', or the parts of one submission.

Names decide where they can: ``models.py`` and ``train.py`` say what they are, and so does ``old`` in ``alice_old.py``.
What is left of a name may be a student's, or a word of the student's own for a helper. Then the files are looked into,
as text: a helper is imported by another file, and the parts of one submission do not define the same network twice.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from grader.display import display
from grader.intake.archives import is_archive
from grader.intake.names import encodable
from grader.intake.nodes import Node, beginning, is_code, is_junk
from grader.intake.platforms import plain_id
from grader.intake.records import SubmissionError
from grader.intake.words import own_words
from reference.handouts import HANDOUTS

__all__ = ["holds_code", "refuse_several"]

_NETWORKS = sorted({facts.cls for handout in HANDOUTS.values() for facts in handout.networks if facts.filled_in})
_CLASS = re.compile(rf"class\s+({'|'.join(_NETWORKS)})\s*\(".encode())
_IMPORT = re.compile(rb"(?:from|import)\s+\.*(\w+)")
_MOST_READ = 4_000_000
"""Bytes of one file that are looked into."""
_MOST_FILES = 10
"""Files of one folder that are looked into."""
_MOST_NAMES = 40
"""Names of one student's own; where there are more, nobody looks into the files."""
_MOST_SHOWN = 4


def refuse_several(items: Sequence[Node], place: Path) -> None:
    """Raises SubmissionError where what lies at one place may be several students': a person must say so."""
    if names := _names_of_several([item for item in items if holds_code(item)]):
        shown = ", ".join(display(encodable(name), limit=60) for name in names[:_MOST_SHOWN])
        more = ", …" if len(names) > _MOST_SHOWN else ""
        raise SubmissionError(
            f"{display(encodable(str(place)), limit=300)} holds code under several names ({shown}{more}), which may be "
            "several students': use --many if each is a student's, or --one if all are one student's"
        )


def _names_of_several(items: Sequence[Node]) -> list[str]:
    """The names that may be several students'; none where all is one student's."""
    own = {item.name: words for item in items if (words := own_words(plain_id(item)))}
    if len(set(own.values())) < 2 or len(own) > _MOST_NAMES:
        return sorted(own) if len(own) > _MOST_NAMES else []
    networks: dict[str, set[bytes]] = defaultdict(set)
    imported: set[bytes] = set()
    for item in items:
        if is_archive(item.name):
            networks[item.name] = {name.encode() for name in _NETWORKS}
        for file in islice(_code_in(item), _MOST_FILES):
            content = beginning(file, _MOST_READ)
            networks[item.name].update(_CLASS.findall(content))
            imported.update(_IMPORT.findall(content))
    names = [item.name for item in items if item.name in own and encodable(plain_id(item)).encode() not in imported]
    if len({own[name] for name in names}) < 2:
        return []
    owners = defaultdict(set)
    for name in names:
        for network in networks[name]:
            owners[network].add(own[name])
    is_split = any(networks.values()) and all(len(who) < 2 for who in owners.values())
    return [] if is_split else names


def holds_code(place: Node) -> bool:
    """Whether code, or an archive that may hold some, is among the first names below."""
    return any(True for _ in _code_in(place, archives=True))


def _code_in(place: Node, *, archives: bool = False, most: int = 2_000) -> Iterator[Node]:
    """The code among the first ``most`` names below, the archives too if asked for."""
    waiting = deque([place])
    while waiting and most > 0:
        item = waiting.popleft()
        if item.kind == "file" and (is_code(item.name) or (archives and is_archive(item.name))):
            yield item
        if item.kind == "folder" and not is_junk(item.name, folder=True):
            try:
                below = item.children()
            except OSError:
                continue
            waiting.extend(below)
            most -= len(below)
