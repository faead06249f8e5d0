import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sslcore.data import folder as module
from sslcore.data.folder import folder_state, forget_folder, from_uploads, load_folder
from sslcore.errors import UserError


def picture(value: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (20, 16), (value, value, value)).save(stream, kind)
    return stream.getvalue()


def fill(root: Path, counts: dict[str, int]) -> Path:
    """A folder with so many grey pictures in every subfolder, each of another grey."""
    value = 0
    for place, count in counts.items():
        (root / place).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            (root / place / f"{index:03d}.png").write_bytes(picture(value))
            value += 1
    return root


def packed(root: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, file.relative_to(root).as_posix())
    return stream.getvalue()


def greys(split) -> list[int]:
    return sorted(split.images[:, 0, 8, 8].tolist())


def test_class_folders_are_split_by_class_and_nothing_is_lost(tmp_path):
    data = load_folder(str(fill(tmp_path, {"cat": 10, "dog": 5})), size=16)
    assert data.classes == ("cat", "dog")
    assert data.train.labels.bincount().tolist() == [8, 4]
    assert data.test.labels.bincount().tolist() == [2, 1]
    assert sorted(greys(data.train) + greys(data.test)) == list(range(15))
    for split in (data.train, data.test):
        assert torch.equal(split.labels, (split.images[:, 0, 8, 8] >= 10).long())


def test_classes_are_mixed_and_always_alike(tmp_path):
    place = str(fill(tmp_path, {"cat": 60, "dog": 60}))
    first, again = load_folder(place, size=16), load_folder(place, size=16)
    for split in (first.train, first.test):
        assert len(split.labels[:12].unique()) == 2 and (split.labels.diff() != 0).sum() > 5
    assert first.fingerprint == again.fingerprint


def test_train_and_test_folders_are_used_as_they_are(tmp_path):
    counts = {"train/a": 6, "train/b": 4, "test/a": 2, "test/b": 3}
    data = load_folder(str(fill(tmp_path, counts)), size=16)
    assert data.train.labels.bincount().tolist() == [6, 4]
    assert greys(data.test) == [10, 11, 12, 13, 14]
    assert sorted(data.test.labels.tolist()) == [0, 0, 1, 1, 1]


def test_test_images_of_unknown_classes_are_left_out_and_reported(tmp_path):
    counts = {"train/a": 5, "train/b": 5, "test/a": 1, "test/c": 2}
    data = load_folder(str(fill(tmp_path, counts)))
    assert len(data.test) == 1
    assert any("2 test images are of classes" in note for note in data.notes)


def test_unlabelled_training_images_are_learned_from_though_the_test_images_have_classes(tmp_path):
    data = load_folder(str(fill(tmp_path, {"train": 10, "test/a": 3, "test/b": 3})), size=16)
    assert greys(data.train) == list(range(10)) and len(data.test) == 6
    assert data.train.labels is None and data.classes == ()


def test_an_image_beside_the_folder_around_the_classes_costs_no_class(tmp_path):
    fill(tmp_path, {"pets/cat": 5, "pets/dog": 5, ".": 1})
    data = load_folder(str(tmp_path))
    assert data.classes == ("cat", "dog") and len(data.train) + len(data.test) == 10
    assert any("1 images outside the class folders" in note for note in data.notes)


def test_nested_folders_are_split_as_their_zip_is(tmp_path):
    fill(tmp_path / "f", {"cat": 6, "cat/a": 6, "dog": 6, "dog/z": 6})
    (tmp_path / "f.zip").write_bytes(packed(tmp_path / "f"))
    unpacked, zipped = load_folder(str(tmp_path / "f")), load_folder(str(tmp_path / "f.zip"))
    assert torch.equal(unpacked.train.images, zipped.train.images)


def test_a_folder_is_called_by_its_name_however_it_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path / "pets", {"cat": 6, "dog": 6}))
    assert load_folder(".").title == load_folder("cat/..").title == "pets"


def test_a_folder_around_the_classes_says_nothing(tmp_path):
    assert load_folder(str(fill(tmp_path, {"pets/cat": 5, "pets/dog": 5}))).classes == ("cat", "dog")


def test_images_without_folders_are_unlabelled(tmp_path):
    data = load_folder(str(fill(tmp_path, {".": 10})))
    assert (data.classes, data.labelled, data.train.labels, data.notes) == ((), False, None, ())
    assert (len(data.train), len(data.test)) == (8, 2)


def test_one_class_is_no_class(tmp_path):
    data = load_folder(str(fill(tmp_path, {"cat": 10})))
    assert data.train.labels is None
    assert data.notes == ("There is only one class folder, 'cat', so accuracy is not measured.",)


