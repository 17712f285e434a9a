"""Facts about the refusals that fake servers answer with in tests and benchmarks."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks" / "provider_refusals"


def test_refusals_know_nothing_of_adapting():
    """They are written apart from what adapts and lints schemas, so that one can show the other wrong."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.py")}

    assert len(texts) == 6
    imports = [
        line for text in texts.values() for line in text.splitlines() if line.startswith("from schema_guard")
    ]
    assert [line for line in imports if ".fitting" in line or ".options" in line] == []
