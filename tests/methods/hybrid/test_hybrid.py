from math import isnan, log

import pytest
import torch

from sslcore.errors import UserError
from sslcore.methods.base import Epoch, Progress
from sslcore.settings import SECTIONS
from sslcore.training import Snapshot, Step, Trainer
from tests.conftest import make_data, tiny_settings
from tests.methods.test_conformance import batch_of, make, views_of


def run(method: str, **values) -> tuple[list[float], torch.Tensor]:
    """The losses of a short run, and the features that it ends with."""
    events = list(Trainer(tiny_settings(method, **{"steps": 3, "evaluations": 1, **values}), make_data()))
    last = [event for event in events if isinstance(event, Snapshot)][-1]
    return [event.loss for event in events if isinstance(event, Step)], torch.from_numpy(last.features)


def around(method: str) -> dict:
    """All of a method's settings but its own knobs; without clipping, which depends on the order of weights."""
    settings = tiny_settings(method, gradient_clip=0)
    values = {k: v for section in SECTIONS for k, v in getattr(settings, section).model_dump().items()}
    return {**values, "steps": 3, "evaluations": 1}


def test_the_loss_is_the_weighted_sum_of_the_parts_own_losses():
    weights = {"simclr": 1.0, "rotation": 0.5, "vicreg": 2.0}
    method = make("hybrid", mix="simclr:1,rotation:0.5,vicreg:2")
    views = views_of(method, batch_of(8))
    losses = method.loss(views)
    assert list(losses.terms) == list(weights)
    for name, weight in weights.items():
        own = {k.removeprefix(f"{name}."): rows for k, rows in views.items() if k.startswith(f"{name}.")}
        alone = make(name).loss(own)
        assert losses.terms[name].item() == pytest.approx(weight * alone.total.item(), rel=1e-6)
    parts = [losses.metrics[f"vicreg_{term}"].item() for term in ("invariance", "variance", "covariance")]
    assert 2 * sum(parts) == pytest.approx(losses.terms["vicreg"].item(), rel=1e-5)
    assert losses.metrics["rotation_pretext_accuracy"] <= 1


@pytest.mark.parametrize(
    "name",
    ["simclr", "micle", "byol", "simsiam", "moco", "swav", "deepcluster", "rotation", "colorization", "mae"],
)
def test_one_part_of_weight_1_is_that_method_to_the_last_bit(name):
    losses, features = run(name, **around(name))
    mixed, same = run("hybrid", mix=name, **around(name))
    assert losses == mixed and torch.equal(features, same)


def test_weight_0_is_as_if_it_were_not_there():
    method = make("hybrid", mix="simclr:1,byol:0")
    method.loss(views_of(method, batch_of(8))).total.backward()
    assert all(p.grad is None for p in method.parts["byol"].parameters())
    assert any(p.grad is not None for p in method.parts["simclr"].parameters())
    losses, features = run("hybrid", mix="simclr:1")
    silent, same = run("hybrid", mix="simclr:1,rotation:0")
    assert losses == silent and torch.equal(features, same)


def test_the_shared_encoder_counts_once_and_parts_keep_their_rates():
    method = make("hybrid", mix="byol,simsiam,context_encoder")
    assert all(part.encoder is method.encoder for part in method.parts.values())
    groups = method.parameter_groups()
    grouped = [id(p) for group in groups for p in group["params"]]
    assert len(grouped) == len(set(grouped)) == sum(p.requires_grad for p in method.parameters())
    assert {4.0, 0.1} <= {group.get("rate") for group in groups}
    assert any(group.get("constant_rate") for group in groups)


def test_targets_begin_as_copies_and_follow_the_shared_encoder():
    method = make("hybrid", mix="byol,moco,dino", part_knobs="momentum=0")

    def agree() -> bool:
        online = list(method.encoder.parameters())
        targets = [list(part.target[0].parameters()) for part in method.parts.values()]
        return all(torch.allclose(a, b) for target in targets for a, b in zip(target, online, strict=True))

    assert agree()
    with torch.no_grad():
        for p in method.encoder.parameters():
            p.add_(0.1)
    assert not agree()
    method.after_step(Progress(1, 0.0))
    assert agree()


def test_what_a_part_holds_still_stays_still():
    mix = {"mix": "moco,mae", "part_knobs": "moco.version=v3", "encoder": "vit"}
    method = make("hybrid", **mix)
    method.loss(views_of(method, batch_of(8))).total.backward()
    assert all(p.grad is None for p in method.encoder.patch_embedding.parameters())
    assert any(p.grad is not None for p in method.encoder.blocks.parameters())


STATEFUL = "moco,nnclr,instance_discrimination,swav,deepcluster,colorization,exemplar"


