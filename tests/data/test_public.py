"""The public datasets, on tiny files in their true formats."""

import gzip
import pickle
import shutil
import struct
from dataclasses import replace
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

from sslcore.data import Split, dataset_cards, load
from sslcore.data.public import SOURCES
from sslcore.errors import UserError

RNG = np.random.default_rng(0)


def ask(name, cache):
    """Load what is there, after checking that its card calls it available."""
    assert {card.id: card for card in dataset_cards()}[name].is_available(cache)
    return load(name, cache=cache)


def test_cifar10_is_read_from_its_batches(tmp_path, monkeypatch):
    folder, pixels = tmp_path / "public" / "cifar-10-batches-py", {}
    folder.mkdir(parents=True)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        pixels[name] = RNG.integers(0, 256, (10, 3072), dtype=np.uint8)
        (folder / name).write_bytes(pickle.dumps({"data": pixels[name], "labels": list(range(10))}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [(f"data_batch_{i}", None) for i in range(1, 6)])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [("test_batch", None)])
    monkeypatch.setattr(datasets.CIFAR10, "meta", {**datasets.CIFAR10.meta, "md5": None})
    data = ask("cifar10", tmp_path)
    assert data.classes == tuple("abcdefghij")
    assert (len(data.train), len(data.test)) == (50, 10)
    # A row of the file is 1,024 red, then green, then blue values.
    assert torch.equal(data.test.images, torch.from_numpy(pixels["test_batch"]).view(10, 3, 32, 32))
    assert data.test.labels.tolist() == list(range(10))


def test_cifar100_has_fine_labels_and_names_in_words(tmp_path, monkeypatch):
    folder = tmp_path / "public" / "cifar-100-python"
    folder.mkdir(parents=True)
    for name, count in (("train", 30), ("test", 10)):
        rows = {"data": RNG.integers(0, 256, (count, 3072), dtype=np.uint8), "fine_labels": [1] * count}
        (folder / name).write_bytes(pickle.dumps(rows))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": ["apple", "aquarium_fish"]}))
    monkeypatch.setattr(datasets.CIFAR100, "train_list", [("train", None)])
    monkeypatch.setattr(datasets.CIFAR100, "test_list", [("test", None)])
    monkeypatch.setattr(datasets.CIFAR100, "meta", {**datasets.CIFAR100.meta, "md5": None})
    data = ask("cifar100", tmp_path)
    assert data.classes == ("apple", "aquarium fish")
    assert data.train.labels.tolist() == [1] * 30


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_mnist_is_read_from_idx_files_and_made_colour(tmp_path, name, folder):
    raw = tmp_path / "public" / folder / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 20), ("t10k", 10)):
        images = np.repeat(np.arange(count, dtype=np.uint8), 784)  # image i is filled with the value i
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 2051, count, 28, 28) + images.tobytes()
        )
        labels = bytes(i % 10 for i in range(count))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + labels)
    data = ask(name, tmp_path)
    assert data.size == 32
    assert len(data.classes) == 10
    assert torch.equal(
        data.train.images, torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1).expand(20, 3, 32, 32)
    )
    assert data.train.labels.tolist() == list(range(10)) * 2


def stl10(tmp_path, monkeypatch):
    folder = tmp_path / "public" / "stl10_binary"
    folder.mkdir(parents=True)
    for part, count in (("train_X", 20), ("test_X", 10), ("unlabeled_X", 30)):
        pixels = np.zeros((count, 3, 96, 96), dtype=np.uint8)
        pixels[:, :, :, 48:] = 200  # a bright right half
        (folder / f"{part}.bin").write_bytes(pixels.transpose(0, 1, 3, 2).tobytes())  # columns come first
    for part, count in (("train_y", 20), ("test_y", 10)):
        (folder / f"{part}.bin").write_bytes(bytes(1 + i % 10 for i in range(count)))  # labels start at one
    (folder / "class_names.txt").write_text("\n".join("abcdefghij"))
    (folder / "fold_indices.txt").write_text("0 1\n" * 10)
    for files in ("train_list", "test_list"):
        unchecked = [[name, None] for name, _ in getattr(datasets.STL10, files)]
        monkeypatch.setattr(datasets.STL10, files, unchecked)


def test_stl10_is_upright_and_labelled_from_zero(tmp_path, monkeypatch):
    stl10(tmp_path, monkeypatch)
    data = ask("stl10", tmp_path)
    assert data.train.images.shape == (20, 3, 64, 64)
    assert data.train.labels.tolist() == list(range(10)) * 2
    assert data.train.images[..., :24].max() < 40 and data.train.images[..., 40:].min() > 160


def test_unlabelled_stl10_is_probed_with_the_labelled_images(tmp_path, monkeypatch):
    stl10(tmp_path, monkeypatch)
    for _ in range(2):  # the second time from the cache
        data = ask("stl10_unlabelled", tmp_path)
        assert (len(data.train), data.train.labels) == (30, None)
        assert (len(data.probe), len(data.test)) == (20, 10)
        assert data.train.images[..., :24].max() < 40 and data.train.images[..., 40:].min() > 160


def photo(file, value):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (90, 70), (value, value, value)).save(file)


