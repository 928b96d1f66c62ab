"""Which file of a submission an import means that names it otherwise: by the handout's name, for example.

Students are told to hand in ``colorization-<netid>.py``, and platforms rename files (``models (1).py``,
``alice_12345_models.py``). An import in a second file still says ``colorization``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache
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


@lru_cache(maxsize=2_000)
def is_installed(module: str) -> bool:
    """Whether the module, or what it lies in, can be imported here; nothing is imported."""
    # On the path alone: a submission that was loaded here has a finder of its own, which finds its files.
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or PathFinder.find_spec(top) is not None


def sibling(module: str, stems: Iterable[str]) -> str | None:
    """The one of the files' names that contains the module's as whole words, with the fewest others; None if none does.

    Case and the two spellings of *colour* do not matter.
    """
    return _Stems(stems).fitting(module)


def meant(modules: Iterable[str], stems: Iterable[str]) -> dict[str, str]:
    """For each imported module that has the name of no file, by its last part, the file that is meant."""
    files = _Stems(stems)
    last = {module.rpartition(".")[2] for module in modules} - {*files.names, ""}
    found = {name: files.fitting(name) for name in sorted(last)[:_MOST_MODULES]}
    return {name: stem for name, stem in found.items() if stem is not None}


_MOST_MODULES = 2_000
"""Modules that are held against files; a submission that imports more is made to take time."""
_MOST_STEMS = 100
"""Files that a module is held against; a word that more of them have says nothing."""


class _Stems:
    """Names of files, by the words in them."""

    def __init__(self, stems: Iterable[str]) -> None:
        self.names = frozenset(stems)
        self._words = {stem: _words(stem) for stem in self.names}
        self._with: dict[str, list[str]] = {}
        for stem, words in self._words.items():
            for word in set(words):
                self._with.setdefault(word, []).append(stem)

    def fitting(self, module: str) -> str | None:
        """As ``sibling``."""
        wanted = _words(module)
        stems = self._with.get(wanted[0], ()) if wanted else ()
        if len(stems) > _MOST_STEMS:
            return None
        fitting = [stem for stem in stems if _contains(self._words[stem], wanted)]
        if not fitting or is_public(module) or is_installed(module):
            return None
        return min(fitting, key=lambda stem: (len(self._words[stem]), stem))


_LONGEST_NAME = 200
"""Characters of a name in which words are looked for."""
_MOST_WORDS = 20


def _words(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(name[:_LONGEST_NAME].lower().replace("colour", "color"))[:_MOST_WORDS])


def _contains(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))
