"""The strategies of each provider."""

import pytest

from schema_guard import InvalidArgument, guard
from schema_guard.providers.options import PROVIDER_OPTIONS, capabilities


@pytest.mark.parametrize("provider", PROVIDER_OPTIONS)
@pytest.mark.parametrize("strategy", ["json_mode", "tool_call", "strict_schema"])
def test_a_function_of_ones_own_is_told_at_decoration(provider, strategy):
    """A strategy that a provider has not is an error where the function is guarded, and names the strongest there."""

    def ask(prompt, options=None):
        """Never called."""

    if provider.startswith("outlines"):
        pytest.importorskip("outlines", reason="needs the extra 'outlines'")
    if strategy in capabilities(provider):
        assert guard({"type": "object"}, strategy=strategy, provider=provider, store=None)(ask)
        return
    with pytest.raises(
        InvalidArgument,
        match=r"Use another strategy. The strongest one is '(strict_schema|tool_call|decision)'$",
    ):
        guard({"type": "object"}, strategy=strategy, provider=provider, store=None)(ask)
