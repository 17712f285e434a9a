"""No provider's valid reply is stopped early."""

import random

from hypothesis import given, reject
from hypothesis import strategies as st

from schema_guard import InvalidArgument, InvalidSchema, MissingExtra, guard
from schema_guard.providers.options import PROVIDER_OPTIONS, capabilities
from tests.public.ext.calls.test_early_stop import differing, drawn_replies
from tests.public.schemas.fuzzing import drawn_schema
from tests.thinned import examples


@examples(10)
@given(st.integers(0, 2**32), st.sampled_from(sorted(PROVIDER_OPTIONS)), st.sampled_from([1, 4, 16]))
def test_on_and_off_give_the_same_for_every_provider(seed, provider, width):
    """A reply in the form that was sent, or in the user's own, is not stopped where it is valid."""
    rng = random.Random(seed)
    schema = drawn_schema(rng)
    known = sorted(set(capabilities(provider)) - {"tool_call"})
    # Most often the one that sends a schema, which may be another one than the user's.
    strategy = "strict_schema" if "strict_schema" in known and rng.random() < 0.8 else rng.choice(known)
    try:
        prepared = guard(schema, provider=provider, strategy=strategy, store=None)(
            lambda prompt, options=None: None
        )._prepared
    except (InvalidArgument, InvalidSchema, MissingExtra):
        reject()
    asked = prepared.plan.sent_schema(prepared.plan.step(1)).document

    replies = drawn_replies([schema.document, asked], rng)

    assert not differing(schema, replies, width, provider=provider, strategy=strategy)
