import pytest
import torch

from sslcore.encoders import (
    ChannelwiseLinear,
    Decoder,
    InputInfo,
    PlaceDecoder,
    build_encoder,
    doublings,
    map_side,
)
from sslcore.errors import UserError
from sslcore.settings import EncoderSettings


@pytest.mark.parametrize(("size", "channels"), [(32, 3), (48, 1), (64, 3)])
def test_a_code_becomes_an_image(size, channels):
    decoder = Decoder(7, InputInfo(channels=channels, size=size))
    assert decoder(torch.rand(2, 7)).shape == (2, channels, size, size)


def test_sides_that_cannot_be_doubled_to_get_a_sentence():
    with pytest.raises(UserError, match="multiple of 8"):
        Decoder(7, InputInfo(size=36))


@pytest.mark.parametrize("side", [3, 8, 9])
def test_an_answer_at_every_place(side):
    assert PlaceDecoder(6, 10, side)(torch.rand(2, 6, 4, 4)).shape == (2, 10, side, side)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_doublings_double(times):
    assert doublings(16, 3, times)(torch.rand(2, 16, 4, 4)).shape == (2, 3, 4 << times, 4 << times)


def test_channelwise_linear_has_the_papers_number_of_weights():
    layer = ChannelwiseLinear(256, 6)
    assert sum(p.numel() for p in layer.parameters()) == 256 * 6**4 == 331_776


def test_channels_stay_apart_and_places_mix():
    layer = ChannelwiseLinear(4, 3)
    maps = torch.rand(2, 4, 3, 3)
    changed = maps.clone()
    changed[:, 1, 0, 0] += 1
    difference = (layer(changed) - layer(maps)).abs()
    assert difference[:, [0, 2, 3]].max() == 0 and difference[:, 1].min() > 0
    expected = torch.einsum("ncp,cpq->ncq", maps.flatten(2), layer.weight).view(2, 4, 3, 3)
    assert torch.allclose(layer(maps), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["small", "resnet18", "vit"])
def test_every_encoder_has_a_map_whose_mean_is_its_representation(kind):
    info = InputInfo(size=32)
    encoder = build_encoder(EncoderSettings(encoder=kind, width=4, token_width=16, depth=1), info).eval()
    images = torch.rand(2, 3, 32, 32)
    maps = encoder.feature_map(encoder.standardise(images))
    side = map_side(encoder.train(), info)
    assert encoder.training and maps.shape == (2, encoder.feature_dim, side, side)
    assert torch.allclose(maps.mean((2, 3)), encoder.eval()(images), atol=1e-5)


def test_a_transformers_map_keeps_patches_in_their_places():
    encoder = build_encoder(
        EncoderSettings(encoder="vit", token_width=16, depth=1, patch_size=8), InputInfo(size=32)
    )
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(encoder.feature_map(images)[0, :, 1, 2], encoder.tokens(images)[0, 1 * 4 + 2])
