"""Providers that continue the beginning of a reply."""

from schema_guard.providers.options import PROVIDER_OPTIONS, continuation_of


def test_only_targets_whose_servers_do_so_are_asked():
    """OpenAI begins anew, and Claude refuses."""
    assert [name for name in PROVIDER_OPTIONS if continuation_of(name)] == [
        "mistral", "deepseek", "vllm", "sglang", "llamacpp", "llamacpp-llguidance",
    ]  # fmt: skip
