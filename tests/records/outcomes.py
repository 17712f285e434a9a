"""Outcomes, also in processes of their own: what is imported here is imported in each of them."""

from schema_guard.core.values import Attempt, Call, Failure, Outcome, Usage, Violation

CALL = Call(
    id="0" * 32,
    function="app.extract",
    schema_name="invoice",
    schema_fingerprint="f" * 16,
    model="m1",
    target=None,
    strategies="bare",
    settings="{}",
    version="v1",
    segment=None,
    input_hash=None,
    parent_call_id=None,
    started_at=1_000.0,
)
ATTEMPT = Attempt(
    number=1,
    strategy="bare",
    prompt="extract it",
    reply="{}",
    failure=None,
    form="exact",
    repairs=(),
    usage=Usage(),
    cost=None,
    finish_reason="stop",
    elapsed_s=0.5,
)
BROKEN = Failure(
    "structure", "type", "wrong", (Violation("/total", "/properties/total/type", "type", "number", "null"),)
)


def outcome(*attempts, **call):
    """An outcome whose attempts differ from `ATTEMPT`, and whose call differs from `CALL`, in these fields."""
    made = tuple(ATTEMPT._replace(number=n, **fields) for n, fields in enumerate(attempts or ({},), start=1))
    failure = made[-1].failure
    return Outcome(
        ok=failure is None,
        value=None,
        attempts=made,
        failure=failure,
        usage=Usage.total(attempt.usage for attempt in made),
        cost=None,
        elapsed_s=sum(attempt.elapsed_s for attempt in made),
        call=CALL._replace(**call),
    )
