# SPDX-License-Identifier: Apache-2.0
"""The recorded cost of a call, used for values that the user doesn't give.

Rules: Tokens and seconds are the recorded means of the best strategy. A price is from a table that the user names, and
each call is priced by its own size. Given values take precedence over recorded ones.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.model_names import priced_name
from schema_guard.decide.economics import mean_attempts
from schema_guard.decide.evidence.money import TrialCost
from schema_guard.decide.evidence.reading import to_json
from schema_guard.decide.recorded.configurations import RecordedConfiguration
from schema_guard.errors import InvalidArgument
from schema_guard.prices.costs import (
    GENAI_PRICES,
    NoPrice,
    PerMillion,
    TokenPrices,
    token_prices,
)
from schema_guard.records.counts.configurations import mean_of
from schema_guard.records.counts.tallies import together
from schema_guard.text import clip, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records import ConfigurationCounts


def with_recorded_costs(
    money: Mapping[str, Any],
    best: RecordedConfiguration,
    prices: str | None,
    sources: list[dict[str, str]],
    notes: list[str],
    *,
    piloted: RecordedConfiguration | None = None,
) -> dict[str, Any]:
    """Fill in the recorded cost of a call.

    Args:
        money: The evidence's `economics`, in which tokens, seconds, and prices may be missing.
        best: The configuration whose records are read.
        prices: A table of token prices. None means no prices are looked up.
        sources: Receive the table's name and day.
        notes: Receive the values that were filled in.
        piloted: The tuned model whose records show the cost of its calls. None if there is none.

    Raises:
        InvalidArgument: No reply reports its tokens or its model, or the table does not contain the model.
        MissingExtra: The table is a package that is not installed.
    """
    prompt, tuned = money.get("prompt_cost", {}), money.get("tuned_cost", {})
    recorded = _recorded_cost(best)
    _check_tokens(best, {*recorded, *prompt})
    if prices is not None:
        recorded |= _recorded_prices(best, prices, sources, notes)
    filled = {**recorded, **prompt}
    if recorded.keys() - prompt.keys():
        notes.append(
            f"the tokens and seconds of a prompt are the recorded means of {best.id}{_stopped_in(best)}"
        )
    tokens_only = {
        name: filled[name] for name in ("fixed", "var", "out", "repair", "latency_s") if name in filled
    }
    is_whole = bool(_stopped_share(best)) and "out" in recorded.keys() - prompt.keys()
    if is_whole:
        # Replies of the tuned model are expected to be valid, so they aren't as short as stopped ones.
        tokens_only["out"] = mean_of(best.counts.sums[:1], "output_tokens")
    measured = {} if piloted is None else _recorded_cost(piloted)
    if measured.keys() - tuned.keys() and piloted is not None:
        notes.append(
            f"the tokens and seconds of the tuned model are the recorded means of {piloted.id}{_stopped_in(piloted)}"
        )
    missing = tokens_only.keys() - tuned.keys() - measured.keys()
    if missing:
        notes.append(
            f"these costs of the tuned model are assumed to equal those of the prompt: {', '.join(sorted(missing))}"
            + ("; its replies are assumed to be complete" if is_whole and "out" in missing else "")
        )
    return {**money, "prompt_cost": filled, "tuned_cost": {"hit": 0.0, **tokens_only, **measured, **tuned}}


def cost_of(configuration: RecordedConfiguration, prices: str, notes: list[str]) -> dict[str, float] | None:
    """Return the tokens and seconds of an attempt of a configuration, and the prices of its model.

    Args:
        configuration: The configuration.
        prices: A table of token prices.
        notes: Receive a line if a tuned model has no price of cached input.

    Returns:
        None if no reply reports its tokens, or if the table does not contain the model.

    Raises:
        InvalidArgument: The table cannot be read.
        MissingExtra: The table is a package that is not installed.
    """
    cost = _recorded_cost(configuration)
    model = configuration.first.model
    if "var" not in cost or "out" not in cost or model is None or ">" in model:
        return None
    try:
        cost |= _recorded_prices(configuration, prices, [], notes)
    except NoPrice:
        return None
    return {"latency_s": 0.0, **cost}


def trial_cost(counts: ConfigurationCounts, prices: Mapping[str, float] | None) -> dict[str, float]:
    """Return the tokens, seconds, and dollars of all attempts of a trial. A value that any attempt lacks is left out.

    Args:
        counts: Counts of the trial.
        prices: Dollars for a million tokens, `p_in p_cached p_out`, for attempts without a recorded cost. None if they
            are unknown.
    """

    def total(name: str) -> float | None:
        amount = counts.total(name)
        return None if amount.unknown else float(amount.known or 0)

    sent, received, dollars = (total(name) for name in ("input_tokens", "output_tokens", "cost"))
    if dollars is None and prices is not None and sent is not None and received is not None:
        cached = min(total("cached_input_tokens") or 0.0, sent)
        paid = PerMillion(*(prices[name] for name in PerMillion._fields))
        dollars = paid.dollars(sent - cached, cached, received)
    known: dict[str, float] = to_json(TrialCost(sent, received, total("elapsed_s"), dollars))
    return known if counts.sums else {}


def _check_tokens(best: RecordedConfiguration, known: set[str]) -> None:
    unknown = [name for name in ("var", "out") if name not in known]
    if unknown:
        raise InvalidArgument(
            f"{best.id}: no reply reported its tokens. Add {' and '.join(unknown)}, as numbers of tokens, to economics.prompt_cost. If some tokens are cached, also add 'fixed' and 'hit'"
        )


def _recorded_prices(
    best: RecordedConfiguration, prices: str, sources: list[dict[str, str]], notes: list[str]
) -> dict[str, float]:
    """Return the prices of a call with the recorded mean number of tokens."""
    model = best.first.model
    if model is None:
        raise InvalidArgument(
            f"{best.id}: no reply names its model, so schema_guard can't find its prices. Name the model with guard(..., about=About(model=...))"
        )
    if ">" in model:
        raise InvalidArgument(
            f"{best.id}: the calls use several models with different prices. Add p_in, p_cached, and p_out to economics.prompt_cost, and omit the price table"
        )
    table = _table(model, best, prices)
    sources.append({"name": table.source, "as_of": _day_of(table, prices)})
    if best.step == "tuned" and not table.has_cached_price:
        line = f"{clip(model)}: {clip(table.source)} has no price for cached input, so cached tokens cost as much as other input"
        notes += [] if line in notes else [line]
    sent = mean_of(best.counts.sums, "input_tokens")
    return table.per_million(round(sent or 0))._asdict()


def _table(model: str, best: RecordedConfiguration, prices: str) -> TokenPrices:
    """Return a model's prices, by its name or by the name of a snapshot that replied."""
    strategies = best.first.strategies
    try:
        return token_prices(priced_name(model, strategies) or model, source=prices)
    except InvalidArgument:
        for row in best.first.models:
            if row.model == model and row.snapshot is not None:
                with suppress(InvalidArgument):
                    return token_prices(priced_name(row.snapshot, strategies) or model, source=prices)
        raise


