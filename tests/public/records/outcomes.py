"""Handmade outcomes. Child processes import this file too, so it uses only public names."""

from schema_guard import Attempt, Call, Failure, Outcome, Usage, Violation

FINGERPRINT = "f" * 16
CALL = Call(
    id="0" * 32,
    function="app.extract",
    schema_name="invoice",
    schema_fingerprint=FINGERPRINT,
    model="m1",
    provider=None,
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
    form="clean",
    repairs=(),
    usage=Usage(),
    cost=None,
    finish_reason="stop",
    elapsed_s=0.5,
)
BROKEN = Failure(
    "structure", "type", "wrong", (Violation("/total", "/properties/total/type", "type", "number", "null"),)
)
REFUSED = Failure("refusal", "refusal", "no")
TIMED_OUT = Failure("transport", "call_raised", "timeout")
# Fields of a failed attempt, and of an attempt that raised a timeout.
FAILED = {"failure": BROKEN, "form": None}
LOST = {"failure": TIMED_OUT, "form": None, "reply": None, "exception": "TimeoutError"}


def outcome(*attempts, **call):
    """Return an outcome. The arguments override fields of `ATTEMPT` (one dict for each attempt) and `CALL`."""
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
