"""A reply that is begun for the model, before servers that go on with it and others."""

import json

import pytest

from schema_guard.models import connect
from schema_guard.probe.prefix import probe_prefix
from schema_guard.testing import serve

ANSWERS = {
    "continued": lambda prompt: '1"}',
    "repeated": lambda prompt: prompt.rpartition("\n")[2] + '1"}',
    "ignored": lambda prompt: json.dumps({"answer": "yellow"}),
    "unknown": lambda prompt: {"reply": None, "finish_reason": "refusal"},
}


@pytest.mark.parametrize("does", ANSWERS)
def test_what_became_of_the_beginning_is_told(does):
    """It is gone on with, given again, or left alone."""
    with serve(ANSWERS[does]) as server, connect(f"{server.openai_url}#m") as model:
        assert probe_prefix(model, seed=1).does == does
