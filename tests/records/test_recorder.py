"""Who is handed the outcomes of calls."""

import pytest

from schema_guard import InvalidArgument, guard
from schema_guard.records.recorder import PacedRecorder


class Heard:
    """A recorder that is no store."""

    def __init__(self):
        self.outcomes = []

    def record(self, outcome, task=None):
        self.outcomes.append((outcome.ok, task))


def test_whoever_records_is_handed_every_outcome():
    """A guard needs no store: what has a method `record` hears of each call once."""
    heard = Heard()
    function = guard({"type": "integer"}, strategy="bare", store=heard, on_failure="return", max_attempts=1)(
        lambda prompt: prompt
    )

    function("1")
    function("x")

    assert heard.outcomes == [(True, "1"), (False, "x")]


@pytest.mark.parametrize("store", [5, Heard])
def test_what_cannot_record_is_refused(store):
    """A number cannot, and neither can a class."""
    with pytest.raises(InvalidArgument, match=r"^store=(int|type): expected a URL, a Store, or None$"):
        guard({"type": "integer"}, store=store)


def test_a_paced_recorder_waits_for_the_writer():
    """After a thousand outcomes, those that are still pending counted."""

    class Writer:
        def __init__(self):
            self.recorded, self.waited = 0, []

        def record(self, outcome, task=None):
            self.recorded += 1

        def flush(self, timeout_s=2.0):
            self.waited.append(self.recorded)
            return 400

    writer = Writer()
    recorder = PacedRecorder(writer)
    for _ in range(2_300):
        recorder.record(None)

    assert writer.waited == [1_000, 1_600, 2_200]
