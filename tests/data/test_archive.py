import io
import zipfile

import pytest

from sslcore.data import archive
from sslcore.data.archive import folder_entries, open_zip, zip_entries
from sslcore.errors import UserError


def packed(*files: tuple[str, bytes], compress: bool = False) -> zipfile.ZipFile:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as target:
        for name, content in files:
            target.writestr(name, content)
    return open_zip(stream, "'my.zip'")


def test_image_files_are_listed_in_order_of_path_and_read():
    entries = zip_entries(packed(("b/2.png", b"two"), ("a/1.JPG", b"one"), ("notes.txt", b"no")), "'my.zip'")
    assert [str(entry.path) for entry in entries] == ["a/1.JPG", "b/2.png"]
    assert [entry.read() for entry in entries] == [b"one", b"two"]


def test_what_systems_add_is_passed_over():
    files = [("__MACOSX/a/._1.png", b""), (".git/1.png", b""), ("a/.hidden.png", b""), ("a/1.png", b"")]
    assert [str(entry.path) for entry in zip_entries(packed(*files), "'my.zip'")] == ["a/1.png"]


@pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/etc/up.png", "C:/up.png", "a\\..\\up.png"])
def test_a_path_that_leaves_the_archive_is_refused_by_name(name):
    with pytest.raises(UserError, match=r"unsafe path, '.*up.png'"):
        zip_entries(packed(("fine.png", b""), (name, b"")), "'my.zip'")


def test_a_zip_bomb_is_refused():
    with pytest.raises(UserError, match="expands suspiciously"):
        zip_entries(packed(("a.png", bytes(5_000_000)), compress=True), "'my.zip'")


def test_an_archive_that_expands_too_far_is_refused(monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL", 1000)
    with pytest.raises(UserError, match="would expand to more than"):
        zip_entries(packed(("a.png", bytes(600)), ("b.png", bytes(600))), "'my.zip'")


def test_an_encrypted_archive_is_refused():
    source = packed(("a.png", b"secret"))
    source.infolist()[0].flag_bits |= 0x1
    with pytest.raises(UserError, match="encrypted"):
        zip_entries(source, "'my.zip'")


def test_too_many_files_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(archive, "MAX_FILES", 2)
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(b"")
    with pytest.raises(UserError, match="more than 2 files"):
        folder_entries(tmp_path)
    with pytest.raises(UserError, match="more than 2 files"):
        zip_entries(packed(*((f"{index}.png", b"") for index in range(3))), "'my.zip'")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_what_is_no_zip_is_refused(content):
    with pytest.raises(UserError, match="is not a zip file"):
        open_zip(io.BytesIO(content), "'my.zip'")


def test_a_zip_of_a_later_kind_is_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("a.png", b"")
    content = bytearray(stream.getvalue())
    content[content.index(b"PK\x01\x02") + 6] = 99  # the version needed to extract it
    with pytest.raises(UserError, match="is not a zip file"):
        open_zip(io.BytesIO(bytes(content)), "'my.zip'")


def test_a_folder_is_listed_with_its_subfolders_but_not_through_links(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "b").mkdir(parents=True)
    outside.mkdir()
    for file in (inside / "b" / "1.png", inside / "a.webp", inside / "c.txt", outside / "x.png"):
        file.write_bytes(file.name.encode())
    (inside / "link").symlink_to(outside)
    entries = folder_entries(inside)
    assert [str(entry.path) for entry in entries] == ["a.webp", "b/1.png"]
    assert entries[1].read() == b"1.png"
