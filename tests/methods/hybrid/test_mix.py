import pytest

from sslcore.errors import UserError
from sslcore.methods.hybrid.mix import encoders_of, mixable, read_mix, read_part_knobs, write_mix
from tests.conftest import tiny_settings


def test_a_mix_is_read_as_it_is_written():
    assert read_mix(" simclr : 1, rotation:0.5 ,byol") == {"simclr": 1.0, "rotation": 0.5, "byol": 1.0}
    weights = {"vicreg": 0.04, "moco": 2.0, "jigsaw": 0.0}
    assert read_mix(write_mix(weights)) == weights


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        ("", "above 0"),
        ("simclr:0", "above 0"),
        ("simclr:1,simclr:2", "simclr twice"),
        ("simlcr:1", "Did you mean simclr"),
        ("simclr:much", "The weight of simclr must be a number"),
        ("simclr:-1", "at least 0"),
        ("simclr:nan", "finite"),
        ("simclr,supcon", "labels: leave it out"),
        ("simclr,supervised", "labels: leave it out"),
        ("simclr,split_brain", "two halves: leave it out"),
        ("simclr,random", "trains nothing: leave it out"),
        ("simclr,multitask", "mixture itself: leave it out"),
        ("hybrid", "mixture itself: leave it out"),
        ("simclr,mae", "set encoder to vit"),
        ("mae,amdim", "vit and AMDIM needs the encoder small or resnet18: leave one of them out"),
        ("simclr,w_mse:1,exemplar", ""),
    ],
)
def test_what_cannot_be_mixed_is_refused_in_one_sentence(mix, words):
    if not words:
        assert tiny_settings("hybrid", mix=mix)
        return
    with pytest.raises(UserError) as error:
        tiny_settings("hybrid", mix=mix)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_part_that_refuses_its_settings_is_named():
    with pytest.raises(UserError, match=r"^Exemplar-CNN: A batch of 16"):
        tiny_settings("hybrid", mix="simclr,exemplar", part_knobs="exemplars=8")
    with pytest.raises(UserError, match=r"^SimCLR: temperature must be at most 5"):
        tiny_settings("hybrid", part_knobs="temperature=9")


def test_knobs_go_to_their_owner_or_to_all_that_have_them():
    names = ["simclr", "moco", "rotation"]
    assert read_part_knobs("", names) == {"simclr": {}, "moco": {}, "rotation": {}}
    assert read_part_knobs("temperature=0.3, moco.momentum = 0.9", names) == {
        "simclr": {"temperature": "0.3"},
        "moco": {"temperature": "0.3", "momentum": "0.9"},
        "rotation": {},
    }


@pytest.mark.parametrize(
    "text", ["simclr.momentum=0.9", "byol.momentum=0.9", "learning_rate=1", "simclr.temperature", "=2"]
)
def test_knobs_that_no_part_has_are_refused(text):
    with pytest.raises(UserError, match=r"sets no knob of simclr or rotation: write method\.knob=value"):
        read_part_knobs(text, ["simclr", "rotation"])


def test_methods_know_what_they_can_work_with():
    assert encoders_of("mae") == ("vit",) and encoders_of("amdim") == ("small", "resnet18")
    assert len(encoders_of("simclr")) == 3
    known = mixable()
    assert {"simclr", "rotation", "mae", "deepcluster"} <= set(known)
    assert not {"hybrid", "multitask", "random", "supervised", "supcon", "split_brain"} & set(known)
