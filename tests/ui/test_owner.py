from types import SimpleNamespace

import pytest

from ui import owner


@pytest.mark.parametrize(
    ("address", "ip", "mine"),
    [
        ("http://localhost:8501/runs", None, True),
        ("http://127.0.0.1:8501", None, True),
        ("http://[::1]:8501", None, True),
        ("http://localhost:8501", "10.0.0.7", False),
        ("https://class.example.org/runs", None, False),  # a proxy on the server's machine
        ("http://192.168.0.2:8501", "192.168.0.3", False),
        (None, None, False),  # who does not say how they came here
    ],
)
def test_what_belongs_to_nobody_belongs_to_who_sits_at_the_server(monkeypatch, address, ip, mine):
    browser = SimpleNamespace(url=address, ip_address=ip, cookies={})
    monkeypatch.setattr(owner, "st", SimpleNamespace(context=browser, session_state={"_owner": "me"}))
    assert owner.may_control("") is mine
    assert owner.may_control("me") and not owner.may_control("you")
    assert ("another browser" in owner.refusal("you")) and (owner.refusal("") == "") is mine
