"""Runs as folders on disk and as jobs in the background."""

from sslcore.runs.folder import (
    ACTIVE,
    RESUMABLE,
    RunFolder,
    all_runs,
    find_run,
    open_run,
    run_folders,
    runs_root,
)
from sslcore.runs.history import FolderHistory, History, RunView
from sslcore.runs.job import JobStatus
from sslcore.runs.jobs import JobManager
from sslcore.runs.recorder import record, resume

__all__ = [
    "ACTIVE",
    "RESUMABLE",
    "FolderHistory",
    "History",
    "JobManager",
    "JobStatus",
    "RunFolder",
    "RunView",
    "all_runs",
    "find_run",
    "open_run",
    "record",
    "resume",
    "run_folders",
    "runs_root",
]