def test_flowers_join_their_two_training_splits(tmp_path, monkeypatch):
    folder = tmp_path / "public" / "flowers-102"
    for index in range(1, 9):
        photo(folder / "jpg" / f"image_{index:05d}.jpg", 10 * index)
    savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 2, 1, 2, 1, 2, 1, 2]])})
    savemat(folder / "setid.mat", {"trnid": [[1, 2, 3]], "valid": [[4, 5]], "tstid": [[6, 7, 8]]})
    files = {key: (name, None) for key, (name, _) in datasets.Flowers102._file_dict.items()}
    monkeypatch.setattr(datasets.Flowers102, "_file_dict", files)
    data = ask("flowers", tmp_path)
    assert len(data.classes) == 102 and data.classes[0] == "pink primrose"
    shades = {split: getattr(data, split).images[:, 0, 0, 0] for split in ("train", "test")}
    assert shades["train"].sort().values.tolist() == pytest.approx([10, 20, 30, 40, 50], abs=2)
    assert shades["test"].sort().values.tolist() == pytest.approx([60, 70, 80], abs=2)
    assert torch.equal(data.train.labels, ((shades["train"] / 10).round().long() + 1) % 2)
    assert data.test.images.shape == (3, 3, 64, 64)


def test_pets_are_read_from_their_lists(tmp_path):
    folder = tmp_path / "public" / "oxford-iiit-pet"
    for part in ("trainval", "test"):
        names = [f"{breed}_{part}{index}" for breed in ("Bengal", "great_pyrenees") for index in range(2)]
        for name in names:
            photo(folder / "images" / f"{name}.jpg", 100)
        (folder / "annotations").mkdir(exist_ok=True)
        lines = [f"{name} {1 + index // 2} 1 1" for index, name in enumerate(names)]
        (folder / "annotations" / f"{part}.txt").write_text("\n".join(lines))
    data = ask("pets", tmp_path)
    assert data.classes == ("Bengal", "Great Pyrenees")
    assert data.train.labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("name", SOURCES)
def test_every_dataset_fits_into_memory_at_sizes_the_app_offers_but_not_at_any(tmp_path, monkeypatch, name):
    monkeypatch.setattr("sslcore.data.public.on_disk", lambda *_: True)
    if SOURCES[name].images > 20_000:
        with pytest.raises(UserError, match=r"at 224 px takes more than 2 GB .* choose a smaller image_size"):
            load(name, size=224, cache=tmp_path)
    with pytest.raises(UserError, match="are damaged"):  # it got as far as its files, which are not there
        load(name, size=96, cache=tmp_path)


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_not_there_says_how_to_get_it(tmp_path, name):
    with pytest.raises(
        UserError,
        match=rf"not on this machine yet: press Download .* or run .python -m sslcore download {name}.; about",
    ) as error:
        load(name, cache=tmp_path)
    assert SOURCES[name].title in str(error.value)


@pytest.mark.parametrize("name", SOURCES)
def test_without_a_network_a_download_fails_in_one_sentence(tmp_path, monkeypatch, name):
    def unreachable(*_, **__):
        raise URLError("no route to host")

    for module in ("cifar", "stl10", "mnist", "flowers102", "oxford_iiit_pet"):
        for function in ("download_and_extract_archive", "download_url"):
            monkeypatch.setattr(f"torchvision.datasets.{module}.{function}", unreachable, raising=False)
    with pytest.raises(UserError, match=r"could not be downloaded .* check the network") as error:
        load(name, cache=tmp_path, download=True)
    assert "\n" not in str(error.value)


def test_a_download_that_breaks_off_is_not_taken_for_the_dataset(tmp_path, monkeypatch):
    def broken_off(folder, size, download, progress):
        for file in SOURCES["mnist"].files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(b"half")
        raise URLError("connection reset")

    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], read=broken_off))
    with pytest.raises(UserError, match="could not be downloaded"):
        load("mnist", cache=tmp_path, download=True)
    with pytest.raises(UserError, match="not on this machine yet"):
        load("mnist", cache=tmp_path)
    assert not any(file.is_file() for file in tmp_path.rglob("*"))


def readings(monkeypatch, name) -> list[bool]:
    """Replace the reader of a dataset; the list grows by whether each reading was a download."""
    asked = []

    def fetch(folder, size, download, progress):
        asked.append(download)
        for file in SOURCES[name].files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(b"all")
        split = Split(torch.zeros(20, 3, size, size, dtype=torch.uint8), torch.arange(20) % 10)
        return {"train": split, "test": split}, tuple("0123456789")

    monkeypatch.setitem(SOURCES, name, replace(SOURCES[name], read=fetch))
    return asked


def test_what_was_downloaded_is_there_the_next_time(tmp_path, monkeypatch):
    asked = readings(monkeypatch, "mnist")
    for download in (True, True, False):
        assert len(load("mnist", cache=tmp_path, download=download).train) == 20
    assert asked == [True, False, False]


def test_files_that_were_deleted_are_downloaded_again_whatever_is_cached(tmp_path, monkeypatch):
    asked = readings(monkeypatch, "flowers")
    load("flowers", cache=tmp_path, download=True)
    load("flowers", cache=tmp_path)
    assert asked == [True], "what is slow to read is cached"
    shutil.rmtree(tmp_path / "public" / "flowers-102")
    load("flowers", cache=tmp_path, download=True)
    assert asked == [True, True] and len(ask("flowers", tmp_path).train) == 20


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", full)
    with pytest.raises(UserError, match="The disk is full: CIFAR-10"):
        load("cifar10", cache=tmp_path, download=True)


def test_damaged_files_are_named_with_the_remedy(tmp_path):
    raw = tmp_path / "public" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in SOURCES["mnist"].files:
        (tmp_path / "public" / file).write_bytes(gzip.compress(b"cut off")[:9])
    with pytest.raises(
        UserError, match=r"files of MNIST are damaged: delete the folder .*MNIST and download"
    ):
        load("mnist", cache=tmp_path)
