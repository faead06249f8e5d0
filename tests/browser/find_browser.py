"""A Chromium for the browser tests: one on the PATH, else Playwright's own, else the system's package.

``python -m tests.browser.find_browser`` makes sure there is one and prints where it is.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HELP = (
    "No Chromium was found and none could be installed: install the package 'chromium' of your system, "
    "or run 'python -m playwright install chromium', and try again."
)


def find() -> str | None:
    """Path of a Chromium that is already here and runs: some systems have a mere hint under its name, and
    Playwright's own lacks libraries on others."""
    return next((path for path in _candidates() if _run(path, "--version")), None)


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if Path(path).exists():
        yield path


def install() -> None:
    """Try Playwright's download, then the system's package manager."""
    if _run(sys.executable, "-m", "playwright", "install", "chromium") and find():
        return
    sudo = () if os.name == "nt" or os.geteuid() == 0 else ("sudo", "-n")
    if shutil.which("apt-get"):
        _run(*sudo, "apt-get", "update", "-qq")
        _run(*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
    elif shutil.which("dnf"):
        _run(*sudo, "dnf", "install", "-y", "-q", "chromium")
    elif shutil.which("brew"):
        _run("brew", "install", "--cask", "chromium")


def _run(*command: str) -> bool:
    try:
        return (
            subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def main() -> int:
    path = find()
    if path is None:
        install()
        path = find()
    print(path or HELP)
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
