"""Reference counts of outcomes in plain Python, and the counts of a store in the same form."""

from collections import Counter, defaultdict
from math import isnan

# Reference name of each count -> name of the store's attribute.
RATES = {
    "calls": "calls",
    "valid_first_time": "valid_first_time",
    "clean": "clean",
    "parsed": "parsed",
    "textless": "textless",
    "repaired": "repaired",
    "fixed_by_retry": "fixed_by_retry",
    "failed": "failed",
    "unseen": "unseen",
    "unseen_failed": "unseen_failed",
    "transport": "transport",
}
HOURLY = ("calls", "failed", "transport")
CONFIGURATION = (
    "function", "schema_name", "schema_fingerprint", "model", "provider", "strategies", "settings", "version",
    "tuned", "segment",
)  # fmt: skip
REPAIRED = {"repaired_lossless", "repaired_lossy"}


def is_validated(outcome):
    last = outcome.attempts[-1]
    is_cancelled = (
        last.failure is not None and last.failure.code == "cancelled" and last.exception is not None
    )
    return not is_transport(last) or (last.number > 1 and not is_cancelled)


def is_transport(attempt):
    return attempt.failure is not None and attempt.failure.kind == "transport"


def configuration_of(call):
    return tuple(getattr(call, name) for name in CONFIGURATION)


def hour_of(call):
    return int(call.started_at // 3_600 * 3_600)


def rates(outcomes):
    """Count the outcomes of calls by the definitions of the rates."""
    counts = Counter()
    for outcome in outcomes:
        last = outcome.attempts[-1]
        unseen = any(attempt.unseen for attempt in outcome.attempts)
        if not is_validated(outcome):
            counts["transport"] += 1
            continue
        counts["calls"] += 1
        counts["failed"] += not outcome.ok
        counts["unseen"] += unseen
        counts["unseen_failed"] += unseen and not outcome.ok
        if unseen:
            continue
        if outcome.ok:
            repaired = last.form in REPAIRED
            counts["repaired"] += repaired
            counts["fixed_by_retry"] += last.number > 1 and not repaired
            passed = last.number == 1 and not repaired
            counts["valid_first_time"] += passed
            counts["clean"] += passed and last.form == "clean"
            counts["textless"] += (
                passed and last.form != "clean" and (last.form == "parsed" or last.reply is None)
            )
            counts["parsed"] += passed and last.form == "parsed"
    return {name: counts[name] for name in RATES}


def total(values):
    """Return the sum of the known values and the number of unknown ones."""
    known = [value for value in values if value is not None]
    return (sum(known) if known else None), len(values) - len(known)


def _sums(attempts):
    usages = [attempt.usage for attempt in attempts]
    return (
        len(attempts),
        total([usage.input_tokens for usage in usages]),
        total([usage.cached_input_tokens for usage in usages]),
        total([usage.output_tokens for usage in usages]),
        total([usage.reasoning_tokens for usage in usages]),
        total([None if isnan(attempt.elapsed_s) else attempt.elapsed_s for attempt in attempts]),
        total([attempt.cost for attempt in attempts]),
    )


def expected(outcomes):
    """Count calls of one configuration. The calls of one hour come together, in the order of storage."""
    hours = list(dict.fromkeys(outcome.call.started_at // 3_600 for outcome in outcomes))
    ordered = sorted(outcomes, key=lambda outcome: hours.index(outcome.call.started_at // 3_600))
    validated = [outcome for outcome in ordered if is_validated(outcome)]
    inputs, by_number = defaultdict(list), defaultdict(list)
    for number, outcome in enumerate(validated):
        call = outcome.call
        known = call.input_hash if call.cluster is None else ("cluster", call.cluster)
        inputs[number if known is None else known].append(not outcome.ok)
    for outcome in outcomes:
        for attempt in outcome.attempts:
            by_number[attempt.number].append(attempt)
    shapes = Counter((len(calls), sum(calls)) for calls in inputs.values())
    every = [attempt for outcome in outcomes for attempt in outcome.attempts]
    by_reply = {n: [one for one in attempts if not is_transport(one)] for n, attempts in by_number.items()}
    return {
        **rates(outcomes),
        "started": (min(one.call.started_at for one in outcomes), max(one.call.started_at for one in outcomes)),
        "excluded": Counter(
            (one.failure.code, one.attempts[-1].exception) for one in outcomes if not is_validated(one)
        ),
        "models": Counter((one.model, one.snapshot) for one in every if one.model and not is_transport(one)),
        "clusters": {**shapes} if any(n > 1 for n, _ in shapes) else {},
        "inputs": len(inputs),
        "attempts": [(len(by_reply[n]), sum(one.failure is not None for one in by_reply[n])) for n in sorted(by_reply) if by_reply[n]],
        "sums": {number: _sums(by_number[number]) for number in by_number},
        "failures": Counter((one.failure.kind, one.failure.code) for one in every if one.failure),
        "failed_as": Counter((one.failure.kind, one.failure.code) for one in validated if not one.ok),
        "violations": Counter(
            place
            for one in every
            if one.failure
            for place in {(result.instance_location, result.keyword) for result in one.failure.violations}
        ),
        "order": [not one.ok for one in validated],
    }  # fmt: skip


def counts_in(counts):
    """Return a store's counts of one configuration in the form of `expected`."""
    return {
        **{name: getattr(counts, text) for name, text in RATES.items()},
        "started": (counts.first_started_at, counts.last_started_at),
        "excluded": Counter({(code, exception): calls for code, exception, calls in counts.excluded}),
        "models": Counter({(model, snapshot): attempts for model, snapshot, attempts in counts.models}),
        "clusters": {(n, k): inputs for n, k, inputs in counts.clusters},
        "inputs": counts.inputs,
        "attempts": list(counts.attempts),
        "sums": {
            sums.number: (
                sums.attempts, sums.input_tokens, sums.cached_input_tokens, sums.output_tokens,
                sums.reasoning_tokens, sums.elapsed_s, sums.cost,
            )
            for sums in counts.sums
        },
        "failures": Counter({(kind, code): attempts for kind, code, attempts in counts.failures}),
        "failed_as": Counter({(kind, code): calls for kind, code, calls in counts.final_failures}),
        "violations": Counter({(place, keyword): attempts for place, keyword, attempts in counts.violations}),
        "order": [bool(counts.outcomes[n // 8] >> (7 - n % 8) & 1) for n in range(counts.calls)],
    }  # fmt: skip


def grouped(outcomes, key):
    """Group outcomes by a key of their calls. The order stays."""
    groups = defaultdict(list)
    for outcome in outcomes:
        groups[key(outcome.call)].append(outcome)
    return groups


def expected_counts(outcomes):
    return {name: expected(group) for name, group in grouped(outcomes, configuration_of).items()}


def stored_counts(store, **where):
    return {configuration_of(counts): counts_in(counts) for counts in store.configurations(**where)}


def stored_hours(store, **where):
    """Return the store's counts by hour and configuration."""
    return {
        (hour.at, *hour.configuration): {name: getattr(hour, name) for name in HOURLY}
        for hour in store.by_hour(**where)
    }


def expected_hours(outcomes):
    groups = grouped(outcomes, lambda call: (hour_of(call), *configuration_of(call)))
    return {key: {name: rates(group)[name] for name in HOURLY} for key, group in groups.items()}


def ledger(store):
    """Return the offered, stored, lost, and pending attempts. Check that they add up."""
    counts = store.counts()
    assert counts.offered == counts.stored + sum(counts.lost_records.values()) + counts.pending
    return counts.offered, counts.stored, counts.lost_records, counts.pending
