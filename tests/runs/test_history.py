import json
import threading
from contextlib import suppress

from sslcore.runs import RunFolder
from sslcore.runs.history import FolderHistory


class Slow(RunFolder):
    """A folder whose readers meet in the middle, if they can."""

    meeting = threading.Barrier(2)

    def rows(self, start: int = 0):
        with suppress(threading.BrokenBarrierError):
            self.meeting.wait(0.3)
        return super().rows(start)


def test_two_who_look_at_once_do_not_read_everything_twice(tmp_path):
    rows = [{"event": "evaluation", "step": i, "seconds": i, "knn": None, "linear": None} for i in range(5)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    history = FolderHistory(Slow(tmp_path))
    readers = [threading.Thread(target=history.view) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert [row["step"] for row in history.view().evaluations] == [0, 1, 2, 3, 4]
