from sslcore.runs import RunFolder
from sslcore.settings import RunSettings
from ui.run_files import result_files


def test_a_log_that_is_damaged_leaves_with_the_rest(tmp_path):
    folder = RunFolder.create(tmp_path, RunSettings.build("simclr"))
    (folder.path / "log.txt").write_bytes("one · two\n".encode() + "·".encode()[:1])
    assert result_files(folder)["log.txt"].decode().startswith("one · two\n")
