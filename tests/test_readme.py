from pathlib import Path

from sslcore.registry import FAMILIES, methods

README = Path(__file__).parents[1] / "README.md"


def test_every_method_is_listed_in_its_family():
    lines = ["| family | methods |", "| --- | --- |"]
    for family, title in FAMILIES.items():
        names = ", ".join(f"`{name}`" for name, method in methods().items() if method.card.family == family)
        lines.append(f"| {title} | {names} |")
    table = "\n".join(lines)
    assert table in README.read_text(encoding="utf-8"), f"README.md should have this table:\n{table}"
