"""The README shows what really comes out."""

import re

from tests import readme_blocks

README = readme_blocks.README.read_text(encoding="utf-8")


def test_blocks_print_what_the_readme_says():
    """Every Python and console block prints what stands under it, and quoted figures are those of their file."""
    assert readme_blocks.rendered(README) == README


def test_the_first_two_shell_blocks_are_the_two_promises():
    """The README begins with the command that measures a real model and the one that runs all tests."""
    first, second = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)[:2]

    assert first.endswith("schema-guard bench --model local")
    assert second.endswith("-m pytest")