def test_a_class_per_image_is_no_class(tmp_path):
    data = load_folder(str(fill(tmp_path, {f"c{index}": 1 for index in range(9)})))
    assert data.classes == ()
    assert len(data.test) > 0


def test_a_class_per_training_image_is_no_class_whatever_there_is_to_test(tmp_path):
    counts = {f"train/c{index}": 1 for index in range(8)} | {"test/other": 2}
    data = load_folder(str(fill(tmp_path, counts)))
    assert data.classes == () and (len(data.train), len(data.test)) == (8, 2)


def test_what_lies_beside_train_and_test_is_left_out_and_reported(tmp_path):
    counts = {"train/a": 5, "train/b": 5, "test/a": 1, "val/a": 3}
    data = load_folder(str(fill(tmp_path, counts)))
    assert data.notes == ("3 images outside train and test, or of no class, were left out.",)


def test_loose_images_beside_class_folders_are_left_out_and_reported(tmp_path):
    data = load_folder(str(fill(tmp_path, {"cat": 5, "dog": 5, ".": 2})))
    assert len(data.train) + len(data.test) == 10
    assert data.notes == ("2 images outside the class folders were left out.",)


def test_a_zip_is_loaded_like_its_folder(tmp_path):
    fill(tmp_path / "f", {"cat": 6, "dog": 6})
    (tmp_path / "f.zip").write_bytes(packed(tmp_path / "f"))
    unpacked, zipped = load_folder(str(tmp_path / "f")), load_folder(str(tmp_path / "f.zip"))
    assert torch.equal(unpacked.train.images, zipped.train.images)
    assert torch.equal(unpacked.test.labels, zipped.test.labels)
    assert zipped.name == f"folder:{tmp_path / 'f.zip'}"


def test_broken_images_are_left_out_and_named(tmp_path):
    fill(tmp_path, {"cat": 6, "dog": 6})
    for name in ("x.png", "y.png", "z.jpg", "w.gif"):
        (tmp_path / "cat" / name).write_bytes(b"broken")
    data = load_folder(str(tmp_path))
    assert len(data.train) + len(data.test) == 12
    assert data.notes == ("4 images could not be read and were left out: w.gif, x.png, y.png and 1 more.",)


def test_a_broken_entry_of_a_zip_costs_that_image_only(tmp_path):
    content = bytearray(packed(fill(tmp_path, {"cat": 6, "dog": 6})))
    start = content.index(b"IDAT")
    content[start + 6] ^= 0xFF
    data = from_uploads([("my.zip", bytes(content))])
    assert data.notes == ("1 image could not be read and was left out: 000.png.",)


def test_images_that_do_not_fit_into_memory_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    source = str(fill(tmp_path, {"cat": 6, "dog": 6}))
    monkeypatch.setattr(module, "MAX_MEMORY", 12 * 3 * 16 * 16)
    assert len(load_folder(source, size=16).train) == 10
    monkeypatch.setattr(module, "decode_image", None)
    with pytest.raises(UserError, match="has 12 images, of which 10 of 17 px fit"):
        load_folder(source, size=17)


def test_images_are_decoded_once_until_something_changes(tmp_path, monkeypatch):
    source, cache, decoded = fill(tmp_path / "f", {"cat": 6, "dog": 6}), tmp_path / "cache", []
    original = module.pixels_of
    monkeypatch.setattr(module, "pixels_of", lambda content: decoded.append(1) or original(content))
    (source / "cat" / "bad.png").write_bytes(b"broken")
    first, second = load_folder(str(source), root=cache), load_folder(str(source), root=cache)
    assert len(decoded) == 13
    assert torch.equal(first.train.images, second.train.images)
    assert (first.classes, first.notes, first.name) == (second.classes, second.notes, second.name)
    (source / "cat" / "bad.png").write_bytes(picture(200))
    os.utime(source / "cat" / "bad.png", ns=(1, 1))
    assert load_folder(str(source), root=cache).notes == ()


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_the_state_of_a_folder_changes_with_its_files(tmp_path, kind):
    source = fill(tmp_path / "f", {"cat": 6, "dog": 6})

    def state() -> str:
        (tmp_path / "f.zip").write_bytes(packed(source))
        os.utime(tmp_path / "f.zip", (1, 1))
        return folder_state(str(source if kind == "folder" else tmp_path / "f.zip"))

    first, again = state(), state()
    (source / "dog" / "more.png").write_bytes(picture(200))
    assert first == again != state()


