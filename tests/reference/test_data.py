"""Reading horses, the small set among them, and preparing them for the networks."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from old_pickles import ROW, assert_one_sentence, old_batch, old_colours

from fixtures.data import make_horses
from reference.colours import COLOUR_COUNTS, cluster
from reference.data import (
    CIFAR_MD5,
    DataError,
    batches,
    downsize_input,
    load_horses,
    prepare,
    sample_pixels,
)
from reference.shipped import shipped

BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


@pytest.fixture
def pixels() -> dict[str, np.ndarray]:
    random = np.random.RandomState(7)
    return {name: random.randint(0, 256, (6, 3072)).astype(np.uint8) for name in BATCHES}


LABELS = [7, 0, 7, 3, 7, 9]


@pytest.fixture
def cifar(tmp_path, pixels) -> Path:
    """A small ``cifar-10-batches-py``, with the course's colour files beside it."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for count in COLOUR_COUNTS:
        centres = np.random.RandomState(count).rand(count, 3)
        (tmp_path / f"color_kmeans{count}_cat7.npy").write_bytes(old_colours(centres))
    for name in BATCHES:
        (folder / name).write_bytes(old_batch(pixels[name], LABELS))
    return folder


@pytest.fixture
def archive(tmp_path, cifar) -> tuple[Path, str]:
    """The same as an archive, and its MD5."""
    path = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        file.add(cifar, arcname=cifar.name)
    return path, hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def expected_horses(pixels: dict[str, np.ndarray], names: list[str]) -> np.ndarray:
    """Rows 0, 2 and 4 of each batch: red, green, blue planes of 32 × 32, row by row."""
    return np.stack([pixels[name][row].reshape(3, 32, 32) for name in names for row in (0, 2, 4)])


def test_horses_are_read_from_the_folder_of_cifar10(cifar, pixels):
    horses = load_horses(cifar)
    assert np.array_equal(horses.train, expected_horses(pixels, BATCHES[:5]))
    assert np.array_equal(horses.test, expected_horses(pixels, BATCHES[5:]))
    assert horses.train.dtype == np.uint8
    assert np.array_equal(horses.colours[24], np.random.RandomState(24).rand(24, 3))
    assert horses.name == "cifar-10-batches-py"


def test_the_folder_that_holds_the_folder_will_do(cifar):
    assert np.array_equal(load_horses(cifar.parent).train, load_horses(cifar).train)


def test_horses_are_read_from_the_archive_of_cifar10(archive, pixels):
    path, md5 = archive
    horses = load_horses(path, archive_md5=md5)
    assert np.array_equal(horses.train, expected_horses(pixels, BATCHES[:5]))
    assert np.array_equal(horses.test, expected_horses(pixels, BATCHES[5:]))


def test_an_archive_other_than_cifar10s_names_both_checksums(archive):
    path, md5 = archive
    with pytest.raises(DataError) as error:
        load_horses(path)
    assert f"expected MD5 is {CIFAR_MD5}" in str(error.value)
    assert f"actual one {md5}" in str(error.value)


def test_a_batch_that_python_3_pickled_is_read_too(cifar, pixels):
    for name in BATCHES:
        batch = {"labels": LABELS, "data": np.asfortranarray(pixels[name])}
        (cifar / name).write_bytes(pickle.dumps(batch, protocol=4))
    assert np.array_equal(load_horses(cifar).train, expected_horses(pixels, BATCHES[:5]))


def save_npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


PICTURES = np.random.RandomState(8).randint(0, 256, (4, 3, 32, 32)).astype(np.uint8)


def test_horses_are_read_from_an_npz(tmp_path):
    horses = load_horses(save_npz(tmp_path / "mine.npz", train=PICTURES, test=PICTURES[:1]))
    assert np.array_equal(horses.train, PICTURES)
    assert np.array_equal(horses.test, PICTURES[:1])
    assert horses.name == "mine.npz"


# Colour centres -------------------------------------------------------------------------------------------------------


def test_centres_in_the_npz_come_before_the_courses_files_and_those_before_our_own_clusters(tmp_path):
    random = np.random.RandomState(9)
    own, beside, in_folder = random.rand(16, 3), random.rand(24, 3), random.rand(16, 3)
    (tmp_path / "colours").mkdir()
    (tmp_path / "color_kmeans24_cat7.npy").write_bytes(old_colours(beside))
    (tmp_path / "colours" / "color_kmeans16_cat7.npy").write_bytes(old_colours(in_folder))
    data = save_npz(tmp_path / "mine.npz", train=PICTURES, test=PICTURES, colours_16=own)
    colours = load_horses(data).colours
    assert np.array_equal(colours[16], own)
    assert np.array_equal(colours[24], beside)
    assert np.array_equal(colours[32], cluster(sample_pixels(PICTURES), 32))


# Preparing ------------------------------------------------------------------------------------------------------------

