import json
import math

import pytest
import torch

from sslcore.diagnostics import CollapseLamp, collapse_report
from sslcore.diagnostics.lamp import PATIENCE


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


HEALTHY = collapse_report(normal(256, 32))
POINT = collapse_report(normal(256, 32) * 0.15 + 4)
LINE = collapse_report(normal(256, 1) @ normal(1, 32, seed=1) + 1e-3 * normal(256, 32))
SHRUNK = collapse_report(normal(256, 32) * 0.001)
NARROW = collapse_report(normal(256, 4) @ normal(4, 32, seed=1))
BROKEN = collapse_report(torch.full((8, 4), math.nan))


def verdicts(*reports, **options):
    lamp = CollapseLamp(**options)
    return [lamp.update(report) for report in reports]


def test_a_healthy_run_stays_healthy():
    assert verdicts(*[HEALTHY] * 5) == ["healthy"] * 5


@pytest.mark.parametrize(
    ("collapsed", "patience"), [(POINT, PATIENCE), (SHRUNK, PATIENCE // 2), (LINE, PATIENCE)]
)
def test_collapse_is_complete_after_some_readings_in_a_row(collapsed, patience):
    waiting = ["partial"] * (patience - 1)
    assert verdicts(HEALTHY, *[collapsed] * (patience + 1)) == ["healthy", *waiting, "complete", "complete"]


def test_an_odd_reading_starts_the_count_again():
    almost, waiting = [POINT] * (PATIENCE - 1), ["partial"] * (PATIENCE - 1)
    seen = verdicts(HEALTHY, *almost, HEALTHY, *almost, POINT)
    assert seen == ["healthy", *waiting, "healthy", *waiting, "complete"]


def test_the_lamp_goes_out_when_the_embeddings_recover():
    assert verdicts(HEALTHY, *[POINT] * PATIENCE, HEALTHY)[-1] == "healthy"


@pytest.mark.parametrize("start", [POINT, SHRUNK, LINE, NARROW])
def test_an_encoder_that_starts_bad_and_stays_so_has_not_collapsed(start):
    assert verdicts(*[start] * 6, classes=10) == ["healthy"] * 6


def test_a_random_relu_network_is_not_collapsed():
    torch.manual_seed(0)
    layers = [layer for _ in range(6) for layer in (torch.nn.Linear(64, 64), torch.nn.ReLU())]
    report = collapse_report(torch.nn.Sequential(*layers)(normal(256, 64)))
    assert report.cosine > 0.9
    assert verdicts(*[report] * (PATIENCE + 1), classes=10) == ["healthy"] * (PATIENCE + 1)


def test_collapse_from_a_narrow_start_is_judged_by_the_widest_reading():
    cone = collapse_report(normal(256, 32) * 0.1 + 1)
    assert cone.cosine > 0.98
    assert verdicts(cone, HEALTHY, *[POINT] * PATIENCE)[-1] == "complete"
    assert verdicts(cone, *[POINT] * PATIENCE)[-1] == "complete"


def test_lost_dimensions_are_partial_collapse():
    assert verdicts(HEALTHY, NARROW, NARROW) == ["healthy", "partial", "partial"]


def test_fewer_dimensions_than_separate_the_classes_are_partial_collapse():
    report = collapse_report(normal(256, 10) @ normal(10, 32, seed=1))
    assert report.rank_fraction > 0.25
    assert verdicts(HEALTHY, report) == ["healthy", "healthy"]
    assert verdicts(HEALTHY, report, classes=16) == ["healthy", "partial"]


def test_what_shrinks_says_how_far():
    lamp, rows = CollapseLamp(), normal(256, 32)
    for scale in (1, 0.05, 0.05):
        lamp.update(collapse_report(rows * scale))
    assert lamp.verdict == "complete" and "5.0% of their widest spread" in lamp.reasons[0]


def test_a_line_is_all_that_two_classes_need():
    assert verdicts(HEALTHY, *[LINE] * PATIENCE, classes=2)[-1] != "complete"


def test_embeddings_on_a_plane_cannot_lose_dimensions_to_a_line():
    plane = [collapse_report(normal(256, 2) * torch.tensor([1.0, spread])) for spread in (1, 0.01)]
    assert verdicts(plane[0], *[plane[1]] * PATIENCE, classes=10)[-1] != "complete"


def test_unreadable_reports_change_nothing_but_the_reason():
    lamp = CollapseLamp()
    assert lamp.update(BROKEN) == "unknown"
    for report in (HEALTHY, *[POINT] * PATIENCE):
        lamp.update(report)
    assert lamp.update(BROKEN) == "complete"
    assert lamp.reasons == ("The embeddings are not finite.",)


def test_reasons_name_the_value_before_training():
    lamp = CollapseLamp()
    lamp.update(HEALTHY)
    lamp.update(POINT)
    assert f"{HEALTHY.std:.2f} before training" in lamp.reasons[0]


def test_no_reason_contradicts_its_own_mean_cosine():
    cone, wider = (collapse_report(normal(256, 32) * scale + 1) for scale in (0.1, 0.2))
    assert min(cone.cosine, wider.cosine) > 0.9
    lamp = CollapseLamp()
    for report, told in ((cone, "As before training"), (cone, "As before"), (wider, "similar directions")):
        assert lamp.update(report) == "healthy" and told in lamp.reasons[0]
    assert lamp.update(HEALTHY) == "healthy" and "different directions" in lamp.reasons[0]


@pytest.mark.parametrize("cut", range(PATIENCE + 4))
def test_a_lamp_continues_from_its_json_state(cut):
    readings = [HEALTHY, POINT, POINT, HEALTHY, *[POINT] * (PATIENCE - 1)]
    whole, first, second = CollapseLamp(), CollapseLamp(), CollapseLamp()
    for report in readings[:cut]:
        whole.update(report)
        first.update(report)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert (second.verdict, second.reasons) == (whole.verdict, whole.reasons)
    for report in [*readings[cut:], POINT]:
        assert second.update(report) == whole.update(report)
