"""The texts of calls in metrics, tested with canaries in every place of a call."""

import pytest

from schema_guard import open_store
from schema_guard.ext import telemetry
from tests.public.records.test_outputs import POLICIES, canaries_in, make_calls


@pytest.mark.parametrize("policy", POLICIES)
def test_metrics_have_no_texts_or_tags(tmp_path, policy):
    """Metrics name only functions and schemas, under every policy."""
    telemetry.disable()
    on = telemetry.enable(prometheus_port=0)
    try:
        with open_store(str(tmp_path / "r.db"), payload=policy) as store:
            make_calls(store)
            store.flush(60.0)
        text = on.text()
    finally:
        telemetry.disable()

    assert "app.plain" in text
    assert canaries_in(text) == set()
