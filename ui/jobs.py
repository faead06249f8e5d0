"""The one job manager of this server; the first call starts its worker threads."""

from sslcore.runs import JobManager, runs_root
from ui.single import Single

manager = Single(lambda: JobManager(runs_root()))


def reset() -> None:
    """Stop everything and forget the manager, so that the next call makes a new one (for tests)."""
    if manager.made is not None:
        manager.made.close()
        manager.made = None