def _day_of(table: TokenPrices, prices: str) -> str:
    """Return the day of prices: the table's own day, or the text that it is unknown, with the day of its file."""
    if prices == GENAI_PRICES:
        return f"{table.as_of} or later, according to the package" if table.as_of else "an unknown day"
    if table.as_of:
        return table.as_of
    written = datetime.fromtimestamp(Path(prices).stat().st_mtime, UTC).date()
    return f"an unknown day; the file was written on {written.isoformat()}"


def _recorded_cost(best: RecordedConfiguration) -> dict[str, float]:
    """Return the mean tokens and seconds of an attempt. Cached tokens are its `fixed` tokens, all of them hits."""
    first, again = best.counts.sums[:1], best.counts.sums[1:]
    sent, resent = mean_of(first, "input_tokens"), mean_of(again, "input_tokens")
    cached = min(mean_of(first, "cached_input_tokens") or 0.0, sent or 0.0)
    cost = {
        "fixed": cached,
        "var": None if sent is None else sent - cached,
        "out": _received(best),
        "repair": max(resent - sent, 0.0) if resent is not None and sent is not None else 0.0,
        "hit": 1.0 if cached else 0.0,
        "latency_s": mean_of(first, "elapsed_s"),
    }
    return {name: value for name, value in cost.items() if value is not None}


def _received(best: RecordedConfiguration) -> float | None:
    """Return the mean output tokens of a first attempt, with an estimate for stopped replies.

    Replies that were stopped don't report their tokens. The estimate assumes that the received text has as many tokens
    per byte as complete replies. It also assumes that stopped replies are as frequent among first attempts as among all
    attempts.
    """
    sums, whole, cut = best.counts.sums, best.counts.lengths.whole, best.counts.lengths.stopped
    tokens, stopped = mean_of(sums[:1], "output_tokens"), _stopped_share(best)
    if tokens is None or not stopped or not whole.size:
        return tokens
    thought = min(mean_of(sums, "reasoning_tokens") or 0.0, tokens)
    relative = cut.size / cut.number * whole.number / whole.size
    return (1 - stopped) * tokens + stopped * (thought + (tokens - thought) * relative)


def _stopped_share(best: RecordedConfiguration) -> float:
    """Return the share of the validated replies that were stopped."""
    stopped, whole = best.counts.lengths.stopped.number, best.counts.lengths.whole.number
    return stopped / (stopped + whole) if stopped else 0.0


def _stopped_in(best: RecordedConfiguration) -> str:
    """Return a note that the tokens of stopped replies are estimated, or "" if none were stopped."""
    share = _stopped_share(best)
    if not share:
        return ""
    return (
        f"; {percent(share)} of its replies were stopped early, and their tokens are estimated from the received "
        "text. A provider may bill the whole reply"
    )


