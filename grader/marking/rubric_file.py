"""``rubric.yaml`` as frozen dataclasses, or an error that names the file, the line and what is allowed.

The file is read as YAML nodes, and no objects are constructed from it. So every value keeps its line and its literal
text (``0.10`` is exact, ``5.10`` stays a question's number), and no tag in the file can run anything. Anchors and
aliases are refused, because a short file with them can stand for an endless one. The top of ``rubric.yaml`` explains
the keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader

from grader.marking.late import LateRule
from grader.marking.points import total
from grader.marking.rounding import WAYS, RoundRule
from grader.marking.rubric import Assignment, Criterion, Part, Rubric, RubricError
from grader.suggest import did_you_mean
from reference.handouts import HANDOUTS, LAYER_ORDERS

__all__ = ["CHECKS", "load"]


CHECKS = (
    "shapes",
    "parameters",
    "architecture",
    "uses-my-conv2d",
    "training",
    "device",
    "values",
    "gradients",
    "handmade",
    "code",
    "writeup",
)


def load(path: Path, *, libyaml: bool = True) -> Rubric:
    """Read and check a rubric. Raises RubricError, which reports one fault where there are several.

    ``libyaml`` makes the same nodes ten times as fast; not every build of PyYAML has it.
    """
    content = _content(path)
    try:
        lines: dict[tuple[str, str], int] = {}
        assignments = _assignments(_root(content, libyaml=libyaml), lines)
    except _Fault as fault:
        raise RubricError(f"{path.name}, line {fault.line}: {fault}") from None
    return Rubric(path, hashlib.sha256(content).hexdigest(), assignments, MappingProxyType(lines))


# The file, down to its YAML nodes.

_LARGEST = 1_000_000  # bytes; the shipped rubric has about a twentieth of that
_DEEPEST = 12  # levels of nesting; a criterion's list of needs is at the ninth
# By whether libyaml is used.
_LOADERS: Mapping[bool, Any] = {True: getattr(yaml, "CSafeLoader", yaml.SafeLoader), False: yaml.SafeLoader}
_TOO_DEEP = f"lists and mappings must be nested at most {_DEEPEST} deep: close the ones before"


class _Fault(Exception):
    """What is wrong at one line, without the file's name."""

    def __init__(self, at: Node | int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = at if isinstance(at, int) else _line(at)


def _content(path: Path) -> bytes:
    """The file's bytes."""
    try:
        if path.is_dir():
            raise RubricError(f"{path} is a folder, not a rubric: give the .yaml file in it")
        if not path.is_file():
            raise RubricError(
                f"there is no rubric at {path}: check the path, or leave it out to use the one that ships"
            )
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        reason = getattr(problem, "strerror", None) or problem
        raise RubricError(f"the rubric {path} cannot be read ({reason}): check the path and its permissions") from None
    if len(content) > _LARGEST:
        raise RubricError(f"{path.name} must have at most {_LARGEST:,} bytes, has more: is it a rubric?")
    return content


def _root(content: bytes, *, libyaml: bool) -> Node:
    """The document's root node, free of anchors, aliases, tags and deep nesting."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise _Fault(
            line, f"the file must be UTF-8, has the byte 0x{content[problem.start]:02x}: save it as UTF-8"
        ) from None
    if unprintable := Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, unprintable.start()) + 1
        raise _Fault(line, f"the file must be text, has the character {unprintable.group()!a}: take it out")
    try:
        _refuse_what_is_not_plain(text, libyaml=libyaml)
        root = yaml.compose(text, Loader=_LOADERS[libyaml])
    except (yaml.YAMLError, ValueError, OverflowError) as problem:  # the last two: numbers in escapes and directives
        mark = getattr(problem, "problem_mark", None)
        what = getattr(problem, "problem", None) or "a number in it is too large"
        if "nesting depth" in what:  # libyaml has a limit of its own, and reads ahead
            raise _Fault(mark.line + 1 if mark else 1, _TOO_DEEP) from None
        raise _Fault(
            mark.line + 1 if mark else 1, f"this is not YAML ({what}): check the indentation, the quotes and the colons"
        ) from None
    if root is None:
        raise _Fault(1, "the rubric is empty: it must have the key 'assignments'")
    return root


def _refuse_what_is_not_plain(text: str, *, libyaml: bool) -> None:
    """Check the parser's events before nodes are made of them: the file's length bounds their number."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADERS[libyaml]):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Fault(line, "anchors and aliases (& and *) are not allowed: write the values out")
        if getattr(event, "tag", None) is not None:
            raise _Fault(line, "tags (!) are not allowed: write plain values")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise _Fault(line, _TOO_DEEP)


# From nodes to values. ``what`` names the value in the error.

_ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_POINTS = re.compile(r"(0|[1-9]\d{0,3})(\.\d{1,2})?", re.ASCII)
_SHARE = re.compile(r"(0|1)(\.\d{1,6})?", re.ASCII)


def _quoted(text: str) -> str:
    shown = text if text.isprintable() else ascii(text)[1:-1]
    return f"'{shown}'" if len(shown) <= 60 else f"'{shown[:59]}…'"


def _seen(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return _quoted(node.value) if node.value.strip() else "empty"
    return "a mapping" if isinstance(node, MappingNode) else "a list"


def _nearest(name: str, allowed: Iterable[str]) -> str:
    return did_you_mean(name, allowed, otherwise="use one of these")


def _mapping(node: Node, what: str, allowed: Sequence[str] | None, required: Sequence[str] = ()) -> dict[str, Node]:
    """The entries of a mapping, each key once. With ``allowed`` None any id is a key."""
    if not isinstance(node, MappingNode):
        raise _Fault(node, f"{what} must be a mapping (key: value), was {_seen(node)}: check the indentation")
    entries: dict[str, Node] = {}
    for key, value in node.value:
        if allowed is None:
            name = _id(key, f"a key of {what}")
        elif isinstance(key, ScalarNode) and key.value in allowed:
            name = key.value
        else:
            hint = _nearest(key.value, allowed) if isinstance(key, ScalarNode) else "use one of these"
            raise _Fault(key, f"a key of {what} must be one of {', '.join(allowed)}, was {_seen(key)}: {hint}")
        if name in entries:
            raise _Fault(
                key,
                f"the key '{name}' of {what} is there twice (before in line {_line(entries[name])}): keep one of them",
            )
        entries[name] = value
    for name in required:
        if name not in entries:
            raise _Fault(node, f"{what} must have the key '{name}', has {', '.join(entries) or 'none'}: add it")
    return entries


def _line(node: Node) -> int:
    """The number of a node's first line, counted from 1."""
    return node.start_mark.line + 1 if node.start_mark else 1


def _list(node: Node, what: str, *, least: int = 0) -> list[Node]:
    if not isinstance(node, SequenceNode):
        raise _Fault(node, f"{what} must be a list, was {_seen(node)}: write [one, two], or one to a line after dashes")
    if len(node.value) < least:
        raise _Fault(node, f"{what} must be a list of at least {least}, was empty: add one")
    return list(node.value)


def _text(node: Node, what: str) -> str:
    """A line of text as it is written, with each run of white space as one space."""
    if not isinstance(node, ScalarNode) or node.tag.endswith(":null"):
        raise _Fault(node, f"{what} must be text, was {_seen(node)}: write some, in quotes if it has a colon")
    text = " ".join(node.value.split())
    if not text or not text.isprintable():
        raise _Fault(node, f"{what} must be printable text, was {_seen(node)}: write it anew")
    return text


def _id(node: Node, what: str) -> str:
    text = node.value if isinstance(node, ScalarNode) else ""
    if not _ID.fullmatch(text):
        raise _Fault(
            node,
            f"{what} must be lower-case letters and digits, joined by single . _ or -, was {_seen(node)}: rename it",
        )
    return text


def _one_of(node: Node, what: str, allowed: Sequence[str]) -> str:
    text = node.value if isinstance(node, ScalarNode) else ""
    if text not in allowed:
        raise _Fault(node, f"{what} must be one of {', '.join(allowed)}, was {_seen(node)}: {_nearest(text, allowed)}")
    return text


def _number(node: Node, what: str, pattern: re.Pattern[str], allowed: str) -> Fraction:
    plain = isinstance(node, ScalarNode) and node.tag.endswith((":int", ":float"))
    if not plain or not pattern.fullmatch(node.value):
        raise _Fault(node, f"{what} must be {allowed}, was {_seen(node)}: write a number such as 0.25")
    return Fraction(node.value)


def _points(node: Node, what: str) -> Fraction:
    return _number(node, what, _POINTS, "0 to 9999 in whole hundredths")


def _flag(node: Node | None, what: str, *, otherwise: bool = False) -> bool:
    """True or false; ``otherwise`` where the key is not there."""
    return otherwise if node is None else _one_of(node, what, ("true", "false")) == "true"


# From values to records, from the top of the file to its leaves.


def _assignments(root: Node, lines: dict[tuple[str, str], int]) -> Mapping[str, Assignment]:
    """All assignments. The line of each mistake is added to ``lines``."""
    top = _mapping(root, "the rubric", ("assignments",), ("assignments",))
    entries = _mapping(top["assignments"], "'assignments'", tuple(HANDOUTS))
    if not entries:
        raise _Fault(top["assignments"], f"'assignments' must have one of {', '.join(HANDOUTS)}, was empty: add one")
    return MappingProxyType({id: _assignment(id, node, lines) for id, node in entries.items()})


_OPTIONAL = ("mistakes", "accept", "follow_through", "late", "round", "neatness", "passing")


def _assignment(id: str, node: Node, lines: dict[tuple[str, str], int]) -> Assignment:
    keys = ("title", "code", "writeup", "layer_orders", "parts")
    entries = _mapping(node, f"assignment '{id}'", (*keys, *_OPTIONAL), keys)
    title = _text(entries["title"], "title")
    code, writeup = (
        tuple(_text(name, f"a file name of {key}") for name in _list(entries[key], key, least=1))
        for key in ("code", "writeup")
    )
    orders = tuple(
        _one_of(order, "a layer order", LAYER_ORDERS)
        for order in _list(entries["layer_orders"], "layer_orders", least=1)
    )
    if len(set(orders)) < len(orders):
        raise _Fault(
            entries["layer_orders"], f"layer_orders must name each once, was {', '.join(orders)}: take one out"
        )
    mistakes = _mapping(entries["mistakes"], "mistakes", None) if "mistakes" in entries else {}
    shares = {mistake: _share(share, mistake) for mistake, share in mistakes.items()}
    lines.update({(id, mistake): _line(share) for mistake, share in mistakes.items()})

    criteria: dict[str, Node] = {}
    parts: dict[str, Part] = {}
    for part_node in _list(entries["parts"], "parts", least=1):
        part = _part(part_node, criteria)
        if part.id in parts:
            raise _Fault(part_node, f"the part '{part.id}' is there twice: rename one of them")
        parts[part.id] = part
    late = _late(entries["late"]) if "late" in entries else None
    assignment = Assignment(
        id,
        title,
        code,
        writeup,
        orders,
        tuple(parts.values()),
        MappingProxyType(shares),
        late,
        rounding=_rounding(entries["round"]) if "round" in entries else RoundRule(),
        **{name: _percent(entries[name], name, "the maximum") for name in ("neatness", "passing") if name in entries},
        accept=_accepted(id, entries["accept"]) if "accept" in entries else (),
        follow_through=_flag(entries.get("follow_through"), "follow_through", otherwise=True),
    )
    _check_needs(assignment, criteria)
    _check_things(assignment, criteria)
    return assignment


def _accepted(assignment: str, node: Node) -> tuple[str, ...]:
    allowed = HANDOUTS[assignment].variants
    entries = _list(node, "accept")
    if entries and not allowed:
        raise _Fault(node, f"accept must be empty for '{assignment}', which has no variants: take it out")
    return tuple(dict.fromkeys(_one_of(entry, "an entry of accept", allowed) for entry in entries))


def _share(node: Node, mistake: str) -> Fraction:
    what, allowed = f"the share of mistake '{mistake}'", "0 to 1 with at most six decimals"
    share = _number(node, what, _SHARE, allowed)
    if share > 1:
        raise _Fault(node, f"{what} must be {allowed}, was {_seen(node)}: write a number such as 0.25")
    return share


def _late(node: Node) -> LateRule:
    hours, percents = ("grace_hours", "token_hours"), ("percent_a_day", "cap_percent")
    entries = _mapping(node, "late", (*hours, *percents), ("percent_a_day",))
    values = {name: _points(entries[name], name) for name in hours if name in entries}
    values |= {name: _percent(entries[name], name, "the score") for name in percents if name in entries}
    return LateRule(**values)


def _percent(node: Node, what: str, whole: str) -> Fraction:
    if (percent := _points(node, what)) > 100:
        raise _Fault(node, f"{what} must be 0 to 100, was {_seen(node)}: write percent of {whole}")
    return percent


_ROUNDING = re.compile(r"(?P<step>(0|[1-9]\d{0,3})(\.\d{1,4})?)(?: (?P<way>[a-z-]+))?", re.ASCII)


def _rounding(node: Node) -> RoundRule:
    """``0.5 up``: a step, and one of ``WAYS``, which is the first one where none is written."""
    match = _ROUNDING.fullmatch(node.value.strip()) if isinstance(node, ScalarNode) else None
    way = (match["way"] or WAYS[0]) if match else ""
    if match is None or way not in WAYS or not Fraction(match["step"]):
        raise _Fault(
            node, f"round must be a step and one of {', '.join(WAYS)}, was {_seen(node)}: write it as '0.5 up'"
        )
    return RoundRule(Fraction(match["step"]), way)


def _part(node: Node, criteria: dict[str, Node]) -> Part:
    """One part. The nodes of its criteria are added to ``criteria`` by id."""
    keys = ("id", "title", "points", "criteria")
    entries = _mapping(node, "a part", (*keys, "bonus"), keys)
    id = _id(entries["id"], "a part's id")
    title = _text(entries["title"], "title")
    points = _points(entries["points"], "points")
    bonus = _flag(entries.get("bonus"), "bonus")
    members = []
    for criterion_node in _list(entries["criteria"], "criteria", least=1):
        criterion = _criterion(criterion_node)
        if criterion.id in criteria:
            raise _Fault(
                criterion_node,
                f"the criterion '{criterion.id}' is there twice (before in line {_line(criteria[criterion.id])}): "
                "rename one of them",
            )
        criteria[criterion.id] = criterion_node
        members.append(criterion)
    criteria_points = total(member.points for member in members)
    if criteria_points != points:
        raise _Fault(
            entries["points"],
            f"points of part '{id}' must be {_decimal(criteria_points)}, which its criteria add up to, "
            f"was {_decimal(points)}: change either",
        )
    return Part(id, title, points, bonus, tuple(members))


def _decimal(points: Fraction) -> str:
    return f"{float(points):.2f}".removesuffix(".00")


def _criterion(node: Node) -> Criterion:
    common = ("id", "title", "points")
    automatic, manual = (*common, "check", "question", "needs", "hidden"), (*common, "look_for")
    entries = _mapping(node, "a criterion", (*automatic, "look_for"), common)
    id = _id(entries["id"], "a criterion's id")
    if id.startswith("manual."):
        _mapping(node, f"criterion '{id}', which a person marks,", manual, manual)
    else:
        _mapping(node, f"criterion '{id}', which a check decides,", automatic, (*common, "check"))
    return Criterion(
        id=id,
        title=_text(entries["title"], "title"),
        points=_points(entries["points"], "points"),
        check=_one_of(entries["check"], "check", CHECKS) if "check" in entries else None,
        look_for=_text(entries["look_for"], "look_for") if "look_for" in entries else "",
        needs=tuple(_id(need, "an entry of needs") for need in _needs(node)),
        hidden=_flag(entries.get("hidden"), "hidden"),
        question=_text(entries["question"], "question") if "question" in entries else "",
    )


def _needs(criterion: Node) -> list[Node]:
    """The entries of a criterion's ``needs``."""
    assert isinstance(criterion, MappingNode)
    return next((_list(value, "needs") for key, value in criterion.value if key.value == "needs"), [])


def _check_things(assignment: Assignment, nodes: Mapping[str, Node]) -> None:
    """Every check has something in this assignment to examine, which the first half of the criterion's id names."""
    for criterion in assignment.criteria:
        if criterion.check is None:
            continue
        thing = criterion.id.split(".")[0]
        allowed = _things(assignment.id, criterion.check)
        if thing not in allowed:
            raise _Fault(
                nodes[criterion.id],
                f"the check '{criterion.check}' of '{assignment.id}' examines {', '.join(allowed) or 'nothing'}, was "
                f"'{criterion.id}': {_nearest(thing, allowed) if allowed else 'take the criterion out'}",
            )


def _things(assignment: str, check: str) -> tuple[str, ...]:
    """What a check can examine in an assignment."""
    handout = HANDOUTS[assignment]
    if check in ("code", "writeup"):
        return ("files",)
    if check in ("values", "gradients", "handmade"):
        return tuple(handout.layer_things)
    return tuple(handout.things)


def _check_needs(assignment: Assignment, nodes: Mapping[str, Node]) -> None:
    """Every criterion that is needed exists, and no criterion needs itself, however indirectly."""
    for criterion in assignment.criteria:
        for need, node in zip(criterion.needs, _needs(nodes[criterion.id]), strict=True):
            if need not in nodes:
                raise _Fault(
                    node, f"needs must name criteria of '{assignment.id}', was '{need}': {_nearest(need, nodes)}"
                )
    try:
        TopologicalSorter({criterion.id: criterion.needs for criterion in assignment.criteria}).prepare()
    except CycleError as problem:
        circle: list[str] = problem.args[1]
        first_line = min(_line(_needs(nodes[id])[0]) for id in circle)
        raise _Fault(
            first_line, f"needs must not go in a circle, was {' ← '.join(circle)}: take one of them out"
        ) from None
