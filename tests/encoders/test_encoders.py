from itertools import pairwise

import pytest
import torch

from sslcore.encoders import InputInfo, build_encoder, mlp
from sslcore.encoders.vision_transformer import VisionTransformer, attention, sincos_positions
from sslcore.errors import UserError
from sslcore.settings import EncoderSettings


@pytest.mark.parametrize("kind", ["small", "resnet18", "vit"])
@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 32), (3, 48), (3, 64)])
def test_one_representation_per_image(kind, channels, size):
    info = InputInfo(channels=channels, size=size, mean=(0.5,) * channels, std=(0.25,) * channels)
    encoder = build_encoder(EncoderSettings(encoder=kind, width=4, token_width=16, depth=1), info).eval()
    features = encoder(torch.rand(2, channels, size, size))
    assert features.shape == (2, encoder.feature_dim) and features.isfinite().all()


@pytest.mark.parametrize("kind", ["small", "resnet18"])
def test_maps_of_all_stages_end_in_the_representation(kind):
    encoder = build_encoder(EncoderSettings(encoder=kind, width=4), InputInfo()).eval()
    images = torch.rand(2, 3, 32, 32)
    maps = encoder.feature_maps(encoder.standardise(images))
    assert tuple(m.shape[1] for m in maps) == encoder.map_dims
    assert all(coarse.shape[2] <= fine.shape[2] for fine, coarse in pairwise(maps))
    assert torch.allclose(maps[-1].mean((2, 3)), encoder(images), atol=1e-6)


@pytest.mark.parametrize("kind", ["small", "vit"])
def test_other_sizes_than_the_training_size_work(kind):
    encoder = build_encoder(
        EncoderSettings(encoder=kind, width=4, token_width=16, depth=1), InputInfo(size=32)
    )
    assert encoder.eval()(torch.rand(2, 3, 16, 16)).shape == (2, encoder.feature_dim)


def test_images_are_standardised_inside():
    encoder = build_encoder(EncoderSettings(width=4), InputInfo(mean=(0.1, 0.2, 0.3), std=(0.5, 0.5, 0.5)))
    image = torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    assert encoder.standardise(image).abs().max() < 1e-6


def test_sine_cosine_rows_have_norm_half_the_width():
    positions = sincos_positions(5, 24)
    assert torch.allclose(positions.square().sum(1), torch.full((25,), 12.0), atol=1e-4)
    assert torch.cdist(positions, positions)[~torch.eye(25, dtype=torch.bool)].min() > 0.1


def test_places_of_a_smaller_view_lie_where_they_are_in_the_whole_image():
    whole = sincos_positions(8, 24)
    assert torch.equal(sincos_positions(8, 24, span=8), whole)
    half = sincos_positions(4, 24, span=8)  # each lies in the middle of four places of the whole grid
    nearest = torch.cdist(half, whole).topk(4, largest=False).indices.sort(1).values
    first = (torch.arange(4)[:, None] * 16 + torch.arange(4) * 2).flatten()[:, None]
    assert torch.equal(nearest, first + torch.tensor([0, 1, 8, 9]))


def test_a_transformer_sees_only_the_tokens_it_is_given():
    encoder = VisionTransformer(InputInfo(size=16), patch_size=4, token_width=16, depth=1, heads=2).eval()
    images = torch.rand(2, 3, 16, 16)
    keep = torch.tensor([[0, 1], [0, 1]])  # the upper left corner
    changed = images.clone()
    changed[:, :, 8:] = 0.0
    assert torch.equal(encoder.tokens(images, keep), encoder.tokens(changed, keep))
    assert encoder.tokens(images).shape == (2, 16, 16)


def test_the_attention_map_is_what_places_give_to_others():
    encoder = VisionTransformer(InputInfo(size=16), patch_size=4, token_width=16, depth=2, heads=2).eval()
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = encoder.attention_map(images)
    assert found.shape == (3, 4, 4) and torch.allclose(found.sum((1, 2)), torch.ones(3))
    last = encoder.blocks[-1]
    given = last.weights(encoder.blocks[0](encoder.embed_patches(images))).mean(1).mean(1)  # heads, queries
    assert torch.allclose(found.flatten(1), given) and given.std() > 1e-4
    tokens = torch.rand(1, 16, 16)
    query, key, value = last._heads(tokens)
    assert torch.allclose(last.weights(tokens) @ value, attention(query, key, value), atol=1e-5)
    with torch.no_grad():
        last.qkv.weight.zero_()  # all are alike to all
    assert torch.allclose(encoder.attention_map(images), torch.full((3, 4, 4), 1 / 16))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_attention_is_the_textbooks(dtype):
    narrow = torch.randn(3, 2, 4, 9, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    query, key, value = narrow.double()
    expected = (query @ key.mT / 8**0.5).softmax(-1) @ value
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        mixed = attention(*narrow)
    assert mixed.dtype == (torch.float32 if dtype == torch.bfloat16 else dtype)
    assert torch.allclose(mixed.double(), expected, atol=1e-5)


def test_impossible_transformers_get_a_sentence():
    with pytest.raises(UserError, match="4 px does not divide images of 50 px evenly: set patch_size to 5"):
        VisionTransformer(InputInfo(size=50), patch_size=4)
    with pytest.raises(UserError, match="heads"):
        VisionTransformer(InputInfo(size=32), token_width=96, heads=5)


def test_mlp_layout_follows_the_papers():
    head = mlp(8, 16, 4, final_norm=True)
    names = [type(layer).__name__ for layer in head]
    assert names == ["Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d"]
    assert head[0].bias is None and head[3].bias is None and head[4].weight is None
    assert mlp(8, 4)[0].bias is not None and len(mlp(8, 4)) == 1
