"""What lands in a guarded call from outside comes out as itself, wherever it lands."""

import signal
import sys
import threading
from contextvars import copy_context

import pytest

from benchmarks.interrupts import COUNT, KINDS, run
from tests.needs import needs

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that raises a signal"),
    pytest.mark.skipif(
        "coverage" in sys.modules, reason="what lands in coverage's own code leaves its lock held"
    ),
]


def check(count, kinds, seed):
    assert threading.current_thread() is threading.main_thread()
    # What was struck before it could put a context variable back leaves it to this copy.
    for shape, result in copy_context().run(run, count, kinds, seed).items():
        assert set(result) == {"itself"}, shape


@needs("repair")
@pytest.mark.parametrize("kinds", [KINDS, (KeyboardInterrupt,)], ids=["exceptions", "interrupts"])
def test_what_a_signal_raises_comes_out_as_itself(kinds):
    """At random moments of whole, streamed and observed calls a handler's exception is no answer of anybody."""
    check(100, kinds, 7)


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [KINDS, (KeyboardInterrupt,)], ids=["exceptions", "interrupts"])
def test_what_a_signal_raises_comes_out_as_itself_always(kinds):
    """The same, as often as the dated result tells."""
    check(COUNT, kinds, 8)