def test_queues_banks_and_clusterings_survive_a_checkpoint():
    how = {
        "mix": STATEFUL,
        "part_knobs": "queue_size=32,recluster_every=1,exemplars=32,clusters=20",
        "steps": 6,
    }
    settings, data = tiny_settings("hybrid", **how), make_data()
    whole = Trainer(settings, data)
    curve = [(event.loss, event.metrics) for event in whole if isinstance(event, Step)]
    half = Trainer(settings, data)
    for event in half:
        if isinstance(event, Step) and event.step == 3:
            break
    resumed = Trainer(settings, data, resume=half.state())
    assert len(resumed.images) == 32  # the exemplars are all that is learned from
    assert [(event.loss, event.metrics) for event in resumed if isinstance(event, Step)] == curve[3:]
    ends = (trainer.method.state_dict() for trainer in (whole, resumed))
    first, second = ends
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_sorting_all_images_leaves_the_batch_norms_alone():
    method = make("hybrid", mix="deepcluster")
    before = {name: buffer.clone() for name, buffer in method.encoder.named_buffers()}
    images = (255 * torch.rand(64, 3, 32, 32)).to(torch.uint8)
    with torch.no_grad():
        method.on_epoch(Epoch(0, images, torch.Generator().manual_seed(0)))
    assert method.parts["deepcluster"].sortings.done and method.encoder.training
    assert all(torch.equal(buffer, before[name]) for name, buffer in method.encoder.named_buffers())


def test_transformers_serve_masks_and_views_together():
    losses, _ = run("hybrid", mix="mae,simclr:0.1,ijepa,ibot", encoder="vit", part_knobs="prototypes=8")
    assert len(losses) == 3


def test_weights_turn_while_a_run_goes_on_and_methods_do_not():
    method, batch = make("hybrid", mix="simclr,rotation"), batch_of(8)
    before = method.loss(views_of(method, batch)).terms
    method.settings = method.settings.turn(mix="simclr:0.25,rotation", part_knobs="simclr.temperature=0.1")
    after = method.loss(views_of(method, batch)).terms
    assert after["simclr"].item() == pytest.approx(0.25 * before["simclr"].item(), rel=1e-5)
    assert after["rotation"].item() == before["rotation"].item()
    method.settings = method.settings.turn(part_knobs="simclr.temperature=0.5")
    views_of(method, batch)
    assert method.parts["simclr"].knobs.temperature == 0.5
    for turned in ({"mix": "simclr"}, {"mix": "rotation,simclr"}, {"mix": "simclr,rotation,byol"}):
        with pytest.raises(UserError, match="methods it began with"):
            method.settings.turn(**turned)
    with pytest.raises(UserError, match=r"rotation\.watermark cannot change"):
        method.settings.turn(part_knobs="rotation.watermark=on")


def test_augmentations_that_turn_reach_the_parts():
    method = make("hybrid")
    method.settings = method.settings.turn(noise=0.3)
    views_of(method, batch_of(2))
    assert all(part.settings["noise"] == 0.3 for part in method.parts.values())


def test_reference_values_add_up_where_all_parts_have_one():
    settings = tiny_settings("hybrid", mix="simclr:1,rotation:0.5,amdim:0")
    card = make("hybrid").card
    assert card.chance(settings) == card.collapse(settings) == pytest.approx(log(31) + 0.5 * log(4))
    assert card.best(settings) < 0.1
    assert isnan(card.chance(tiny_settings("hybrid", mix="simclr,amdim")))


def test_the_first_part_is_what_probes_and_lamps_judge():
    images = batch_of(4).images
    seen = {}
    for mix in ("simclr,colorization", "colorization,simclr"):
        method = make("hybrid", mix=mix).eval()
        seen[mix] = method.encode(images)
        assert torch.equal(seen[mix], method.first.encode(images))
        assert torch.equal(method.project(images), method.first.project(images))
    assert not torch.equal(*seen.values())  # colorization looks at gray


def test_energies_are_measured_where_the_first_part_compares_views():
    assert make("hybrid", mix="simclr,rotation").compares_views
    assert not make("hybrid", mix="rotation,simclr").compares_views


def test_panels_say_whose_they_are():
    method = make("hybrid")
    titles = [panel.title for panel in method.preview(views_of(method, batch_of(8)))]
    assert {title.split(":")[0] for title in titles} == {"SimCLR", "Rotation prediction"}


def test_a_look_at_the_gradients_leaves_nothing_to_be_stored():
    trainer = Trainer(tiny_settings("hybrid", mix="moco,instance_discrimination,dino"), make_data())
    before = {name: buffer.clone() for name, buffer in trainer.method.named_buffers()}
    evaluation, _ = trainer.referee.evaluate(0, 0.0, linear=False)
    assert len(evaluation.gradient_norms) == 3
    trainer.method.after_step(Progress(1, 0.0))
    assert all(torch.equal(before[name], buffer) for name, buffer in trainer.method.named_buffers())
