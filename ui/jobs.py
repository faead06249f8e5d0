"""The one job manager of this server. A plain module: it survives reruns, sessions and cache clearing."""

import re
import threading

from sslcore.errors import UserError
from sslcore.runs import JobManager, JobStatus, runs_root

_lock = threading.Lock()
_managers: list[JobManager] = []


def manager() -> JobManager:
    """The job manager; the first call starts its worker threads."""
    with _lock:
        if not _managers:
            _managers.append(JobManager(runs_root()))
        return _managers[0]


def status_of(run: str) -> JobStatus:
    """Where a run is, given its id from a link; a link never leads out of the folder of runs.

    Raises:
        UserError: if there is no such run.
    """
    if not re.fullmatch(r"[\w-]{1,80}", run):
        raise UserError(f"There is no run '{run}' on this server: the link is wrong.")
    return manager().status(run)


def reset() -> None:
    """Stop everything and forget the manager, so that the next call makes a new one (for tests)."""
    with _lock:
        while _managers:
            _managers.pop().close()
