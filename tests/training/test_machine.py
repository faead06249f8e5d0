import json

from sslcore.training import machine


def test_the_measured_precision_is_kept_beside_that_of_other_machines(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path))
    file = tmp_path / "precision.json"
    file.write_text(json.dumps({"another machine": "fp32"}))
    monkeypatch.setattr(machine, "_seconds", lambda dtype: 1.0 if dtype else 2.0)
    measure = machine._measured.__wrapped__
    assert measure() == "bf16"
    monkeypatch.setattr(machine, "_seconds", lambda dtype: 2.0 if dtype else 1.0)
    assert measure() == "bf16"  # remembered
    known = json.loads(file.read_text())
    assert len(known) == 2 and known["another machine"] == "fp32"


def test_a_damaged_memory_is_measured_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path))
    (tmp_path / "precision.json").write_text("{")
    monkeypatch.setattr(machine, "_seconds", lambda dtype: 1.0)
    assert machine._measured.__wrapped__() == "fp32"