images = arrays(np.uint8, st.tuples(st.integers(1, 20), st.just(3), st.integers(1, 4), st.integers(1, 4)))
palettes = arrays(np.float64, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(0, 1, width=16))


@given(images, palettes)
@settings(max_examples=50)
def test_a_pixels_label_is_the_first_of_its_nearest_colours(images, palette):
    examples = prepare(images, palette)
    rgb = images / 256  # exact: a fraction with denominator 256
    # Palettes of width 16 and pixels of 8 bits: their squared distances need up to 50 bits, float32 keeps 24.
    distances = ((rgb[:, None] - palette[None, :, :, None, None]) ** 2).sum(axis=2)
    chosen = np.take_along_axis(distances, examples.labels.numpy()[:, None], axis=1)[:, 0]
    assert (chosen - distances.min(axis=1) <= 8 * np.finfo(np.float32).eps).all()


@given(images)
def test_pixels_are_divided_by_256_and_grey_is_the_mean_over_the_channels(images):
    examples = prepare(images, np.zeros((1, 3)))
    assert examples.rgb.dtype == examples.grey.dtype == torch.float32
    assert examples.labels.dtype == torch.int64
    assert np.array_equal(examples.rgb.numpy() * 256, images)
    expected = images.astype(np.float64).mean(axis=1, keepdims=True) / 256
    # Three numbers below 1, added and divided in float32.
    assert (abs(examples.grey.numpy() - expected) <= 3 * np.finfo(np.float32).eps).all()


@given(st.integers(1, 40), st.integers(1, 12))
def test_batches_are_consecutive_and_lose_nothing(count, batch_size):
    inputs, targets = torch.arange(count), torch.arange(count) * 2
    pairs = list(batches(inputs, targets, batch_size))
    assert torch.equal(torch.cat([some for some, _ in pairs]), inputs)
    assert torch.equal(torch.cat([some for _, some in pairs]), targets)
    assert all(len(some) == batch_size for some, _ in pairs[:-1])


def test_super_resolution_starts_from_means_of_four_by_four_pixels():
    rgb = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    means = rgb.reshape(2, 3, 8, 4, 8, 4).mean(dim=(3, 5))
    expected = means.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    torch.testing.assert_close(downsize_input(rgb), expected, rtol=0, atol=1e-12)


# What cannot be used --------------------------------------------------------------------------------------------------


def npz_with(**replaced):
    return lambda path: np.savez(path, **{"train": PICTURES, "test": PICTURES, **replaced})


def npz_of(content: bytes):
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("train.npy", content)
            file.writestr("test.npy", content)

    return write


def header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


