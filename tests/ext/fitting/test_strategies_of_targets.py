"""The strategies of each provider."""

import pytest

from schema_guard import InvalidArgument, guard
from schema_guard.providers.options import TARGETS, capabilities


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("strategy", ["json_mode", "tool_call", "strict_schema"])
def test_a_function_of_ones_own_is_told_at_decoration(target, strategy):
    """A strategy that a target has not is an error where the function is guarded, and names the strongest there."""

    def ask(prompt, options=None):
        """Never called."""

    if target.startswith("outlines"):
        pytest.importorskip("outlines", reason="needs the extra 'outlines'")
    if strategy in capabilities(target):
        assert guard({"type": "object"}, strategy=strategy, target=target, store=None)(ask)
        return
    with pytest.raises(InvalidArgument, match=r"the strongest of them is '(strict_schema|tool_call)'$"):
        guard({"type": "object"}, strategy=strategy, target=target, store=None)(ask)
