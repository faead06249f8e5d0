import gc
import threading
import time
import weakref
from dataclasses import replace
from itertools import count
from math import cos, pi
from types import SimpleNamespace

import pytest
import torch

from sslcore.errors import UserError
from sslcore.evaluation import knn_accuracy, linear_probe
from sslcore.pixels import as_floats
from sslcore.registry import methods
from sslcore.runs import checkpoint
from sslcore.settings import OptimiserSettings
from sslcore.training import (
    Baselines,
    Changed,
    Diagnosis,
    Evaluation,
    Finished,
    Measuring,
    Snapshot,
    Step,
    Trainer,
)
from sslcore.training.optimisers import build_optimiser, rate, set_rate
from sslcore.training.referee import Referee
from tests.conftest import make_data, tiny_settings


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def plain(events):
    """What must be the same in two equal runs: everything but times."""
    rows = [event.as_dict() for event in events if not isinstance(event, Measuring)]
    return [{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in rows]


def test_a_run_begins_with_its_baselines_and_ends_with_its_last_evaluation(tiny):
    events = [event for event in Trainer(tiny_settings(), tiny) if not isinstance(event, Measuring)]
    assert [type(e) for e in events[:5]] == [Diagnosis, Step, Baselines, Evaluation, Snapshot]
    assert all(event.step == 0 for event in events[2:5])
    assert isinstance(events[-1], Finished) and events[-1].reason == "budget"
    assert len(of_kind(events, Step)) == 6
    last = of_kind(events, Evaluation)[-1]
    assert last.step == 6 and last.linear is not None and 0 <= last.knn <= 1
    assert of_kind(events, Baselines)[0].random_knn == of_kind(events, Evaluation)[0].knn


def test_the_linear_probe_is_fitted_four_times_whatever_the_number_of_evaluations(tiny):
    evaluations = of_kind(Trainer(tiny_settings(steps=20, evaluations=10), tiny), Evaluation)
    assert len(evaluations) == 11
    assert [e.step for e in evaluations if e.linear is not None] == [6, 10, 16, 20]


@pytest.mark.parametrize(("seconds", "times"), [(1, 4), (60, 12), (86_400, 2000)])
def test_a_budget_of_seconds_is_evaluated_every_five_within_limits(tiny, seconds, times):
    assert Trainer(tiny_settings(steps=0, seconds=seconds, evaluations=0), tiny)._evaluations() == times


@pytest.fixture
def clock(monkeypatch):
    """On it every step and every evaluation takes a sixteenth of a second."""
    ticks = count(0.0, 1 / 16)
    monkeypatch.setattr("sslcore.training.trainer.time", SimpleNamespace(perf_counter=lambda: next(ticks)))


def test_a_skipped_evaluation_does_not_cost_its_quarter_the_linear_probe(tiny, clock, monkeypatch):
    trainer, evaluations = Trainer(tiny_settings(steps=0, seconds=1, evaluations=8), tiny), []
    for event in trainer:
        if isinstance(event, Step):
            share = -1.0 if event.step == 4 else 100.0  # no time at the first quarter
            monkeypatch.setattr("sslcore.training.trainer.EVALUATION_SHARE", share)
        evaluations += of_kind([event], Evaluation)
    assert [e.step for e in evaluations] == [0, 2, 6, 8, 10, 12, 14, 16]
    assert [e.step for e in evaluations if e.linear is not None] == [6, 8, 12, 16]


def test_a_resumed_run_evaluates_as_often_as_its_own_seconds_allow(tiny, clock, monkeypatch):
    monkeypatch.setattr("sslcore.training.trainer.EVALUATION_SHARE", 0.25)
    settings = tiny_settings(steps=0, seconds=1, evaluations=8)
    trainer, first = Trainer(settings, tiny), []
    for event in trainer:
        first += of_kind([event], Evaluation)
        if isinstance(event, Step) and event.step == 8:
            break
    assert [e.step for e in first] == [0, 2, 4]
    rest = of_kind(Trainer(settings, tiny, resume=trainer.state()), Evaluation)
    assert [e.step for e in rest] == [8, 12, 16]


def test_where_no_thread_can_be_had_everything_is_measured_all_the_same(tiny, monkeypatch):
    usual = [event for event in Trainer(tiny_settings(), tiny) if not isinstance(event, Measuring)]

    def submit(self, measure):
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr("sslcore.training.background.ThreadPoolExecutor.submit", submit)
    events = list(Trainer(tiny_settings(), tiny))
    assert [(type(e), e.step) for e in events] == [(type(e), e.step) for e in usual]
    assert [e.knn for e in of_kind(events, Evaluation)] == [e.knn for e in of_kind(usual, Evaluation)]


def test_a_run_that_is_over_leaves_neither_its_network_nor_a_thread(tiny):
    gc.collect()
    gc.disable()
    try:
        trainer = Trainer(tiny_settings(), tiny)
        network = weakref.ref(trainer.method)
        for _ in trainer:
            pass
        measuring = [thread for thread in threading.enumerate() if thread.name.startswith("measure")]
        for thread in measuring:
            thread.join(5)
        assert not any(thread.is_alive() for thread in measuring)
        del trainer
        assert network() is None, "memory is free at once, not when garbage is collected"
    finally:
        gc.enable()


def test_terms_add_up_to_the_loss(tiny):
    for event in of_kind(Trainer(tiny_settings("vicreg"), tiny), Step):
        assert sum(event.terms.values()) == pytest.approx(event.loss, rel=1e-5)


def test_energies_of_pairs_are_measured_where_views_are_compared(tiny):
    for diagnosis in of_kind(Trainer(tiny_settings("simclr"), tiny), Diagnosis):
        assert 0 <= diagnosis.energy["auc"] <= 1
        # the mean squared distance of unit rows is twice the energy
        assert 2 * diagnosis.energy["compatible"] == pytest.approx(diagnosis.figures["alignment"], abs=1e-5)
    assert all(d.energy is None for d in of_kind(Trainer(tiny_settings("rotation"), tiny), Diagnosis))


def test_per_term_gradient_norms_are_measured(tiny):
    evaluation = of_kind(Trainer(tiny_settings("vicreg"), tiny), Evaluation)[-1]
    assert set(evaluation.gradient_norms) == {"invariance", "variance", "covariance"}
    assert all(norm >= 0 for norm in evaluation.gradient_norms.values())


def test_the_gradient_of_a_single_term_is_not_measured_apart(tiny, monkeypatch):
    trainer = Trainer(tiny_settings(evaluations=3), tiny)
    views, drawn = trainer.method.views, []
    monkeypatch.setattr(trainer.method, "views", lambda *given: drawn.append(1) or views(*given))
    evaluations = of_kind(trainer, Evaluation)
    assert len(evaluations) == 4 and not any(e.gradient_norms for e in evaluations)
    assert len(drawn) == 6 + 1  # once per step, and once to see that there is but one term


STATEFUL = ["moco", "dino", "instance_discrimination", "colorization", "ibot"]


@pytest.mark.parametrize(
    ("name", "knobs"), [("swav", {"queue_size": 32}), *((name, {}) for name in STATEFUL)]
)
def test_measuring_does_not_disturb_training(name, knobs, tiny):
    """Nor running statistics, queues, centres, banks and counts."""
    seldom, often = (Trainer(tiny_settings(name, evaluations=times, **knobs), tiny) for times in (1, 6))
    assert [e.loss for e in of_kind(seldom, Step)] == [e.loss for e in of_kind(often, Step)]
    for left, right in zip(seldom.method.buffers(), often.method.buffers(), strict=True):
        assert torch.equal(left, right)


def test_the_spread_before_normalisation_is_measured_as_the_loss_sees_it(tiny):
    trainer = Trainer(tiny_settings("vicreg"), tiny)
    found = of_kind(trainer, Diagnosis)[-1].figures["raw_std"]
    method, seen = trainer.method, trainer.referee.pair[0]
    with torch.no_grad():
        assert method.project(seen).std(0).mean().item() == pytest.approx(found, rel=1e-3)
        assert method.eval().project(seen).std(0).mean().item() != pytest.approx(found, rel=0.1)


def test_seconds_end_a_run(tiny, clock):
    steps = of_kind(Trainer(tiny_settings(steps=0, seconds=1), tiny), Step)
    assert steps[-1].seconds >= 1 > steps[-2].seconds and steps[-1].fraction == 1.0


def test_a_group_has_its_share_of_the_rate():
    w, b = (torch.zeros(2, requires_grad=True) for _ in range(2))
    groups = [
        {"params": [w], "rate": 0.1, "constant_rate": False},
        {"params": [b], "rate": 1.0, "constant_rate": True},
    ]
    optimiser = torch.optim.SGD(groups, lr=9.0)
    set_rate(optimiser, OptimiserSettings(learning_rate=1.0, warmup=0.0), 0.5)  # halfway down the cosine
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([0.05, 1.0])


def test_gradients_are_clipped_and_told_as_they_were(tiny):
    knobs = {
        "optimiser": "sgd", "learning_rate": 1.0, "weight_decay": 0, "warmup": 0,
        "schedule": "constant", "steps": 1, "gradient_clip": 0.01,
    }  # fmt: skip
    trainer = Trainer(tiny_settings(**knobs), tiny)
    before = [p.detach().clone() for p in trainer.method.parameters()]
    (step,) = of_kind(trainer, Step)
    now = trainer.method.parameters()
    moved = torch.cat([(p.detach() - b).flatten() for p, b in zip(now, before, strict=True)])
    assert step.gradient_norm > 0.01 and moved.norm().item() == pytest.approx(0.01, rel=1e-2)


def test_probes_are_fitted_on_the_bank_and_scored_on_held_out_images(tiny):
    bank, held = tiny.train.take(torch.arange(40)), tiny.train.take(torch.arange(40, 64))
    held = replace(held, labels=held.labels.roll(1))  # wrong on purpose
    trainer = Trainer(tiny_settings(steps=2, evaluations=1), replace(tiny, probe=bank, test=held))
    last = of_kind(trainer, Evaluation)[-1]
    with torch.no_grad():
        rows = [trainer.method.eval().encode(as_floats(split.images)) for split in (bank, held)]
    k, temperature = trainer.settings["knn_k"], trainer.settings["knn_temperature"]
    knn = knn_accuracy(rows[0], bank.labels, rows[1], held.labels, k=k, temperature=temperature)
    linear = linear_probe(rows[0], bank.labels, rows[1], held.labels).accuracy
    assert last.knn == pytest.approx(knn) and last.linear == pytest.approx(linear, abs=0.05)


def test_epochs_end_a_run(tiny):
    assert len(of_kind(Trainer(tiny_settings(steps=0, epochs=2), tiny), Step)) == 2 * (64 // 16)


def test_every_image_is_seen_once_per_epoch(tiny):
    trainer = Trainer(tiny_settings(), tiny)
    seen = torch.cat([trainer.next_batch().index for _ in range(4)])
    assert sorted(seen.tolist()) == list(range(64))


def test_unlabelled_images_train_without_label_figures(unlabelled):
    events = list(Trainer(tiny_settings(), unlabelled))
    assert of_kind(events, Baselines)[0].pixels_knn is None
    assert all(e.knn is None and e.linear is None for e in of_kind(events, Evaluation))
    assert of_kind(events, Diagnosis)[-1].verdict in ("healthy", "partial", "complete")
    assert (of_kind(events, Snapshot)[-1].predictions == -1).all()


def test_supervised_needs_labels(unlabelled):
    with pytest.raises(UserError, match="labels"):
        Trainer(tiny_settings("supervised"), unlabelled)


@pytest.mark.parametrize(
    "name, knobs, remedy",
    [
        ("colorization", {}, "another method"),
        ("multitask", {"tasks": "rotation,colorization"}, "a mixture without it"),
        ("hybrid", {"mix": "simclr:1,colorization:1"}, "a mixture without it"),
    ],
)
def test_colours_cannot_be_learned_from_gray_images(tiny, name, knobs, remedy):
    gray = tiny.train.images[:, :1].expand(-1, 3, -1, -1)
    data = replace(tiny, train=replace(tiny.train, images=gray))
    with pytest.raises(UserError, match=f"colorization learns from colours and Tiny has none.* or {remedy}"):
        Trainer(tiny_settings(name, **knobs), data)


def test_a_batch_larger_than_the_data_is_refused(tiny):
    with pytest.raises(UserError, match="set batch_size to 64 or less"):
        Trainer(tiny_settings(batch_size=65), tiny)


def test_patches_that_do_not_fill_the_views_are_refused_before_anything_is_trained(tiny):
    vit = {"encoder": "vit", "patch_size": 16}
    with pytest.raises(UserError, match="does not divide views of 12 px evenly: set patch_size to 4"):
        Trainer(tiny_settings("jigsaw", **vit), tiny)
    # views that may have any size take the nearest that patches fill, and an answer's size is its own affair
    for name in ("simclr", "mean_shift", "instance_discrimination", "lejepa", "swav", "colorization"):
        assert Trainer(tiny_settings(name, **vit), tiny).method.encoder.token_count == 4


def test_a_learning_rate_that_explodes_ends_the_run_with_a_reason(tiny):
    calm = {"optimiser": "sgd", "gradient_clip": 0, "steps": 200}
    events = list(Trainer(tiny_settings("denoising_autoencoder", learning_rate=100, **calm), tiny))
    assert events[-1].reason == "diverged"
    assert f"step {events[-1].step}" in events[-1].message and "try 10" in events[-1].message
    assert len(of_kind(events, Step)) < 200


def test_stop_ends_after_the_current_step(tiny):
    trainer = Trainer(tiny_settings(steps=100), tiny)
    events = []
    for event in trainer:
        events.append(event)
        if isinstance(event, Step) and event.step == 2:
            trainer.stop()
    assert events[-1].reason == "stopped" and events[-1].step == 2


def test_live_knobs_turn_and_others_do_not(tiny):
    trainer = Trainer(tiny_settings(steps=4, schedule="constant", warmup=0), tiny)
    trainer.update(learning_rate=0.5, temperature=0.7)
    events = list(trainer)
    assert of_kind(events, Changed)[0].values == {"learning_rate": 0.5, "temperature": 0.7}
    assert of_kind(events, Step)[0].learning_rate == 0.5 and trainer.method.knobs.temperature == 0.7
    with pytest.raises(UserError, match="cannot change while"):
        trainer.update(batch_size=8)
    with pytest.raises(UserError, match="at most"):
        trainer.update(temperature=99)


@pytest.mark.parametrize("name", methods())
@pytest.mark.parametrize("stop_at", [1, 3])
def test_a_saved_state_continues_bit_for_bit(name, stop_at, tiny, tmp_path):
    whole = list(Trainer(tiny_settings(name, steps=6), tiny))
    trainer = Trainer(tiny_settings(name, steps=6), tiny)
    first = []
    for event in trainer:
        first.append(event)
        if isinstance(event, Step) and event.step == stop_at:
            break
    checkpoint.save(tmp_path, trainer.state())
    rest = list(Trainer(tiny_settings(name, steps=6), tiny, resume=checkpoint.load(tmp_path)))
    for one, other in zip(plain(whole), plain(first + rest), strict=True):
        assert one.keys() == other.keys()
        assert all(str(one[key]) == str(other[key]) for key in one)


def test_a_state_of_an_earlier_version_continues_without_new_baselines(tiny):
    trainer = Trainer(tiny_settings(), tiny)
    while trainer.step < 3:
        next(trainer)
    state = trainer.state()
    del state["introduced"]
    rest = list(Trainer(tiny_settings(), tiny, resume=state))
    assert not of_kind(rest, Baselines) and rest[-1].step == 6


def test_learning_rate_warms_up_and_comes_down():
    settings = OptimiserSettings(learning_rate=1.0, warmup=0.1)
    assert rate(settings, 0.05) == pytest.approx(0.5)
    assert rate(settings, 0.1) == pytest.approx(1.0)
    assert rate(settings, 0.55) == pytest.approx(0.5 * (1 + cos(pi / 2)))
    assert rate(settings, 1.0) == pytest.approx(0.0)
    assert rate(OptimiserSettings(learning_rate=1.0, schedule="constant"), 0.9) == 1.0


def test_norms_and_biases_do_not_decay(tiny):
    method = Trainer(tiny_settings(), tiny).method
    optimiser = build_optimiser(method, OptimiserSettings(weight_decay=0.1), torch.device("cpu"))
    for group in optimiser.param_groups:
        for p in group["params"]:
            assert group["weight_decay"] == (0.1 if p.ndim >= 2 else 0.0)


def test_the_predictor_of_simsiam_keeps_its_rate(tiny):
    trainer = Trainer(tiny_settings("simsiam", steps=4), tiny)
    list(trainer)
    rates = {group["lr"] for group in trainer.optimiser.param_groups if group["constant_rate"]}
    assert rates == {trainer.settings["learning_rate"]}


def test_pixel_baseline_is_the_same_protocol_on_raw_pixels(tiny):
    baselines = of_kind(Trainer(tiny_settings(), make_data()), Baselines)[0]
    flat = tiny.train.images.flatten(1).float()
    assert baselines.pixels_knn == pytest.approx(
        knn_accuracy(flat, tiny.train.labels, flat, tiny.train.labels)
    )


def test_pixel_baseline_is_remembered_by_content(tiny):
    from dataclasses import replace

    from sslcore.training.referee import pixels_knn

    knn = {"k": 3, "temperature": 0.1}
    assert pixels_knn(tiny, knn) == pixels_knn(make_data(), knn)
    mirrored = replace(tiny.test, labels=tiny.test.labels.flip(0))
    assert pixels_knn(replace(tiny, test=mirrored), knn) != pixels_knn(tiny, knn)


def test_the_network_before_training_is_the_one_that_is_trained(tiny):
    trainer = Trainer(tiny_settings(learning_rate=1e-6, steps=20, evaluations=1), tiny)
    before = trainer.referee.baselines(0, 0.0)  # of the network itself, before its first step
    told = of_kind(trainer, Baselines)[0]
    assert told == before


def test_a_long_measurement_can_be_watched(tiny, monkeypatch):
    trainer = Trainer(tiny_settings(), tiny)
    evaluate = trainer.referee.evaluate

    def slowly(*args, **how):
        time.sleep(0.5)
        return evaluate(*args, **how)

    monkeypatch.setattr(trainer.referee, "evaluate", slowly)
    events = list(trainer)
    assert len(of_kind(events, Measuring)) >= 3
    assert of_kind(events, Evaluation)[-1].step == 6


@pytest.fixture
def held(monkeypatch):
    """Measurements of the untrained network wait until this is set."""
    released, baselines = threading.Event(), Referee.baselines

    def slowly(*args):
        released.wait(60)
        return baselines(*args)

    monkeypatch.setattr(Referee, "baselines", slowly)
    return released


def test_a_run_that_is_stopped_does_not_wait_for_what_may_be_measured_later(tiny, held):
    settings = tiny_settings(steps=60)
    trainer = Trainer(settings, tiny)
    events = []
    for event in trainer:
        events.append(event)
        if isinstance(event, Measuring):
            trainer.stop()
    assert events[-1].reason == "stopped" and not of_kind(events, Baselines)
    held.set()
    resumed = list(Trainer(settings, tiny, resume=trainer.state()))
    assert len(of_kind(resumed, Baselines)) == 1 and resumed[-1].reason == "budget"


def test_a_single_step_does_not_wait_for_it_either(tiny, held):
    trainer, events = Trainer(tiny_settings(steps=20, evaluations=1), tiny), []
    for event in trainer:
        events.append(event)
        trainer.hurried = isinstance(event, Measuring)  # as a job sets it until a step is made
        if trainer.step == 19:
            held.set()
    assert not of_kind(events[: events.index(of_kind(events, Step)[18])], Baselines)
    assert len(of_kind(events, Baselines)) == 1 and events[-1].reason == "budget"


def test_accuracies_come_in_the_order_of_their_steps_though_a_step_is_in_a_hurry(tiny, held):
    trainer, events = Trainer(tiny_settings(steps=20, evaluations=5), tiny), []
    trainer.hurried = True
    for event in trainer:
        events.append(event)
        if isinstance(event, Measuring) and trainer.step == 4:  # an accuracy is due
            held.set()
    assert [event.step for event in of_kind(events, Evaluation)] == [0, 4, 8, 12, 16, 20]
    assert [event.step for event in of_kind(events, Step)][:3] == [1, 2, 3]
    assert events.index(of_kind(events, Step)[2]) < events.index(of_kind(events, Baselines)[0])


def test_a_run_that_is_stopped_does_not_wait_for_an_evaluation_and_whoever_resumes_it_makes_up_for_it(
    tiny, monkeypatch
):
    monkeypatch.setattr("sslcore.training.referee.CHUNK", 8 * 32**2)
    settings = tiny_settings(steps=60, evaluations=2)
    trainer, events = Trainer(settings, tiny), []
    forward = trainer.referee._forward

    def slowly(*args, **how):
        time.sleep(0.3)
        return forward(*args, **how)

    monkeypatch.setattr(trainer.referee, "_forward", slowly)
    for event in trainer:
        events.append(event)
        if isinstance(event, Measuring) and trainer.step == 30:
            trainer.stop()
    assert [event.step for event in of_kind(events, Evaluation)] == [0] and trainer.step == 30
    assert events[-1].reason == "stopped" and trainer.method.training
    resumed = list(Trainer(settings, tiny, resume=trainer.state()))
    assert [event.step for event in of_kind(resumed, Evaluation)] == [30, 60]
    whole = of_kind(list(Trainer(settings, tiny)), Diagnosis)
    assert [d.figures for d in of_kind(events + resumed, Diagnosis)] == [d.figures for d in whole]
