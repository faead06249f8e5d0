from dataclasses import replace

import pytest

from sslcore import registry
from sslcore.errors import UserError
from sslcore.registry import FAMILIES, get_method, methods, register


@pytest.fixture
def known(monkeypatch):
    """The registry, put back afterwards."""
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))
    return methods()


def stranger(**changes):
    return type("Stranger", (), {"card": replace(get_method("simclr").card, **changes)})


def test_methods_come_by_family_and_year():
    families = list(FAMILIES)
    places = [(families.index(m.card.family), m.card.year) for m in methods().values()]
    assert places == sorted(places)


def test_what_is_registered_is_known_by_its_id(known):
    found = register(stranger(id="stranger"))
    assert get_method("stranger") is found and "stranger" not in known


def test_two_methods_of_one_id_or_of_no_family_are_refused(known):
    with pytest.raises(ValueError, match="Two methods are called 'simclr'"):
        register(stranger())
    with pytest.raises(ValueError, match="Stranger: unknown family 'tea'"):
        register(stranger(family="tea"))
    assert register(known["simclr"]) is known["simclr"], "a file that is imported anew"


def test_a_misspelt_method_is_guessed():
    with pytest.raises(UserError, match="simclr"):
        get_method("simcrl")


def test_a_summary_is_plain_data():
    summary = get_method("simclr").card.summary()
    assert not any(callable(value) for value in summary.values())
    assert summary["id"] == "simclr" and summary["switches"][0]["title"]
