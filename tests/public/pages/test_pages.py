"""The README and the chapters show what really comes out."""

import re

import pytest

from tests.needs import needs
from tests.public.pages import blocks as readme_blocks

README = readme_blocks.README.read_text(encoding="utf-8")
# Pages whose blocks run servers, pytest or imports of many calls.
LONG = {"ci", "measuring", "probe", "stores", "testing", "tutorial"}
# Parts that the blocks of a page use.
PARTS_OF = {
    "README": ("demo", "loopback"), "anthropic": ("fitting", "loopback"), "exporting": ("redaction", "tuning"),
    "fastapi": ("loopback",), "gemini": ("fitting", "loopback"), "guard": ("right",), "instructor": ("loopback", "recorders"),
    "langchain": ("loopback", "recorders"), "linting": ("fitting",), "litellm": ("loopback", "recorders"),
    "local_models": ("fitting", "loopback"), "measuring": ("rows",), "migrate_instructor": ("loopback", "recorders"),
    "migrate_langchain": ("fitting", "loopback", "recorders"), "migrate_retry_loop": ("loopback",),
    "observe": ("loopback",), "openai": ("fitting", "loopback"), "privacy": ("redaction",),
    "probe": ("fitting", "loopback"), "prompts": ("improve",), "pydantic_ai": ("loopback", "recorders"),
    "reading": ("repair", "streaming"), "right": ("right",), "routing": ("tuning",), "stores": ("transfer",), "strategies": ("fitting", "loopback"),
    "streaming": ("loopback", "streaming"), "telemetry": ("telemetry",), "testing": ("loopback",), "tool_calls": ("tools",),
    "traces": ("traces",), "tuning": ("loopback", "tuning"), "tutorial": ("fitting", "loopback"),
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
    if missing := readme_blocks.missing_frameworks(text):
        pytest.skip(f"{', '.join(missing)} not installed")

    assert readme_blocks.rendered(text) == text, "run: python tests/public/pages/blocks.py --update"


@pytest.mark.parametrize("page", readme_blocks.PAGES, ids=lambda path: path.stem)
def test_no_block_ends_in_an_error(page):
    """Every Python block is executed, except at most one on a page, which needs the weights of the local model."""
    text = page.read_text(encoding="utf-8")

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
