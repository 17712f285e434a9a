"""Calls that are drawn, with every kind of value that a column can have."""

from hypothesis import strategies as st

from schema_guard.values import AdaptedSchema, Failure, Usage, Violation

words = st.text(max_size=6) | st.sampled_from(
    ["", "=1+1", "'", "'=", " \u200b@a", "\uff1d1", "-1", "a\r\nb", 'a,"b"', "\x00", "\ud800"]
)
maybe = st.none() | words
tokens = st.none() | st.integers(0, 10**9)
usages = st.builds(Usage, tokens, tokens, tokens, tokens)
numbers = st.none() | st.floats(0, 1e6)
violations = st.builds(
    Violation,
    words,
    st.just("/properties/a/type"),
    st.sampled_from(["type", "enum"]),
    st.just(""),
    st.just(""),
)
failures = st.builds(
    Failure,
    st.sampled_from(["syntax", "structure", "value", "semantic", "truncation", "refusal", "transport"]),
    words,
    st.just(""),
    st.lists(violations, max_size=3).map(tuple),
)
attempts = {
    "usage": usages,
    "cost": numbers,
    "elapsed_s": st.floats(0, 100),
    "finish_reason": maybe,
    "reply": maybe,
    "repairs": st.lists(words, max_size=2).map(tuple),
    "strategy": st.just("bare") | words,
    "model": maybe,
    "snapshot": maybe,
    "exception": maybe,
    "unseen": st.booleans(),
    "adapted": st.none() | st.just(AdaptedSchema("0" * 16, ("/a/pattern",), ())),
    "gateway_repaired": st.booleans(),
    "stopped_at": st.none() | st.integers(0, 99),
}
failed = st.fixed_dictionaries({**attempts, "failure": failures, "form": st.none()})
valid = st.fixed_dictionaries(
    {**attempts, "failure": st.none(), "form": st.sampled_from(["clean", "unwrapped", "parsed"])}
)
told = st.fixed_dictionaries(
    {
        "function": st.sampled_from(["app.one", "app.other", "=cmd()"]),
        "settings": words,
        "model": st.none() | st.just("m"),
        "segment": st.none() | st.just("eu"),
        "cluster": st.none() | st.sampled_from(["c1", "c2"]),
        "input_hash": st.none() | st.sampled_from(["i1", "i2", "0" * 32]),
        "parent_call_id": maybe,
        "tuned": st.booleans(),
        "started_at": st.integers(-2, 20).map(lambda n: n * 900.0),
    }
)
described = st.lists(st.tuples(st.lists(failed, max_size=2), valid | failed, told), max_size=8)


def outcomes_of(make, calls, *, first=0):
    """Give the outcomes of drawn calls, each under an id of its own."""
    return [
        make.outcome(*tries, last, **{**call, "id": f"{number:032x}"})
        for number, (tries, last, call) in enumerate(calls, start=first)
    ]