def test_decoded_copies_that_were_not_used_for_longest_go(tmp_path, monkeypatch):
    cache, sources = tmp_path / "cache", [fill(tmp_path / name, {".": 8}) for name in "abc"]

    def load_and_age(source: Path) -> int:
        load_folder(str(source), root=cache)
        for file in cache.iterdir():
            os.utime(file, (file.stat().st_mtime - 100,) * 2)
        return len(list(cache.iterdir()))

    assert load_and_age(sources[0]) == 1
    size = next(cache.iterdir()).stat().st_size
    monkeypatch.setattr(module, "MAX_DECODED", 2 * size)
    assert [load_and_age(sources[number]) for number in (1, 0, 2)] == [2, 2, 2]
    monkeypatch.setattr(module, "decode_image", None)
    for number in (0, 2):
        assert len(load_folder(str(sources[number]), root=cache).train) == 6


def test_forgetting_a_folder_deletes_its_decoded_copies_only(tmp_path):
    cache, source = tmp_path / "cache", fill(tmp_path / "a", {".": 8})
    load_folder(str(fill(tmp_path / "b", {".": 8})), root=cache)
    (kept,) = cache.iterdir()
    load_folder(str(source), root=cache)
    load_folder(str(source), size=16, root=cache)
    (source / "more.png").write_bytes(picture(200))
    load_folder(str(source), root=cache)
    assert len(list(cache.iterdir())) == 4
    forget_folder(source, cache)
    assert list(cache.iterdir()) == [kept]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "nowhere", "There is no folder or zip"),
        (lambda p: "", "There is no folder or zip"),
        (lambda p: "a\0b", "There is no folder or zip"),
        (lambda p: "~no user is called so/x", "There is no folder or zip"),
        (lambda p: os.mkfifo(p / "pipe") or p / "pipe", "There is no folder or zip"),
        (lambda p: "x" * 5000, "There is no folder or zip"),
        (lambda p: p, "has no images"),
        (lambda p: fill(p, {".": 7}), "7 usable images: at least 8"),
        (lambda p: (p / "a.zip").write_bytes(b"no") and p / "a.zip", "is not a zip file"),
        (lambda p: (p / "a.png").write_bytes(b"no") and p, "None of the 1 images"),
    ],
)
def test_what_cannot_be_loaded_is_explained_in_one_sentence(tmp_path, make, message):
    with pytest.raises(UserError, match=message) as error:
        load_folder(str(make(tmp_path)))
    assert "\n" not in str(error.value)


def test_several_uploaded_images_are_unlabelled():
    data = from_uploads([(f"{index}.jpeg", picture(20 * index, "JPEG")) for index in range(10)], size=24)
    assert (data.name, data.size, data.labelled) == ("upload", 24, False)
    assert np.allclose(sorted(greys(data.train) + greys(data.test)), range(0, 200, 20), atol=2)


def test_an_uploaded_zip_is_labelled_by_its_folders(tmp_path):
    data = from_uploads([("Pets.ZIP", packed(fill(tmp_path, {"cat": 5, "dog": 5})))])
    assert (data.classes, data.title) == (("cat", "dog"), "Pets.ZIP")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "has no images"),
        ([("notes.txt", b"hello")], "has no images"),
        ([("a.zip", b"no")], "not a zip file"),
        ([("a.zip", b"no"), ("b.png", b"")], "either one zip or several images"),
    ],
)
def test_uploads_that_cannot_be_used_are_explained(files, message):
    with pytest.raises(UserError, match=message):
        from_uploads(files)


def test_an_upload_that_unpacks_into_too_many_pixels_is_refused(tmp_path, monkeypatch):
    content = packed(fill(tmp_path, {"cat": 6, "dog": 6}))
    monkeypatch.setattr(module, "MAX_UPLOADED", 12 * 20 * 16)
    assert len(from_uploads([("pets.zip", content)]).train)
    monkeypatch.setattr(module, "MAX_UPLOADED", 12 * 20 * 16 - 1)
    with pytest.raises(UserError, match="billion pixels: make the images smaller"):
        from_uploads([("pets.zip", content)])


def test_images_that_break_off_in_the_middle_count_too(tmp_path, monkeypatch):
    for file in sorted(fill(tmp_path, {"cat": 20, "dog": 20}).rglob("*.png"))[:30]:
        file.write_bytes(file.read_bytes()[:50])  # the header and little else
    monkeypatch.setattr(module, "MAX_UPLOADED", 20 * 20 * 16)
    with pytest.raises(UserError, match="billion pixels"):
        from_uploads([("pets.zip", packed(tmp_path))])


def test_progress_rises_while_images_are_read(tmp_path):
    seen = []
    load_folder(
        str(fill(tmp_path, {"cat": 201, "dog": 4})), progress=lambda part, text: seen.append((part, text))
    )
    assert [text for _, text in seen] == ["Reading images: 0 of 205", "Reading images: 200 of 205"]
