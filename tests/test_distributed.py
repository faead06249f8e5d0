import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sslcore import distributed
from sslcore.registry import methods
from sslcore.runs import RunFolder, checkpoint, record
from sslcore.settings import RunSettings
from sslcore.training import Step, Trainer
from tests.together import MORE, STEADY, train

METHODS = [name for name in methods() if name != "random"]
ROOT = Path(__file__).parents[1]
TINY = {
    "data": "digits",
    "width": 8,
    "batch_size": 32,
    "precision": "fp32",
    "device": "cpu",
    "evaluations": 1,
}


def torchrun(*words, processes: int = 2) -> subprocess.CompletedProcess:
    """Run a module in several processes; none of them outlives this call."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, "-m", *map(str, words)],
        cwd=ROOT, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as started:  # fmt: skip
        try:
            out, err = started.communicate(timeout=900)
        except BaseException:
            os.killpg(started.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, started.returncode, out, err)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    file = tmp_path_factory.mktemp("together") / "results.pt"
    done = torchrun("tests.together", file, *METHODS)
    assert done.returncode == 0, done.stderr
    return torch.load(file)


@pytest.mark.parametrize("method", METHODS)
def test_two_processes_take_the_steps_of_one(method, together):
    one, two = train(method, **STEADY | MORE.get(method, {})), together[method]
    for name, value in one["parameters"].items():
        assert torch.allclose(two["parameters"][name], value, rtol=0, atol=1e-12), name
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-6)
    assert two["norms"] == pytest.approx(one["norms"], rel=1e-6)
    for mine, theirs in zip(
        one["metrics"] + one["term_norms"], two["metrics"] + two["term_norms"], strict=True
    ):
        assert theirs == pytest.approx(mine, rel=1e-5)


def test_all_end_together_when_one_diverges(together):
    assert together["diverged"]["ended"][0][0] == "diverged"


def test_all_end_together_when_the_seconds_are_spent(together):
    assert together["seconds"]["ended"] == [("budget", len(together["seconds"]["losses"]))]


def test_the_command_line_trains_and_records_once(tmp_path):
    knobs = [f"{name}={value}" for name, value in TINY.items() if name not in ("data", "device")]
    asked = ("simclr", "--data", "digits", "--device", "cpu", "--steps", 4, "--runs", tmp_path, "--json")
    done = torchrun("sslcore", "train", *asked, "--set", *knobs)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    (run,) = tmp_path.iterdir()
    assert result["run"] == str(run) and result["ended"] == "budget"
    steps = [row for _, row in RunFolder(run).rows() if row["event"] == "step"]
    assert [row["step"] for row in steps] == [1, 2, 3, 4]
    alone = [e.loss for e in Trainer(RunSettings.build("simclr", **TINY, steps=4)) if isinstance(e, Step)]
    assert [row["loss"] for row in steps] == pytest.approx(alone, rel=1e-2)


def test_a_run_of_one_process_resumes_in_two(tmp_path):
    settings = RunSettings.build("mae", **TINY, token_width=16, depth=1, heads=2, steps=4)
    whole = Trainer(settings)
    list(whole)
    folder = RunFolder.create(tmp_path, settings)
    trainer = Trainer(settings)
    for event in record(trainer, folder):
        if isinstance(event, Step) and event.step == 2:
            trainer.stop()
    done = torchrun("sslcore", "resume", folder.path)
    assert done.returncode == 0, done.stderr
    resumed = checkpoint.load(folder.checkpoint)
    assert resumed["step"] == 4 and folder.status()["state"] == "finished"
    for name, value in whole.method.state_dict().items():
        assert torch.allclose(resumed["method"][name], value, atol=1e-5), name


def test_a_mistake_is_told_once(together):
    first, second = together["blunder"]
    assert "15 cannot be shared evenly by 2 processes" in first and second == "exit 2"


def test_alone_nothing_is_exchanged():
    rows = torch.rand(4, 3)
    network = torch.nn.BatchNorm1d(3)
    distributed.synchronise(network)
    assert type(network) is torch.nn.BatchNorm1d
    assert distributed.gather(rows) is rows and distributed.share({"rows": rows})["rows"] is rows
    assert distributed.leads() and distributed.of_first(7) == 7
