"""A small vision transformer whose tokens can be taken one by one, as masked methods need."""

from math import ceil, gcd, isqrt, lcm

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.encoders.base import Encoder, InputInfo
from sslcore.errors import UserError
from sslcore.views.masks import patchify


def sincos_positions(side: int, width: int, span: int | None = None) -> Tensor:
    """Fixed 2-D sine-cosine positions (side * side, width): half the width for the row, half for the column.

    Each half holds sines and cosines at width/4 geometric frequencies, so every row has squared norm
    width / 2 (MAE, arXiv 2111.06377, appendix A.1).

    Args:
        side: places along each side.
        width: numbers for each place.
        span: side of the grid over which they are spread, if another: a smaller view's places lie where they would
            if it were enlarged to the whole image's size (as DINO interpolates, arXiv 2104.14294).

    Raises:
        UserError: if the width is not a multiple of 4.
    """
    if width % 4:
        raise UserError(
            f"Tokens need a width that is a multiple of 4 for their sine-cosine positions, got {width}."
        )
    frequencies = 10_000.0 ** -(torch.arange(width // 4) / (width // 4))
    places = (torch.arange(side) + 0.5) * ((span or side) / side) - 0.5
    angles = places[:, None] * frequencies
    wave = torch.cat([angles.sin(), angles.cos()], 1)  # (side, width / 2)
    rows = wave[:, None].expand(side, side, -1)
    columns = wave[None].expand(side, side, -1)
    return torch.cat([rows, columns], 2).reshape(side * side, width)


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention of tokens (N, heads, L, d): softmax(q k^T / sqrt(d)) v.

    On a CPU at least in single precision: in bfloat16 torch's backward pass takes six times as long.
    """
    if query.device.type != "cpu" or query.dtype != torch.bfloat16:
        return F.scaled_dot_product_attention(query, key, value)
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(query.float(), key.float(), value.float())


class Block(nn.Module):
    """Pre-norm attention and MLP, each around a shortcut (arXiv 2010.11929, equations 2 and 3)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        mixed = attention(*self._heads(tokens))
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(tokens.shape))
        return tokens + self.mlp(self.norm2(tokens))

    def weights(self, tokens: Tensor) -> Tensor:
        """Attention weights of tokens (N, L, width): (N, heads, L, L), every query's row sums to 1."""
        query, key, _ = (part.float() for part in self._heads(tokens))
        return (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)

    def _heads(self, tokens: Tensor) -> Tensor:
        """Query, key and value, (3, N, heads, L, d)."""
        count, length, width = tokens.shape
        qkv = self.qkv(self.norm1(tokens)).view(count, length, 3, self.heads, width // self.heads)
        return qkv.permute(2, 0, 3, 1, 4)


def transformer(width: int, depth: int, heads: int = 4) -> nn.Sequential:
    """A small transformer on tokens as they are, and its last norm: (N, L, width) to (N, L, width)."""
    return nn.Sequential(*(Block(width, heads) for _ in range(depth)), nn.LayerNorm(width))


class VisionTransformer(Encoder):
    """Patches to tokens to representation: the mean of the patch tokens after the last norm.

    Args:
        info: the images.
        patch_size: side of a patch; must divide the image side.
        token_width, depth, heads: size of the transformer.

    Raises:
        UserError: if the patch does not divide the image or the heads do not divide the width.
    """

    def __init__(
        self, info: InputInfo, patch_size: int = 4, token_width: int = 96, depth: int = 4, heads: int = 4
    ) -> None:
        super().__init__(info)
        self.patch_size, self.side = patch_size, info.size
        self.check_side("images", info.size)
        unit = lcm(4, heads)  # sine-cosine positions come in fours
        if token_width % unit:
            raise UserError(
                f"token_width must be a multiple of 4 and of the {heads} attention heads, got {token_width}: set it to "
                f"{unit * max(ceil(16 / unit), round(token_width / unit))}."
            )
        self.feature_dim = token_width
        self.token_count = (info.size // patch_size) ** 2
        self.patch_embedding = nn.Linear(info.channels * patch_size**2, token_width)
        self.blocks = nn.Sequential(*(Block(token_width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(token_width)
        self.register_buffer("positions", sincos_positions(info.size // patch_size, token_width))
        self.apply(initialise)

    def check_side(self, what: str, side: int) -> None:
        """Patches must fill the images; the complaint names a size that fills both these and the whole ones."""
        if side % self.patch_size:
            both = gcd(side, self.side)
            largest = min(both if side < self.side else both // 2, 32)  # an image of one patch has no places
            fitting = [size for size in range(2, largest + 1) if both % size == 0]
            if fitting:
                remedy = f"patch_size to {min(fitting, key=lambda size: abs(size - self.patch_size))}"
            elif side == self.side:
                remedy = f"image_size to a multiple of {self.patch_size}"
            else:
                remedy = "encoder to small, or cut the views otherwise"
            raise UserError(
                f"A patch of {self.patch_size} px does not divide {what} of {side} px evenly: set {remedy}."
            )

    def _positions(self, count: int) -> Tensor:
        if count == self.token_count:
            return self.positions
        side, span = round(count**0.5), self.side // self.patch_size
        return sincos_positions(side, self.feature_dim, span).to(self.positions)

    def tokens(
        self,
        images: Tensor,
        keep: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        mask_token: Tensor | None = None,
    ) -> Tensor:
        """Standardised images to tokens after the last norm.

        Args:
            images: (N, C, H, W), standardised.
            keep: indices (N, K) of the patches to look at; None looks at all L.
            mask: (N, L) bool, patches that are replaced by ``mask_token`` (token_width,); None hides none.

        Returns:
            (N, K, token_width), or (N, L, token_width).
        """
        return self.norm(self.blocks(self.embed_patches(images, keep, mask=mask, mask_token=mask_token)))

    def embed_patches(
        self,
        images: Tensor,
        keep: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        mask_token: Tensor | None = None,
    ) -> Tensor:
        """What the first block sees: embedded patches with their positions; arguments as for :meth:`tokens`."""
        tokens = self.patch_embedding(patchify(images, self.patch_size))
        if mask is not None:
            tokens = torch.where(mask[..., None], mask_token.to(tokens.dtype), tokens)
        tokens = tokens + self._positions(tokens.shape[1])
        if keep is not None:
            tokens = tokens.gather(1, keep[..., None].expand(-1, -1, tokens.shape[2]))
        return tokens

    def attention_map(self, images: Tensor) -> Tensor:
        """Where the last block looks: the attention that each place of standardised images gets, (N, h, w) for square
        images, mean over heads and queries; every map sums to 1.

        DINO (arXiv 2104.14294, figure 1) draws what its class token takes; here the representation is the mean of
        all tokens.
        """
        given = self.blocks[-1].weights(self.blocks[:-1](self.embed_patches(images))).mean((1, 2))
        side = isqrt(given.shape[1])
        return given.unflatten(1, (side, side))

    def embed(self, images: Tensor) -> Tensor:
        return self.tokens(images).mean(1)

    def feature_map(self, images: Tensor) -> Tensor:
        """The tokens in their places: (N, token_width, h, w) for square images."""
        tokens = self.tokens(images)
        side = isqrt(tokens.shape[1])
        return tokens.mT.unflatten(2, (side, side))


def initialise(module: nn.Module) -> None:
    """Xavier-uniform linear layers with zero bias, as in MAE's released code."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
