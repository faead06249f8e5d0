from streamlit.testing.v1 import AppTest

from sslcore.registry import methods
from tests.app.conftest import words
from ui import home_page, jobs
from ui.shell import ROOT


def home() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


def test_home_explains_and_offers_a_run():
    app = home().run()
    assert not app.exception
    assert app.title[0].value == "SSL Playground"
    assert app.button(key="watch_it_learn").label == "Watch it learn"


def test_home_links_to_every_method():
    app = home().run()
    labels = [link.proto.label for link in app.get("page_link")]
    for method in methods().values():
        assert any(label.startswith(method.card.title) for label in labels)


def test_watch_it_learn_starts_the_default_run(monkeypatch, tiny):
    monkeypatch.setattr(home_page, "default_settings", tiny)
    app = home().run()
    app.button(key="watch_it_learn").click().run()
    assert not app.exception
    assert len(list(jobs.manager().root.glob("simclr-*/settings.json"))) == 1


def test_finished_runs_are_listed(finished):
    finished()
    app = home().run()
    assert "Latest runs" in words(app)
    assert any("SimCLR" in link.proto.label and "digits" in link.proto.label for link in app.get("page_link"))
