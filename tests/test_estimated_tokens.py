"""Facts about the tokens of replies that were stopped, whose provider never says them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Attempt, Failure, Limits, Usage, guard
from schema_guard.loop import exceeded_budget
from schema_guard.token_estimate import tokens_in
from tests.needs import needs
from tests.thinned import examples

WRONG = Failure("value", "enum", "...")
STOPPED = Attempt(
    1, "bare", "p", '{"total": "tw', WRONG, None, (), Usage(), None, None, 1.0, stopped_at=13
)  # fmt: skip
counts = st.none() | st.integers(0, 1_000)
attempts = st.builds(
    STOPPED._replace,
    reply=st.none() | st.text(max_size=50),
    usage=st.builds(Usage, counts, counts),
    stopped_at=st.none() | st.integers(0, 50),
)


@examples(100)
@given(attempts)
def test_tokens_are_estimated_where_a_reply_was_stopped_and_nobody_counted_them(attempt):
    """An estimate is there for a stopped reply without output tokens, and nowhere else; its usage stays as it is."""
    is_known = attempt.usage.output_tokens is not None
    wanted = None if attempt.stopped_at is None or is_known else attempt.reply

    assert attempt.estimated_output_tokens == (None if wanted is None else tokens_in(wanted))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("abc", 1), ("abcd", 2), ("12", 2), ('{"n":120}', 5), ("é", 1), ("日本", 4)],
)
def test_how_many_tokens_a_text_is_taken_to_have(text, tokens):
    """Each digit one, three further ASCII characters one, one beyond one, and from the scripts of East Asia on two."""
    assert tokens_in(text) == tokens


@examples(100)
@given(st.lists(attempts, max_size=4))
def test_a_budget_counts_what_is_known_and_what_is_estimated(made):
    """A call has spent what its attempts are known to have taken, and the text of its stopped replies."""
    known = sum((one.usage.input_tokens or 0) + (one.usage.output_tokens or 0) for one in made)
    estimated = sum(one.estimated_output_tokens or 0 for one in made)

    assert exceeded_budget(Limits(max_tokens=known + estimated + 1), made) == ""
    about = "about " if estimated else ""
    text = f"{about}{known + estimated} tokens of max_tokens={known + estimated}"
    assert exceeded_budget(Limits(max_tokens=known + estimated), made) == text


@needs("streaming")
def test_a_call_whose_streams_are_stopped_ends_with_its_budget():
    """What stopped streams gave counts, where without an estimate nothing would ever be spent."""

    @guard(
        {"type": "object", "properties": {"total": {"type": "number"}}},
        early_stop=True,
        store=None,
        max_attempts=9,
        limits=Limits(max_tokens=20),
    )
    def extract(prompt: str):
        yield from ('{"note": "1234567890", ', '"total": "', "much", '"}')

    attempts = extract.outcome("t").attempts

    assert [one.usage for one in attempts] == [Usage()] * 2
    assert sum(one.estimated_output_tokens for one in attempts) >= 20


def test_what_is_spent_is_told_as_about_where_it_is_estimated():
    """A reader sees that the provider has not said it."""
    assert exceeded_budget(Limits(max_tokens=5), [STOPPED]) == "about 5 tokens of max_tokens=5"
