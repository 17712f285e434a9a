"""The README shows what really comes out."""

import json
import re
from pathlib import Path

import pytest
from tests import readme_blocks

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results"


def test_blocks_print_what_the_readme_says():
    """Every Python and console block of the README prints what stands under it."""
    assert readme_blocks.rendered(README) == README


def quoted_results():
    return re.findall(r"<!-- (benchmarks/results/\S+) -->\n(.*?)\n\n", README + "\n\n", re.DOTALL)


@pytest.mark.parametrize(("path", "shown"), quoted_results(), ids=[path for path, _ in quoted_results()])
def test_quoted_figures_stand_in_their_result_file(path, shown):
    """Every figure that the README quotes from a run is in the dated file of that run."""
    content = (ROOT / path).read_text(encoding="utf-8")

    if path.endswith(".json"):
        ratios = {name: f"{ratio:.2f}x" for name, ratio in json.loads(content)["ratio"].items()}
        rows = dict(re.findall(r"^\| ([^|]+?) \| ([0-9.]+x) \|$", shown, re.MULTILINE))
        assert rows == {name: ratio for name, ratio in ratios.items() if name in rows} != {}
    else:
        assert shown == f"```text\n{content.rstrip()}\n```"


def test_the_first_two_shell_blocks_are_the_two_promises():
    """The README begins with the command that measures a real model and the one that runs all tests."""
    first, second = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)[:2]

    assert first.endswith("schema-guard bench schemas --model local --strategy system_prompt,few_shot,strict_schema")
    assert second.endswith("-m pytest")
