"""The palette: the colour of a pixel is the nearest of 16, 24 or 32 centres in RGB.

Axes: B images, NC colours, H × W pixels; colours and pixels are red, green, blue between 0 and 1.
Sources: the handouts, part B (k-means over the pixels of the training pictures; distance in RGB space); Arthur and
Vassilvitskii, "k-means++", 2007, for the first centres.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reference.pickles import DataError, PickledArray, read_pickle

__all__ = ["COLOUR_COUNTS", "Centres", "check_centres", "cluster", "nearest_colours", "read_centres"]

COLOUR_COUNTS = (16, 24, 32)
"""The sizes of palette that the course hands out."""

Centres = NDArray[np.float64]
"""Colour centres, ``(NC, 3)``."""

_IMAGES_AT_ONCE = 16


def nearest_colours(rgb: Tensor, centres: Tensor) -> Tensor:
    """The number of the nearest centre for every pixel: ``(B, 3, H, W)`` and ``(NC, 3)`` to ``(B, H, W)`` of int64.

    Nearest by squared distance in RGB; between equally near ones the first. Extra memory does not grow with B.
    """
    palette = centres.to(rgb)[None, :, :, None, None]  # (1, NC, 3, 1, 1)
    labels = torch.empty(rgb.shape[0], *rgb.shape[2:], dtype=torch.int64, device=rgb.device)  # (B, H, W)
    for start in range(0, rgb.shape[0], _IMAGES_AT_ONCE):
        some = slice(start, start + _IMAGES_AT_ONCE)
        distances = (rgb[some, None] - palette).square().sum(dim=2)  # (b, NC, H, W)
        labels[some] = distances.argmin(dim=1)
    return labels


def read_centres(path: Path) -> Centres:
    """The centres in one of the course's ``.npy`` files: ``(NC, 3)``.

    The course's files are arrays of objects, pickled, whose element 0 holds the centres; a plain array is read too.
    Raises DataError.
    """
    try:
        with path.open("rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                _, _, dtype = read_header[version](file)
            except (ValueError, KeyError) as exc:
                raise DataError(f"{path} is not a .npy file: download the course's colour file again") from exc
            if dtype.hasobject:
                pickled = read_pickle(file, str(path))
                if not isinstance(pickled, PickledArray):
                    raise DataError(f"{path} holds a {type(pickled).__name__}, where an array of objects is expected")
                centres = pickled.first(str(path)).numbers(f"{path}, element 0,")
            else:
                file.seek(0)
                try:
                    centres = np.load(file, allow_pickle=False)
                except ValueError as exc:
                    raise DataError(f"{path} is cut short or damaged: download it again") from exc
    except OSError as exc:
        raise DataError(f"{path} cannot be read: {exc.strerror}") from exc
    return check_centres(centres, str(path))


def check_centres(centres: NDArray[Any], where: str) -> Centres:
    """``centres`` as ``(NC, 3)`` of float64. Raises DataError, which begins with ``where``."""
    if centres.ndim != 2 or centres.shape[1] != 3 or len(centres) == 0 or centres.dtype.kind not in "fiu":
        raise DataError(
            f"{where} holds {centres.dtype} of shape {centres.shape}: colour centres are (colours, 3) numbers"
        )
    if not bool(np.all((centres >= 0) & (centres <= 1))):
        raise DataError(f"{where} holds colours outside 0 to 1: divide pixels by 256")
    return centres.astype(np.float64)


def cluster(pixels: NDArray[np.float64], num_colours: int, *, seed: int = 0, rounds: int = 40) -> Centres:
    """k-means over ``pixels`` ``(P, 3)``: ``num_colours`` centres ``(NC, 3)``, the commonest first.

    The same for the same pixels and seed. Raises DataError where the pixels have too few different colours.
    """
    different = len(np.unique(pixels, axis=0))
    if different < num_colours:
        raise DataError(
            f"{num_colours} colour centres need as many different colours, and the pictures have {different}"
        )

    # k-means++: each first centre is a pixel drawn with a chance that grows with its distance from those before it.
    # RandomState, because numpy promises that its numbers never change.
    random = np.random.RandomState(seed)
    centres = np.empty((num_colours, 3))
    centres[0] = pixels[random.randint(len(pixels))]
    distance = np.square(pixels - centres[0]).sum(axis=1)  # (P,)
    for number in range(1, num_colours):
        chances = np.cumsum(distance)
        centres[number] = pixels[np.searchsorted(chances, random.random_sample() * chances[-1], side="right")]
        distance = np.minimum(distance, np.square(pixels - centres[number]).sum(axis=1))

    members = np.full(len(pixels), -1)
    for _ in range(rounds):
        distances = np.stack([np.square(pixels - centre).sum(axis=1) for centre in centres])  # (NC, P)
        before, members = members, distances.argmin(axis=0)
        if np.array_equal(before, members):
            break
        for number in range(num_colours):
            own = pixels[members == number]
            # A centre that lost all its pixels starts again at the pixel that is farthest from its centre.
            centres[number] = own.mean(axis=0) if len(own) else pixels[distances.min(axis=0).argmax()]
    counts = np.bincount(members, minlength=num_colours)
    return centres[np.argsort(-counts, kind="stable")]
