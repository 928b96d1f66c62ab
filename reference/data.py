"""Horses: reading them, and turning pictures into what the networks are trained on.

Axes: N images (B in a batch), 3 channels red, green, blue, H × W pixels (32 × 32), NC colours.
Sources: the handouts (pixels / 256, grey as the mean over the channels, labels by the nearest colour centre; horses are
label 7 of CIFAR-10); https://www.cs.toronto.edu/~kriz/cifar.html for the files and their checksum; the 2019 handout,
part E, for super-resolution.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from reference.colours import COLOUR_COUNTS, Centres, check_centres, cluster, nearest_colours, read_centres
from reference.pickles import DataError, PickledArray, read_pickle
from reference.shipped import shipped

__all__ = ["CIFAR_MD5", "DataError", "Examples", "Horses", "batches", "downsize_input", "load_horses", "prepare"]

CIFAR_MD5 = "c58f30108f718f92721af3b95e74349a"
"""MD5 of ``cifar-10-python.tar.gz`` as its authors publish it."""

HORSE = 7
"""CIFAR-10's label of horses."""

_FOLDER = "cifar-10-batches-py"
_TRAIN_FILES = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST_FILES = ("test_batch",)
_MOST_BATCH_BYTES = 64 * 2**20  # twice a real batch
_MOST_IMAGES = 60_000  # all of CIFAR-10

Pictures = NDArray[np.uint8]
"""Pictures as they are stored, ``(N, 3, 32, 32)``."""


@dataclass(frozen=True, eq=False)
class Horses:
    """The pictures that networks are trained and judged on."""

    train: Pictures
    """``(N, 3, 32, 32)``."""
    test: Pictures
    """``(N, 3, 32, 32)``."""
    colours: Mapping[int, Centres]
    """Number of colours (16, 24, 32) → centres ``(NC, 3)`` between 0 and 1."""
    name: str
    """What to call this data in a report."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Prepared pictures.

    Colourization learns labels (or rgb) from grey; super-resolution learns labels from blurred rgb.
    """

    rgb: Tensor
    """``(N, 3, H, W)`` of float32, 0 to 1."""
    grey: Tensor
    """``(N, 1, H, W)`` of float32, the mean over the channels."""
    labels: Tensor
    """``(N, H, W)`` of int64, number of the nearest colour."""


def prepare(images: Pictures, centres: Centres) -> Examples:
    """Pixels ``(N, 3, H, W)`` of uint8 and centres ``(NC, 3)`` to examples."""
    rgb = torch.from_numpy(images).to(torch.float32) / 256  # (N, 3, H, W)
    grey = rgb.mean(dim=1, keepdim=True)  # (N, 1, H, W)
    labels = nearest_colours(rgb, torch.from_numpy(centres))  # (N, H, W)
    return Examples(rgb=rgb, grey=grey, labels=labels)