def with_recorded_seconds(
    latency: Mapping[str, Any], best: RecordedConfiguration, tuned: Sequence[RecordedConfiguration]
) -> dict[str, Any]:
    """Fill in the recorded durations of calls.

    Args:
        latency: The evidence's `latency`, in which the percentiles may be missing.
        best: The configuration whose seconds are those of a prompt.
        tuned: The tuned models. Only the seconds of the first one are filled in. Empty if there is none.
    """
    seconds = {
        f"{prefix}p{percent}_s": one.counts.call_latency.percentile_s(percent)
        for prefix, one in (("", best), *(("tuned_", one) for one in tuned[:1]))
        for percent in (50, 95)
    }
    return {**{name: value for name, value in seconds.items() if value is not None}, **latency}


_NEEDED = {"var", "out", "p_in", "p_cached", "p_out"}


class SameAttempts(NamedTuple):
    """Attempts with the same cost.

    Attributes:
        cost: Cost of an attempt, with the keys of `CallCost`.
        attempts: Number of attempts.
        again: Number of these that were retries.
    """

    cost: Mapping[str, Any]
    attempts: float
    again: float


def combined_cost(tuned: SameAttempts, prompt: SameAttempts, per: float) -> dict[str, float] | None:
    """Return the cost of both, divided by *per*. None if a price or a number of tokens is unknown."""
    if not per or not tuned.cost.keys() & prompt.cost.keys() >= _NEEDED:
        return None
    total = Counter[str]()
    for cost, attempts, again in (tuned, prompt):
        fixed, out, hit = cost.get("fixed", 0.0) * attempts, cost["out"] * attempts, cost.get("hit", 0.0)
        var = cost["var"] * attempts + cost.get("repair", 0.0) * again
        total.update(
            {"fixed": fixed, "var": var, "out": out, "latency_s": cost.get("latency_s", 0.0) * attempts}
        )
        total.update({"p_cached": fixed * (hit * cost["p_cached"] + (1 - hit) * cost["p_in"])})
        total.update({"p_in": var * cost["p_in"], "p_out": out * cost["p_out"]})
    return {
        **{part: total[part] / per for part in ("var", "fixed", "out", "latency_s")},
        "repair": 0.0,
        "hit": 1.0,
        **{
            price: total[price] / total[part] if total[part] else float(tuned.cost[price])
            for part, price in (("var", "p_in"), ("fixed", "p_cached"), ("out", "p_out"))
        },
    }


def with_fallback_costs(
    evidence: dict[str, Any],
    configuration: RecordedConfiguration,
    prices: str | None,
    notes: list[str],
) -> dict[str, Any]:
    """Return the evidence of a tuned model with the cost of a call, including its fallbacks."""
    own, again = evidence.get("prompt_cost"), configuration.again
    if prices is None or own is None or not again:
        return evidence
    behind = cost_of(replace(configuration, rows=again), prices, notes) or {}
    reached = sum(n for n, _ in evidence.get("attempts", ())) or evidence["n"]
    both = attempts_at(own, configuration.counts), attempts_at(behind, together(again))
    # The tuned model's price alone would be below the cost of a call.
    known = {key: part for key, part in evidence.items() if key != "prompt_cost"}
    cost = combined_cost(*both, reached)
    return known if cost is None else {**known, "prompt_cost": cost}


def with_fallbacks(money: dict[str, Any], used: RecordedConfiguration, notes: list[str]) -> dict[str, Any]:
    """Return `economics` of the evidence with the fallbacks of a tuned model in the cost of its calls.

    Args:
        money: The economics, with tokens and prices filled in.
        used: The tuned model.
        notes: Receives the values that were filled in, or are missing.
    """
    calls = sum(row.calls for row in used.again)
    if not calls or not used.n:
        return money
    share = calls / used.n
    attempts = mean_attempts(money.get("tuned", {}).get("hazards", ())) or 1.0
    behind = attempts_at(money["prompt_cost"], together(used.again))
    cost = combined_cost(
        SameAttempts(money["tuned_cost"], attempts, attempts - 1),
        behind._replace(attempts=behind.attempts / used.n, again=behind.again / used.n),
        attempts,
    )
    if cost is None:
        notes.append(
            f"the cost of the tuned model does not include its fallbacks, {percent(share)} of its calls, because a price is unknown"
        )
        return money
    notes.append(
        f"the cost of the tuned model includes the prompt's cost, because the prompt answered {percent(share)} of the "
        f"calls of {clip(used.id)}. Tokens are the sum of both, and prices are their means"
    )
    return {**money, "tuned_cost": cost}


def attempts_at(cost: Mapping[str, Any], counts: ConfigurationCounts) -> SameAttempts:
    """Return the attempts of configurations, with a cost."""
    return SameAttempts(cost, sum(n for n, _ in counts.attempts), sum(n for n, _ in counts.attempts[1:]))
