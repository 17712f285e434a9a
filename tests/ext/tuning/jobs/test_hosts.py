"""The connection to a tuning host."""

import pytest

from schema_guard.ext.tuning.jobs.hosts import HostError, connect_host
from schema_guard.models.endpoint import CrossOriginRedirect
from tests.models.listeners import Listener

pytest.importorskip("openai", reason="needs the extra 'openai'")


@pytest.fixture
def training_set(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text('{"messages": []}\n')
    return path


def test_a_training_set_follows_no_redirect_to_another_origin(monkeypatch, training_set):
    """An upload that a host redirects to another origin fails, and the other server gets no request."""
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "canary-key")
    with Listener() as other, Listener(leads_to=other.url) as host:
        with pytest.raises(CrossOriginRedirect, match=f"{host.url} redirects to {other.url}, but "):
            connect_host("openai-compatible", f"{host.url}/v1").upload(training_set, "train.jsonl")

        assert (len(host.came), other.came) == (1, [])


def test_no_part_of_a_key_stays_in_a_cut_message(monkeypatch, training_set):
    """A host echoes a key that is longer than the message may be. The message holds no part of the key."""
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "canary" * 100)
    with Listener() as host, pytest.raises(HostError) as caught:
        connect_host("openai-compatible", f"{host.url}/v1").upload(training_set, "train.jsonl")

    assert "canary" not in f"{caught.value} {caught.value.__cause__!r}"
