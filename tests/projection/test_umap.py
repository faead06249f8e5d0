"""One real layout process for the whole file: it takes some ten seconds to warm up."""

import io
import os
import shutil
import signal
import time

import numpy as np
import pytest

from sslcore.errors import UserError
from sslcore.projection import UmapProcess, umap_client, umap_worker
from sslcore.projection.messages import receive
from sslcore.projection.umap_worker import layout


def wait(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "the layout process did not answer"
        time.sleep(0.05)
    return value


def blobs():
    random = np.random.default_rng(0)
    labels = np.arange(150) % 3
    return (8 * random.normal(size=(3, 16))[labels] + random.normal(size=(150, 16))).astype(
        np.float32
    ), labels


def test_layouts_come_from_a_process_that_may_die(monkeypatch):
    monkeypatch.setattr(umap_client, "RETRY", 0.0)
    monkeypatch.setattr(umap_client, "LATER", 0.0)
    (x, labels), umap = blobs(), UmapProcess()
    try:
        assert not umap.request("too early", x)
        wait(lambda: umap.ready)

        assert umap.request("first", x)
        assert not umap.request("while busy", x)
        key, xy = wait(umap.poll)
        assert key == "first"
        assert xy.shape == (150, 2)
        assert np.sqrt((xy**2).sum(1).mean()) == pytest.approx(1, abs=1e-4)
        centres = np.stack([xy[labels == label].mean(0) for label in range(3)])
        assert (np.linalg.norm(xy[:, None] - centres, axis=-1).argmin(1) == labels).all()

        assert umap.request(("second", 2), x, xy)
        key, moved = wait(umap.poll)
        assert key == ("second", 2)
        assert np.median(np.linalg.norm(moved - xy, axis=1)) < 0.5
        assert umap.poll() is None

        process = umap._conversation.process
        process.stdin.close()  # what the worker sees when its parent dies
        wait(lambda: process.poll() is not None)
        assert not umap.request("after its end", x)

        process = umap._conversation.process
        os.kill(process.pid, signal.SIGKILL)
        wait(lambda: process.poll() is not None)
        assert not umap.request("after its death", x)
        process = umap._conversation.process
        assert process.poll() is None
    finally:
        umap.close()
    assert process.poll() is not None
    assert not umap.request("after closing", x)


def test_a_process_that_dies_at_once_is_an_error_and_not_started_again(monkeypatch):
    monkeypatch.setattr(umap_client, "RETRY", 0.0)
    monkeypatch.setattr(umap_client.sys, "executable", shutil.which("true"))
    umap = UmapProcess()
    umap.start()
    process = umap._conversation.process
    assert "cannot start" in wait(lambda: umap.error, 10)
    process.wait()
    assert not umap.request("in vain", np.eye(20))
    assert umap._conversation.process is process and umap.error
    umap.close()


def test_whatever_goes_wrong_at_the_start_is_told(monkeypatch):
    def warm_up() -> None:
        raise RuntimeError("the cache cannot be written")

    monkeypatch.setattr(umap_worker, "warm_up", warm_up)
    replies = io.BytesIO()
    umap_worker.serve(io.BytesIO(), replies)
    replies.seek(0)
    assert "the cache cannot be written" in str(receive(replies)["error"])


def test_nothing_starts_before_it_is_asked_for():
    umap = UmapProcess()
    assert (umap.ready, umap.poll(), umap.error) == (False, None, "")
    umap.close()
    umap.start()
    assert umap._conversation is None


def test_features_of_the_wrong_shape_are_refused_at_once():
    with pytest.raises(UserError, match="shape"):
        UmapProcess().request("images", np.ones((2, 3, 4)))


def test_too_few_samples_fall_back_to_pca():
    assert layout(np.eye(4)).shape == (4, 2)
    assert layout(np.ones((20, 3))).tolist() == [[0, 0]] * 20
