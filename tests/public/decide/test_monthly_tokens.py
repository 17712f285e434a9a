"""The tokens of a month, recomputed from the costs of a verdict."""

import pytest

from schema_guard.decide import decide
from tests.public.decide.examples import economics, exhausted, failing


@pytest.mark.parametrize("evidence", [exhausted(), failing(economics=economics(failure_cost=20))])
def test_tokens_of_a_month_are_those_of_its_calls(evidence):
    """Tokens are counted from the costs that were given; at the break-even volume they are those of that many calls."""
    result = decide(evidence).as_dict()
    prompt, tuned = (evidence["economics"][f"{side}_cost"] for side in ("prompt", "tuned"))
    attempts = {"prompt": 1 + 0.1 + 0.1 * 0.75, "tuned": 1 + 0.02}

    volume = result["cost"]["calls_per_month"]
    for side, cost in (("prompt", prompt), ("tuned", tuned)):
        each = attempts[side] * (cost["fixed"] + cost["var"] + cost["out"])
        each += (attempts[side] - 1) * cost["repair"]
        assert result["cost"]["tokens_per_month"][side] == pytest.approx(volume * each)
