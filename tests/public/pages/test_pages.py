"""The README and the chapters show what really comes out."""

import re

import pytest

from tests.needs import needs
from tests.public.pages import blocks as readme_blocks

README = readme_blocks.README.read_text(encoding="utf-8")
# Pages whose blocks run servers, pytest or imports of many calls.
LONG = {"measuring", "probe", "records", "stores", "testing", "tool_calls", "traces"}
# Parts that the blocks of a page use.
PARTS_OF = {
    "README": ("demo", "loopback"), "exporting": ("redaction", "tuning"), "linting": ("fitting",), "measuring": ("rows",),
    "models": ("loopback",), "privacy": ("redaction",), "probe": ("fitting", "loopback"),
    "reading": ("repair", "streaming"), "records": ("streaming",), "routing": ("tuning",), "stores": ("transfer",),
    "strategies": ("fitting",), "streaming": ("streaming",), "telemetry": ("telemetry",),
    "testing": ("fitting", "loopback"), "tool_calls": ("recorders", "tools"), "traces": ("traces",),
    "tuning": ("loopback", "tuning"),
}  # fmt: skip
MARKED = [
    pytest.param(
        page,
        marks=[needs(*PARTS_OF.get(page.stem, ())), *([pytest.mark.costly] if page.stem in LONG else [])],
    )
    for page in readme_blocks.PAGES
]


@pytest.mark.parametrize("page", MARKED, ids=lambda path: path.stem)
def test_blocks_print_what_the_page_says(page):
    """Every Python and console block prints what stands under it, and quoted figures are those of their file."""
    text = page.read_text(encoding="utf-8")

    assert readme_blocks.rendered(text) == text, "run: python tests/public/pages/blocks.py --update"


@pytest.mark.parametrize("page", readme_blocks.PAGES, ids=lambda path: path.stem)
def test_every_python_block_is_executed_and_none_ends_in_an_error(page):
    """A block has its output under it, or says `notest`, which is for what needs the local model."""
    text = page.read_text(encoding="utf-8")

    assert len(re.findall(r"^```python$", text, re.MULTILINE)) == len(readme_blocks.PYTHON.findall(text))
    assert text.count("```python notest") <= 1
    assert "Traceback" not in text


def test_the_first_two_shell_blocks_are_the_two_promises():
    """The README begins with the command that shows it all on a real model and the one that runs all tests."""
    first, second = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)[:2]

    assert first.endswith("schema-guard demo")
    assert second.endswith("-m pytest -n auto")


def test_the_readme_is_a_front_door():
    """What does not fit on it is a chapter."""
    assert len(README.splitlines()) <= 150