# name of the file, what writes it, words of the sentence
BAD_FILES = {
    "absent": ("horses.npz", lambda path: None, "does not exist"),
    "another kind": ("horses.png", lambda path: path.write_bytes(b"x"), "not data this program reads"),
    "not a zip": ("horses.npz", lambda path: path.write_bytes(b"x" * 100), "not an .npz file"),
    "empty": ("horses.npz", lambda path: path.write_bytes(b""), "not an .npz file"),
    "no test pictures": ("horses.npz", lambda path: np.savez(path, train=PICTURES), "no array 'test'"),
    "floats": ("horses.npz", npz_with(train=PICTURES / 256), "float64 of shape"),
    "channels last": ("horses.npz", npz_with(test=PICTURES.transpose(0, 2, 3, 1)), "shape (4, 32, 32, 3)"),
    "no pictures": ("horses.npz", npz_with(train=PICTURES[:0]), "shape (0, 3, 32, 32)"),
    "objects": ("horses.npz", npz_with(train=np.array([{}, None], dtype=object)), "not an array of plain numbers"),
    "not an array": ("horses.npz", npz_of(b"hello"), "not an array of plain numbers"),
    "nothing in it": ("horses.npz", npz_of(b""), "not an array of plain numbers"),
    "cut short": ("horses.npz", npz_of(header((9, 3, 32, 32)) + b"123"), "not an array of plain numbers"),
    "boasting": ("horses.npz", npz_of(header((10**15, 3, 32, 32))), "not an array of plain numbers"),
    "colours of 255": ("horses.npz", npz_with(colours_16=np.full((16, 3), 255.0)), "outside 0 to 1"),
    "colours not a number": ("horses.npz", npz_with(colours_16=np.full((16, 3), np.nan)), "outside 0 to 1"),
    "colours of another shape": ("horses.npz", npz_with(colours_16=np.zeros((3, 16))), "shape (3, 16)"),
    "another number of colours": ("horses.npz", npz_with(colours_16=np.zeros((15, 3))), "palette of 16 colours"),
    "no batches": ("folder", lambda path: path.mkdir(), "has no data_batch_1"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_data_is_refused_in_one_sentence(case, tmp_path):
    name, write, words = BAD_FILES[case]
    write(tmp_path / name)
    with pytest.raises(DataError) as error:
        load_horses(tmp_path / name)
    assert_one_sentence(error, str(tmp_path), words)


class Evil:
    """Pickled, a call of ``open``, which would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


BAD_BATCHES = {
    "empty": (b"", "damaged pickle"),
    "not a pickle": (b"hello", "pickle"),
    "cut short": (old_batch(ROW, [7])[:-20], "pickle"),
    "not a dict": (pickle.dumps([1], protocol=2), "holds a list"),
    "no data": (pickle.dumps({"labels": [7]}, protocol=2), "no array 'data'"),
    "no horses": (old_batch(ROW, [3]), "no picture with label 7"),
    "labels too many": (old_batch(ROW, [7, 7]), "(2, 3072)"),
    "floats": (old_batch(ROW.astype(np.float32), [7]), "float32"),
    "objects": (pickle.dumps({"labels": [7], "data": np.array([{}], dtype=object)}, protocol=4), "array of 'O8'"),
    "shape too large": (
        old_batch(ROW, [7]).replace(struct.pack("<i", 3072), struct.pack("<i", 3073), 1),
        "3073 numbers",
    ),
    "a state for a name": (b"\x80\x02cnumpy\nndarray\n}b.", "damaged pickle"),
    "another function": (b"\x80\x02cos\nsystem\n(U\x04truetR.", "os.system"),
    "a name of numpy's in another module": (b"\x80\x02cmine\nndarray\n)R.", "mine.ndarray"),
    "a function of numpy": (b"\x80\x02cnumpy\nload\n(U\x04truetR.", "numpy.load"),
}


@pytest.mark.parametrize("case", BAD_BATCHES)
def test_a_bad_batch_is_refused_in_one_sentence(case, cifar):
    content, words = BAD_BATCHES[case]
    (cifar / "data_batch_3").write_bytes(content)
    with pytest.raises(DataError) as error:
        load_horses(cifar)
    assert_one_sentence(error, "data_batch_3", words)


def test_a_batch_missing_from_the_folder_is_named(cifar):
    (cifar / "test_batch").unlink()
    with pytest.raises(DataError) as error:
        load_horses(cifar)
    assert_one_sentence(error, "has no test_batch")


@pytest.mark.parametrize("damage", ["a batch missing", "not gzip", "cut short"])
def test_a_bad_archive_is_refused_in_one_sentence(damage, cifar, tmp_path):
    path = tmp_path / "cifar.tar.gz"
    if damage == "a batch missing":
        (cifar / "data_batch_5").unlink()
    with tarfile.open(path, "w:gz") as file:
        file.add(cifar, arcname=cifar.name)
    content = {"a batch missing": path.read_bytes(), "not gzip": b"hello", "cut short": path.read_bytes()[:2000]}[
        damage
    ]
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        load_horses(path, archive_md5=hashlib.md5(content, usedforsecurity=False).hexdigest())
    assert_one_sentence(error, "data_batch_5" if damage == "a batch missing" else "damaged")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_that_a_pickle_names_is_ever_called(protocol, cifar, tmp_path):
    trace = tmp_path / "trace"
    evil = pickle.dumps({"labels": [7], "data": Evil(trace)}, protocol=protocol)
    (cifar / "data_batch_1").write_bytes(evil)
    with pytest.raises(DataError, match=r"open, and only numpy arrays are allowed"):
        load_horses(cifar)
    assert not trace.exists()


# The small set --------------------------------------------------------------------------------------------------------


def test_the_small_set_is_what_loads_when_nothing_is_asked_for():
    horses = load_horses()
    assert horses.train.shape == (200, 3, 32, 32)
    assert horses.test.shape == (40, 3, 32, 32)
    assert {count: centres.shape for count, centres in horses.colours.items()} == {
        16: (16, 3),
        24: (24, 3),
        32: (32, 3),
    }
    assert shipped("horses.npz").stat().st_size <= 10**6


def test_the_small_set_uses_every_colour_of_its_palettes():
    horses = load_horses()
    for count, centres in horses.colours.items():
        labels = prepare(horses.train, centres).labels
        assert len(labels.unique()) == count


@pytest.mark.slow
def test_the_small_set_is_what_its_program_draws():
    drawn, stored = make_horses.draw_all(), load_horses()
    # Machines round sines and roots differently in the last bit, which can tip a pixel over by one level.
    for split in ("train", "test"):
        assert np.abs(drawn[split].astype(int) - getattr(stored, split)).max() <= 1
    for count in COLOUR_COUNTS:
        np.testing.assert_allclose(drawn[f"colours_{count}"], stored.colours[count], rtol=0, atol=1 / 256)


def test_another_seed_draws_other_pictures():
    random, other = np.random.RandomState(1), np.random.RandomState(2)
    assert not np.array_equal(make_horses.draw(random), make_horses.draw(other))
