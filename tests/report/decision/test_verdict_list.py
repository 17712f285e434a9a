"""Several functions in one document: the worst first, what is open never green, and the command for the worst one."""

from functools import cache

import pytest

from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather_each
from schema_guard.records import open_store
from schema_guard.report.decision.document import Decided, document_of_several
from schema_guard.report.document import Tone
from tests.decide.records import record
from tests.thinned import costly


@pytest.mark.parametrize(
    ("failed", "tone"),
    costly([((0, 90), Tone.BAD), ((0, 0), Tone.GOOD), ((4, 90), Tone.BAD), ((0, 4), Tone.OPEN)], 3),
)
def test_tone_is_that_of_the_worst(failed, tone):
    """One function that is wrong makes it bad, one that is not decided leaves it open."""
    assert told_of(*failed).tone is tone


@pytest.mark.costly
def test_the_worst_one_is_told_in_full_by_a_command():
    """The next step is a command that can be run as it stands."""
    (text,) = [fact.text for fact in told_of(0, 90).facts if fact.label == "next"]

    assert (
        text
        == "schema-guard decide --function shop.f1  # shows the worst function in full, and the command to run"
    )


@cache
def told_of(*failed):
    with open_store("sqlite://", durability="sync") as store:
        for number, k in enumerate(failed):
            record(store, 500, k, first=500 * number, function=f"shop.f{number}")
        gathered = gather_each(store, extra={"config": {"target": 0.01}})
        return document_of_several([Decided(one, decide(one.evidence)) for one in gathered])
