from sslcore.data.toybox.individual import HUES, Details


def test_the_same_individual_has_the_same_numbers():
    first, second = Details("car", 5), Details("car", 5)
    assert [first(0, 1) for _ in range(5)] == [second(0, 1) for _ in range(5)]
    assert Details("car", 6)(0, 1) != Details("car", 5)(0, 1) != Details("boat", 5)(0, 1)


def test_numbers_and_choices_keep_to_what_was_asked():
    d = Details("cup", 1)
    assert all(0.2 <= d(0.2, 0.3) <= 0.3 for _ in range(200))
    assert {d.pick("abc") for _ in range(100)} == set("abc")
    assert 60 < sum(d.chance(0.3) for _ in range(300)) < 120


def test_an_accent_is_never_near_the_main_colour():
    d = Details("cup", 2)
    for main in HUES.values():
        assert all(sum(abs(a - b) for a, b in zip(d.accent(main), main, strict=True)) > 60 for _ in range(50))
