"""The tests in this folder use only public names."""

from pathlib import Path

import pytest

from tests.public.test_public_names import breaches

HERE = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.py")), ids=lambda path: str(path.relative_to(HERE)))
def test_file_uses_only_public_names(path):
    """A test in this folder imports only public names and reads no private attribute."""
    assert breaches(path) == [], "use a public name, the command line, or a file; otherwise move the test out"
