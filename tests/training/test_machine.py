import json

import pytest
import torch

from sslcore.errors import UserError
from sslcore.settings import GPUS, RunSettings
from sslcore.training import machine


@pytest.fixture
def two_gpus(monkeypatch):
    """As far as choosing goes; in this thread, cuda is the second."""
    for name, answer in {"is_available": True, "device_count": 2, "current_device": 1}.items():
        monkeypatch.setattr(torch.cuda, name, lambda answer=answer: answer)
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def test_a_gpu_is_chosen_by_its_number(two_gpus):
    assert [machine.pick_device(name).index for name in ("cuda:0", "cuda:1", "cuda", "auto")] == [0, 1, 1, 1]
    with pytest.raises(UserError, match="no cuda:2: set device to auto or cuda:1"):
        machine.pick_device("cuda:2")


def test_under_torchrun_every_process_has_a_gpu_to_itself(two_gpus, monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert machine.pick_device("cuda") == machine.pick_device("auto") == torch.device("cuda", 0)
    with pytest.raises(UserError, match="cannot share cuda:1"):
        machine.pick_device("cuda:1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(UserError, match="--nproc-per-node=2"):
        machine.pick_device("cuda")


def test_a_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("cuda", *GPUS):
        assert RunSettings.build("simclr", device=name)["device"] == name  # recorded elsewhere, readable here
        with pytest.raises(UserError, match="no cuda device"):
            machine.pick_device(name)
    with pytest.raises(UserError, match="device must be one of"):
        RunSettings.build("simclr", device="cuda:x")


def test_the_measured_precision_is_kept_beside_that_of_other_machines(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path))
    file = tmp_path / "precision.json"
    file.write_text(json.dumps({"another machine": "fp32"}))
    monkeypatch.setattr(machine, "_seconds", lambda dtype: 1.0 if dtype else 2.0)
    measure = machine._measured.__wrapped__
    assert measure() == "bf16"
    monkeypatch.setattr(machine, "_seconds", lambda dtype: 2.0 if dtype else 1.0)
    assert measure() == "bf16"  # remembered
    known = json.loads(file.read_text())
    assert len(known) == 2 and known["another machine"] == "fp32"


def test_a_damaged_memory_is_measured_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path))
    (tmp_path / "precision.json").write_text("{")
    monkeypatch.setattr(machine, "_seconds", lambda dtype: 1.0)
    assert machine._measured.__wrapped__() == "fp32"