def batches(inputs: Tensor, targets: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Consecutive batches of inputs and targets, in order; the last batch may be shorter."""
    for start in range(0, len(inputs), batch_size):
        some = slice(start, start + batch_size)
        yield inputs[some], targets[some]


def downsize_input(rgb: Tensor) -> Tensor:
    """The input of super-resolution: every 4 × 4 pixels by their mean. ``(B, 3, H, W)`` to ``(B, 3, H, W)``."""
    small = F.avg_pool2d(F.avg_pool2d(rgb, 2), 2)  # (B, 3, H/4, W/4)
    half = F.interpolate(small, scale_factor=2, mode="nearest")  # (B, 3, H/2, W/2)
    return F.interpolate(half, scale_factor=2, mode="nearest")  # (B, 3, H, W)


def load_horses(path: Path | None = None, *, archive_md5: str = CIFAR_MD5) -> Horses:
    """The horses at ``path``; None for the small set that comes with this program.

    ``path`` is CIFAR-10 as its authors hand it out (``cifar-10-python.tar.gz``, or the folder ``cifar-10-batches-py``
    or one that holds it), or an ``.npz`` file with ``train`` and ``test``, each (N, 3, 32, 32) of uint8. Colour centres
    are those in the ``.npz`` (``colours_16``, ``colours_24``, ``colours_32``), else the course's files
    ``color_kmeans<n>_cat7.npy`` beside the file or folder or in a folder ``colours`` there, else clustered from the
    training pictures. Raises DataError where something cannot be used.
    """
    if path is None:
        try:
            return _from_npz(shipped("horses.npz"), name="the small set of horses that comes with this program")
        except FileNotFoundError as exc:
            raise DataError(str(exc)) from exc
    try:
        if path.is_dir():
            return _from_folder(path)
        if not path.exists():
            raise DataError(f"{path} does not exist: give CIFAR-10's archive or folder, or an .npz file")
        if path.name.endswith((".tar.gz", ".tgz")):
            return _from_archive(path, archive_md5)
        if path.suffix == ".npz":
            return _from_npz(path, name=path.name)
    except OSError as exc:
        raise DataError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    raise DataError(f"{path} is not data this program reads: give CIFAR-10's .tar.gz or folder, or an .npz file")


# .npz -----------------------------------------------------------------------------------------------------------------


def _from_npz(path: Path, *, name: str) -> Horses:
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            for split in ("train", "test"):
                if f"{split}.npy" not in members:
                    raise DataError(
                        f"{path} has no array '{split}': it needs 'train' and 'test', (N, 3, 32, 32) of uint8"
                    )
            train, test = (_pictures(_npy(archive, split, path), f"{path}, '{split}',") for split in ("train", "test"))
            stored = {
                count: check_centres(_npy(archive, f"colours_{count}", path), f"{path}, 'colours_{count}',")
                for count in COLOUR_COUNTS
                if f"colours_{count}.npy" in members
            }
    except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
        raise DataError(f"{path} is not an .npz file, or a damaged one: {exc}") from exc
    return Horses(train=train, test=test, colours=_all_centres(stored, path.parent, train), name=name)


def _npy(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    """One array of an ``.npz``, bounded before it is read."""
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > _MOST_IMAGES * 3 * 32 * 32 + 4096:  # 4096 for the header
        raise DataError(
            f"{path}, '{name}', has {member.file_size:,} bytes: at most {_MOST_IMAGES:,} pictures are allowed"
        )
    try:
        return cast(NDArray[Any], np.load(io.BytesIO(archive.read(member)), allow_pickle=False))
    except (ValueError, EOFError, NotImplementedError, RuntimeError, OverflowError, MemoryError) as exc:
        raise DataError(f"{path}, '{name}', is not an array of plain numbers, or a damaged one") from exc


def _pictures(array: NDArray[Any], where: str) -> Pictures:
    if array.ndim != 4 or array.shape[1:] != (3, 32, 32) or array.dtype != np.uint8 or len(array) == 0:
        raise DataError(f"{where} is {array.dtype} of shape {array.shape}: expected uint8 of shape (N, 3, 32, 32)")
    return np.ascontiguousarray(array)


# CIFAR-10 as its authors hand it out ----------------------------------------------------------------------------------


def _from_folder(path: Path) -> Horses:
    folder = path / _FOLDER if (path / _FOLDER).is_dir() else path
    splits = []
    for names in (_TRAIN_FILES, _TEST_FILES):
        horses = []
        for name in names:
            place = folder / name
            if not place.is_file():
                raise DataError(f"{folder} has no {name}: expected CIFAR-10's {_FOLDER} with {', '.join(_TRAIN_FILES)} "
                                f"and test_batch")  # fmt: skip
            with place.open("rb") as file:
                horses.append(_horses_of_batch(file, place.stat().st_size, str(place)))
        splits.append(np.concatenate(horses))
    train, test = splits
    return Horses(train=train, test=test, colours=_all_centres({}, folder.parent, train), name=folder.name)


def _from_archive(path: Path, expected_md5: str) -> Horses:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(2**20), b""):
            digest.update(piece)
    if digest.hexdigest() != expected_md5:
        raise DataError(f"{path} is not CIFAR-10's archive or was cut short: the expected MD5 is {expected_md5}, the "
                        f"actual one {digest.hexdigest()}; download it again")  # fmt: skip

    pictures: dict[str, Pictures] = {}
    try:
        # Read front to back, once: going back in a gzip file means unpacking it again.
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix(f"{_FOLDER}/")
                if name in (*_TRAIN_FILES, *_TEST_FILES) and (file_in := archive.extractfile(member)) is not None:
                    pictures[name] = _horses_of_batch(cast(BinaryIO, file_in), member.size, f"{path}, {member.name},")
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as exc:
        raise DataError(f"{path} is not a .tar.gz file, or a damaged one: {exc}") from exc
    missing = [name for name in (*_TRAIN_FILES, *_TEST_FILES) if name not in pictures]
    if missing:
        raise DataError(f"{path} has no {_FOLDER}/{missing[0]}: download CIFAR-10's archive again")
    train = np.concatenate([pictures[name] for name in _TRAIN_FILES])
    test = np.concatenate([pictures[name] for name in _TEST_FILES])
    return Horses(train=train, test=test, colours=_all_centres({}, path.parent, train), name=path.name)


def _horses_of_batch(file: BinaryIO, size: int, where: str) -> Pictures:
    """The pictures labelled horse in one of CIFAR-10's batches: ``(N, 3, 32, 32)``."""
    if size > _MOST_BATCH_BYTES:
        raise DataError(f"{where} has {size:,} bytes, and a batch of CIFAR-10 at most {_MOST_BATCH_BYTES:,}")
    batch = read_pickle(file, where)
    if not isinstance(batch, dict):
        raise DataError(
            f"{where} holds a {type(batch).__name__}: a batch of CIFAR-10 is a dict with 'data' and 'labels'"
        )
    # Keys are bytes in a pickle of Python 2, and strings in one of Python 3.
    entries = {key.decode("latin-1") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    data, labels = entries.get("data"), entries.get("labels")
    if not isinstance(data, PickledArray) or not isinstance(labels, list):
        raise DataError(f"{where} has no array 'data' or no list 'labels': it is not a batch of CIFAR-10")
    pixels = data.numbers(f"{where}, 'data',")
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3 * 32 * 32):
        raise DataError(f"{where} has 'data' of {pixels.dtype} and shape {pixels.shape}: expected uint8 and "
                        f"({len(labels)}, 3072), a row for each label")  # fmt: skip
    horses = pixels[[label == HORSE for label in labels]]
    if len(horses) == 0:
        raise DataError(f"{where} has no picture with label {HORSE}, horse")
    return horses.reshape(-1, 3, 32, 32)


# Colour centres -------------------------------------------------------------------------------------------------------


def _all_centres(stored: Mapping[int, Centres], folder: Path, train: Pictures) -> dict[int, Centres]:
    """Centres for every palette: those stored with the pictures, else the course's files, else clusters of our own."""
    centres = dict(stored)
    for count in COLOUR_COUNTS:
        if count not in centres:
            files = [
                place / f"color_kmeans{count}_cat7.npy" for place in (folder, folder / "colours", folder / "colors")
            ]
            file = next((file for file in files if file.is_file()), None)
            centres[count] = cluster(sample_pixels(train), count) if file is None else read_centres(file)
        if len(centres[count]) != count:
            raise DataError(f"the palette of {count} colours in {folder} has {len(centres[count])}")
    return centres


def sample_pixels(images: Pictures, most: int = 20_000) -> NDArray[np.float64]:
    """At most ``most`` pixels of ``images``, evenly spread, 0 to 1: ``(N, 3, H, W)`` to ``(P, 3)``."""
    pixels = images.transpose(0, 2, 3, 1).reshape(-1, 3)  # (N·H·W, 3)
    return pixels[:: max(1, len(pixels) // most)][:most] / 256.0
