"""The one job manager of this server. A plain module: it survives reruns, sessions and cache clearing."""

import threading

from sslcore.runs import JobManager, runs_root

_lock = threading.Lock()
_managers: list[JobManager] = []


def manager() -> JobManager:
    """The job manager; the first call starts its worker threads."""
    with _lock:
        if not _managers:
            _managers.append(JobManager(runs_root()))
        return _managers[0]


def reset() -> None:
    """Stop everything and forget the manager, so that the next call makes a new one (for tests)."""
    with _lock:
        while _managers:
            _managers.pop().close()
