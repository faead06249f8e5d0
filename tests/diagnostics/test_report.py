import json
import math

import pytest
import torch

from sslcore.diagnostics import collapse_report
from sslcore.losses import alignment


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_isotropic_embeddings_are_healthy():
    report = collapse_report(normal(256, 64))
    assert report.verdict == "healthy"
    assert report.rank_fraction > 0.9
    assert (report.samples, report.dimensions) == (256, 64)


@pytest.mark.parametrize("constant", [torch.ones(64, 16), torch.zeros(64, 16)])
def test_a_constant_is_complete_collapse(constant):
    report = collapse_report(constant, constant)
    assert report.verdict == "complete"
    assert report.alignment == pytest.approx(0)
    assert report.uniformity == pytest.approx(0)
    assert report.reasons[0] == "All embeddings point the same way: mean cosine 1.000."


def test_a_narrow_cone_is_complete_collapse():
    assert collapse_report(normal(256, 64) * 0.05 + 1).verdict == "complete"


def test_few_dimensions_are_partial_collapse():
    report = collapse_report(normal(256, 4) @ normal(4, 64, seed=1))
    assert report.verdict == "partial"
    assert "span only" in report.reasons[0]


def test_few_dimensions_of_very_many_are_not_a_common_direction():
    wide = torch.cat([normal(300, 5), torch.zeros(300, 995)], 1)
    report = collapse_report(wide)
    assert report.std < 0.1
    assert report.verdict == "partial"


def test_alignment_is_measured_only_between_two_views():
    z1, z2 = normal(2, 64, 8)
    assert collapse_report(z1).alignment is None
    assert collapse_report(z1, z2).alignment == pytest.approx(alignment(z1, z2).item(), abs=1e-6)


@pytest.mark.parametrize("z", [torch.full((8, 4), math.nan), torch.full((8, 4), math.inf)])
def test_embeddings_that_are_not_finite_are_unknown(z):
    report = collapse_report(z, z)
    assert report.verdict == "unknown"
    assert report.reasons == ("The embeddings are not finite.",)
    assert math.isnan(report.std)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_embeddings_are_unknown(count):
    assert collapse_report(torch.ones(count, 4), torch.ones(count, 4)).verdict == "unknown"


@pytest.mark.parametrize("z", [normal(32, 4), torch.full((8, 4), math.nan)])
def test_the_report_is_strict_json(z):
    plain = collapse_report(z).as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
