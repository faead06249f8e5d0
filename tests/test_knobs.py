from typing import Literal

import pytest

from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob, knobs_of, show


class Example(KnobModel):
    temperature: float = knob(0.2, 0.01, 5.0, help="Softness.", live=True)
    count: int = knob(3, 1, 10, help="How many.", unit="px")
    switch: bool = knob(True, help="On or off.")
    kind: Literal["a", "b"] = knob("a", help="Which.")
    stride: Literal[1, 2] = knob(2, help="Which number.")


def test_a_knob_knows_its_range_kind_and_help():
    found = knobs_of(Example)
    assert list(found) == ["temperature", "count", "switch", "kind", "stride"]
    assert (found["temperature"].low, found["temperature"].high) == (0.01, 5.0)
    assert found["temperature"].live and not found["count"].live
    assert found["kind"].options == ("a", "b") and found["stride"].kind is int
    assert found["count"].label == "Count (px)"


def test_strings_are_read():
    read = Example.parse({"temperature": "0.5", "count": "4", "switch": "off", "kind": "b", "stride": "1"})
    assert read == Example(temperature=0.5, count=4, switch=False, kind="b", stride=1)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"temperature": 9}, "temperature must be at most 5, got 9."),
        ({"temperature": "nan"}, "finite number"),
        ({"temperature": "warm"}, "temperature must be a number, got 'warm'."),
        ({"count": 2.5}, "whole number"),
        ({"count": 0}, "count must be at least 1, got 0."),
        ({"switch": "maybe"}, "on or off"),
        ({"kind": "c"}, "one of a, b, got 'c'."),
        ({"tmperature": 1}, "no setting called 'tmperature'"),
    ],
)
def test_bad_values_get_one_sentence(values, words):
    with pytest.raises(UserError) as error:
        Example.parse(values)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_nearest_legal_value_and_a_note():
    found = knobs_of(Example)
    assert found["temperature"].nearest("9")[0] == 5.0
    assert found["temperature"].nearest("-1")[0] == 0.01
    assert found["count"].nearest("1e9")[0] == 10
    assert found["count"].nearest("7.6")[0] == 8
    assert found["kind"].nearest("zzz")[0] == "a"
    assert found["temperature"].nearest("nan")[0] == 0.2
    value, note = found["temperature"].nearest("0.3")
    assert value == 0.3 and note is None
    assert "Using 5 instead" in found["temperature"].nearest("9")[1]


def test_show_is_what_read_understands():
    for value in (True, False):
        assert knobs_of(Example)["switch"].read(show(value)) is value
    for value in (0.2, 1 / 3, 1e-6 * 10_000):
        assert float(show(value)) == value
