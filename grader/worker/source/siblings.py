"""Which file of a submission an import means that names it otherwise: by the handout's name, for example.

Students are told to hand in ``colorization-<netid>.py``, and platforms rename files (``models (1).py``,
``alice_12345_models.py``). An import in a second file still says ``colorization``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib.machinery import PathFinder

__all__ = ["is_installed", "is_public", "meant", "sibling"]


_PUBLIC = frozenset(
    {"matplotlib", "torchsummary", "torchinfo", "torchvision", "torchaudio", "wandb", "tensorboard", "tensorboardX"}
    | {"sklearn", "scipy", "cv2", "PIL", "google", "IPython", "tqdm", "pandas", "seaborn", "six", "imageio", "skimage"}
    | {"numpy", "torchviz", "graphviz", "pytorch_lightning", "lightning", "fire", "requests", "cPickle", "urllib2"}
    | {"tensorflow", "keras", "ipywidgets", "plotly", "h5py", "yaml", "kornia", "albumentations", "einops", "torchtext"}
)
"""Modules of others that submissions import, whether they are installed here or not."""
_WORD = re.compile(r"[a-z]+|[0-9]+")


def is_public(module: str) -> bool:
    """Whether it is a well-known module of others."""
    return module.partition(".")[0] in _PUBLIC


@cache
def is_installed(module: str) -> bool:
    """Whether the module, or what it lies in, can be imported here; nothing is imported."""
    # On the path alone: a submission that was loaded here has a finder of its own, which finds its files.
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or PathFinder.find_spec(top) is not None


def sibling(module: str, stems: Iterable[str]) -> str | None:
    """The one of the files' names that contains the module's as whole words, with the fewest others; None if none does.

    Case and the two spellings of *colour* do not matter.
    """
    wanted = _words(module)
    if not wanted or is_public(module) or is_installed(module):
        return None
    fitting = [stem for stem in stems if _contains(_words(stem), wanted)]
    return min(fitting, key=lambda stem: (len(_words(stem)), stem), default=None)


def meant(modules: Iterable[str], stems: Iterable[str]) -> dict[str, str]:
    """For each imported module that has the name of no file, by its last part, the file that is meant."""
    names = sorted(set(stems))
    last = {module.rpartition(".")[2] for module in modules} - {*names, ""}
    found = {name: sibling(name, names) for name in sorted(last)}
    return {name: stem for name, stem in found.items() if stem is not None}


@cache
def _words(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(name.lower().replace("colour", "color")))


def _contains(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))
