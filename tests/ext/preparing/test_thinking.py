"""Whether a model is asked to think is seen in the request, and stands in the configuration."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema_guard import guard, open_store
from schema_guard.configuration.thinking import thinking, thinking_of
from schema_guard.report import report_on
from schema_guard.report.as_text import as_text
from schema_guard.report.store_document import document_of
from tests.public.ext.calls.test_options_told import (
    ASKED,
    ON,
    SCHEMA,
    TEXT,
)


@pytest.mark.parametrize(("options", "told"), ASKED.values(), ids=ASKED)
def test_each_provider_has_its_own_words_for_it(options, told):
    """On, off, or how much: as it was given."""
    assert thinking(options) == told


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["thinking", "extra_body", "reasoning", "type", "effort"]), inner
            )
        ),
        max_leaves=6,
    )
)
@example({"thinking": ""})
def test_anything_can_be_looked_at(options):
    """Whatever stands there, something is said of it or nothing, and of one call one of few things."""
    text = thinking(options, bounded=True)

    assert (text is None) == (thinking(options) is None)
    assert text is None or len(text) < 60


@pytest.mark.parametrize(
    "settings", [None, "", "{", "[]", '{"thinking": 3}', '{"thinking": [3]}', "[" * 100_000]
)
def test_any_settings_can_be_read(settings):
    """Settings come out of stores, and may be anything."""
    assert thinking_of(settings) == ()


def test_two_configurations_that_differ_in_it_are_told_apart(tmp_path):
    """The report has a row for each; reasoning tokens that no option asks for are said."""
    reply = {"choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}}
    with open_store(str(tmp_path / "r.db")) as store:
        ask = guard(SCHEMA, store=store, name="ask")(lambda prompt, options=None: {**reply, "usage": usage})
        ask("hi")
        ask("hi", options=ON)
        store.flush()
        report = report_on(store)

    assert {thinking_of(one.settings) for one in report.configurations} == {(), ("on",)}
    text = " ".join(as_text(document_of(report)).split())
    assert (
        text.count("5 of the output tokens are for reasoning, although no recorded option requests it") == 1
    )
    assert text.count("5 of the output tokens are for reasoning") == 2
