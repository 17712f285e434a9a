"""The page of the suites shows how hard they are, as measured."""

from benchmarks.suite_card import PAGE, section
from tests.needs import needs

pytestmark = needs("suites")


def test_page_has_the_measured_difficulties():
    """The tables of the page are what the script writes. To update them, run `python -m benchmarks.suite_card`."""
    assert section() in PAGE.read_text(encoding="utf-8")
