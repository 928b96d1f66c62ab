"""Old and conventional names that something installed here is exactly equivalent to.

Sources: PEP 3108 and the release notes of Python 3 for names that moved or went, and the documentation of six, tqdm and
``torch._six``.
"""

from __future__ import annotations

import collections.abc
import importlib
from dataclasses import dataclass
from typing import Any

__all__ = ["Known", "conventional", "equivalent"]


_EQUIVALENTS = {
    "cPickle": "pickle",
    "Queue": "queue",
    "ConfigParser": "configparser",
    "StringIO": "io",
    "cStringIO": "io",
    "urllib2": "urllib.request",
    "urlparse": "urllib.parse",
    "__builtin__": "builtins",
    "itertools.izip": "builtins.zip",
    "itertools.imap": "builtins.map",
    "itertools.ifilter": "builtins.filter",
    "itertools.izip_longest": "itertools.zip_longest",
    "fractions.gcd": "math.gcd",
    "time.clock": "time.perf_counter",
    "string.letters": "string.ascii_letters",
    "string.lowercase": "string.ascii_lowercase",
    "string.uppercase": "string.ascii_uppercase",
    "inspect.getargspec": "inspect.getfullargspec",
    "urllib.urlretrieve": "urllib.request.urlretrieve",
    "urllib.urlopen": "urllib.request.urlopen",
    "urllib.urlencode": "urllib.parse.urlencode",
    "urllib.quote": "urllib.parse.quote",
    "os.getcwdu": "os.getcwd",
    "six.moves.range": "builtins.range",
    "six.moves.xrange": "builtins.range",
    "six.moves.zip": "builtins.zip",
    "six.moves.map": "builtins.map",
    "six.moves.filter": "builtins.filter",
    "six.moves.input": "builtins.input",
    "six.moves.reduce": "functools.reduce",
    "six.moves.reload_module": "importlib.reload",
    "six.moves.zip_longest": "itertools.zip_longest",
    "six.moves.cPickle": "pickle",
    "six.moves.builtins": "builtins",
    "six.moves.queue": "queue",
    "six.moves.configparser": "configparser",
    "six.moves.urllib": "urllib",
    "six.moves.urllib.request": "urllib.request",
    "six.moves.urllib.parse": "urllib.parse",
    "six.moves.urllib.error": "urllib.error",
    "past.builtins.range": "builtins.range",
    "past.builtins.xrange": "builtins.range",
    "torch._six.inf": "math.inf",
    "torch._six.container_abcs": "collections.abc",
    **{f"collections.{name}": f"collections.abc.{name}" for name in collections.abc.__all__},
}
"""Old name → the modern name of exactly the same."""


def _unchanged(iterable: Any = (), *arguments: Any, **keywords: Any) -> Any:
    return iterable


_VALUES: dict[str, Any] = {
    "six.PY2": False,
    "six.PY3": True,
    "six.string_types": (str,),
    "six.text_type": str,
    "six.integer_types": (int,),
    "six.iteritems": lambda mapping: iter(mapping.items()),
    "six.iterkeys": lambda mapping: iter(mapping.keys()),
    "six.itervalues": lambda mapping: iter(mapping.values()),
    "torch._six.string_classes": (str, bytes),
    "torch._six.int_classes": (int,),
    # A progress bar around a loop must not empty the loop.
    "tqdm.tqdm": _unchanged,
    "tqdm.trange": lambda *arguments, **keywords: range(*arguments),
    "tqdm.tqdm_notebook": _unchanged,
    "tqdm.auto.tqdm": _unchanged,
    "tqdm.notebook.tqdm": _unchanged,
    "tqdm.autonotebook.tqdm": _unchanged,
}
"""Old name → what it was, where nothing has it any more."""


_CONVENTIONS = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "Variable": "torch.autograd.Variable",
    "Parameter": "torch.nn.Parameter",
    "np": "numpy",
    "numpy": "numpy",
    "npr": "numpy.random",
    "math": "math",
    **{name: name for name in ("os", "sys", "time", "random", "copy", "pickle", "itertools", "functools", "argparse")},
}
"""What everybody calls them in these assignments → the full name."""


@dataclass(frozen=True)
class Known:
    """That there is such an object."""

    value: Any
    """The object itself; it may be None or False."""


def equivalent(name: str) -> Known | None:
    """What is exactly the same today as the dotted ``name`` was; None if nothing is."""
    if name in _VALUES:
        return Known(_VALUES[name])
    modern = _EQUIVALENTS.get(name)
    return None if modern is None else Known(_object_named(modern))


def conventional(name: str) -> Known | None:
    """What everybody calls ``name`` (``nn``, ``F``, ``np``), for a star import from a module that is absent."""
    full = _CONVENTIONS.get(name)
    return None if full is None else Known(_object_named(full))


def _object_named(full: str) -> Any:
    """The module of that name, or the attribute of a module."""
    try:
        return importlib.import_module(full)
    except ImportError:
        module, _, attribute = full.rpartition(".")
        return getattr(importlib.import_module(module), attribute)
