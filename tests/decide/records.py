"""Calls as guards record them, put into a store in memory."""

from schema_guard.values import UNKNOWN_USAGE, Attempt, Call, Failure, Outcome

DAY = 86_400.0
CALL = Call(
    id="0" * 32,
    function="shop.extract",
    schema_name="Invoice",
    schema_fingerprint="f" * 16,
    model="m1",
    provider=None,
    strategies="system_prompt",
    settings='{"max_attempts":1}',
    version="v1",
    segment=None,
    input_hash=None,
    parent_call_id=None,
    started_at=0.0,
)


def record_excluded(store, n, *, code="call_raised", exception="KeyError", first=0, **call):
    """Record n calls without a validated reply."""
    for number in range(n):
        attempt = Attempt(1, "system_prompt", "p", None, Failure("transport", code, "..."), None, (), UNKNOWN_USAGE,
                          None, None, 1.0, exception=exception)  # fmt: skip
        begun = call.get("started_at", 0.0) + 60.0 * number
        what = CALL._replace(**{**call, "id": f"{first + number:032x}", "started_at": begun})
        store.record(
            Outcome(False, None, (attempt,), attempt.failure, UNKNOWN_USAGE, None, 1.0, what),
            f"excluded {number}",
        )
    store.flush(30.0)


def record(  # noqa: PLR0913 - one argument a fact
    store,
    n,
    k,
    *,
    kind="structure",
    code="type",
    usage=UNKNOWN_USAGE,
    elapsed_s=1.0,
    attempts=1,
    unseen=False,
    snapshot=None,
    tasks=None,
    first=0,
    flush=True,
    gap_s=60.0,
    **call,
):
    """Record n calls, k of them failed, spread evenly, each with its own task unless *tasks* says how many there are."""
    for number in range(n):
        failed = (number + 1) * k // n > number * k // n
        made = tuple(
            Attempt(
                attempt,
                call.get("strategies", "system_prompt"),
                "p",
                "{}",
                Failure(kind, code, "wrong") if failed or attempt < attempts else None,
                None if failed or attempt < attempts else "clean",
                (),
                usage,
                None,
                "stop",
                elapsed_s,
                model=None if snapshot is None else call.get("model", CALL.model),
                snapshot=snapshot,
                unseen=unseen,
            )
            for attempt in range(1, attempts + 1)
        )
        begun = call.get("started_at", 0.0) + gap_s * number
        task = f"task {first + number if tasks is None else (first + number) % tasks}"
        what = CALL._replace(**{**call, "id": f"{number:032x}", "started_at": begun})
        failure = made[-1].failure
        store.record(
            Outcome(failure is None, None, made, failure, usage, None, elapsed_s * attempts, what), task
        )
    if flush:
        store.flush(30.0)
