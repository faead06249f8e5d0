import pytest
import torch

from sslcore.errors import UserError
from sslcore.training import Trainer
from tests.conftest import tiny_settings
from tests.methods.test_conformance import batch_of, make, views_of


def test_only_the_exemplars_are_trained_on(tiny):
    trainer = Trainer(tiny_settings("exemplar", exemplars=20, batch_size=10), tiny)
    assert len(trainer.images) == len(trainer.labels) == 20
    assert torch.equal(trainer.images, tiny.train.images[:20])
    seen = torch.cat([trainer.next_batch().index for _ in range(2)])
    assert torch.equal(seen.sort().values, torch.arange(20))


def test_more_exemplars_than_images_is_all_of_them(tiny):
    assert len(Trainer(tiny_settings("exemplar", exemplars=1000), tiny).images) == 64


def test_an_image_is_its_own_class():
    views = views_of(make("exemplar"), batch_of(5))
    assert views["target"].tolist() == [0, 1, 2, 3, 4]


def test_a_batch_larger_than_the_exemplars_is_refused():
    with pytest.raises(UserError, match="exemplars"):
        tiny_settings("exemplar", exemplars=10)


def test_without_augmentation_the_copy_is_the_image():
    still = {"crop_min": 1, "flip": 0, "jitter": 0, "grayscale": 0, "rotation": 0}
    batch = batch_of(5)
    assert torch.equal(views_of(make("exemplar", **still), batch)["images"], batch.images)
