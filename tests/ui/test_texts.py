from pathlib import Path

from ui.texts import duration, number, percent, plain, portable, run_label, signed


def test_markdown_and_html_from_others_are_escaped():
    assert plain("<b>*x*</b>") == r"\<b\>\*x\*\</b\>"
    assert plain("$a$ :red[x]") == r"\$a\$ \:red\[x\]"


def test_numbers_for_people():
    assert percent(0.8727) == "87.3 %"
    assert (percent(0.3125), percent(0.8725), percent(1.0), percent(0.0)) == (
        "31.3 %",
        "87.3 %",
        "100.0 %",
        "0.0 %",
    )
    assert percent(None) == number(None) == "–"
    assert number(12345.6) == "12,346"
    assert (number(-0.5), number(-1e-5), number(-12345.6)) == ("−0.5", "−1e-05", "−12,346")
    assert (signed(-0.123), signed(0.5), signed(2, "+.1f")) == ("−0.12", "0.50", "+2.0")
    assert (duration(5), duration(75), duration(3700)) == ("5 s", "1 min 15 s", "1 h 1 min")


def test_a_label_does_not_tell_where_images_lie():
    assert (
        run_label("SimCLR · folder:/srv/runs/uploads/6f92aa.zip · width 8")
        == "SimCLR · own images 6f92 · width 8"
    )
    assert run_label("SimCLR · folder:/home/me/cats · width 8") == "SimCLR · cats · width 8"
    assert run_label(r"SimCLR · folder:C:\Users\me\cats · width 8") == "SimCLR · cats · width 8"
    assert run_label("SimCLR · toybox") == "SimCLR · toybox"


def test_places_of_the_server_are_left_out_of_tracebacks_and_messages(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    told = """Traceback (most recent call last):
  File "/srv/secret/venv/lib/python3.11/site-packages/torch/nn/modules/module.py", line 7, in call
  File "C:\\secret\\app\\sslcore\\training\\trainer.py", line 9, in run
FileNotFoundError: No such file: '/home/me/cats/a.png', not '/home/meyer/a.png'"""
    left = portable(f"{told} {Path.cwd()}/runs/a")
    assert 'File "nn/modules/module.py", line 7' in left and "secret" not in left
    assert "sslcore\\training\\trainer.py" in left
    assert "'~/cats/a.png', not '/home/meyer/a.png' ./runs/a" in left


def test_a_command_and_a_file_name_a_placeholder_instead_of_an_upload():
    place = "folder:/srv/my runs/uploads/6f92aa0011223344"
    for told in (place, f"{place}.zip"):
        command = f"python -m sslcore train simclr --data '{told}' --seconds 60"
        assert portable(command) == command.replace(told, "folder:YOUR_IMAGES.zip")
    settings = '{"data": "folder:runs/uploads/6f92aa0011223344.zip", "seed": 0}'
    assert portable(settings) == '{"data": "folder:YOUR_IMAGES.zip", "seed": 0}'
    assert portable("train simclr --data folder:cats") == "train simclr --data folder:cats"
