# SPDX-License-Identifier: Apache-2.0
"""The words of a verdict, the same in its head, tables, and plots: its figures, and its meaning without statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.breaches import failed_text
from schema_guard.decide.economics import months
from schema_guard.report.document import Tone
from schema_guard.report.words import NO_DATA, readable
from schema_guard.text import clip, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Figures = Mapping[str, Any]

COLUMNS = ("pess", "point", "opt")

ALPHA = 0.05

DAYS_A_MONTH = 365.25 / 12
_SEVERAL = 2
_MOST_NAMED = 3

# Name of the tuned model among the strategies.
TUNED = "(tuned model)"


def name_of(text: str) -> str:
    """Write a name that somebody else chose, with a trial in words, and cut it if it is long."""
    return clip(" ".join(map(readable, text.split(" "))), 60)


def calls(count: float) -> str:
    """Write a number of calls.

    >>> calls(71413.3)
    '71,413'
    """
    return f"{count:,.0f}"


def failed(rate: Figures, target: float = 1.0, alpha: float = ALPHA) -> str:
    """Write how often calls failed, with the bounds of the true rate.

    >>> failed({"k": 0, "n": 400, "rate": 0.0, "lower": 0.0, "upper": 0.0094, "state": "pass"})
    '0% of calls failed (0 of 400; at most 0.94% with 95% confidence)'
    """
    if rate["rate"] is None:
        return "no data yet"
    what = "inputs failed" if float(rate["k"]) % 1 else "calls failed"
    bounds = []
    if rate["lower"] is not None and rate["state"] != "unrated" and "undecided" not in rate:
        bounds += [f"at least {percent(rate['lower'], -1, target)}"] if rate["lower"] else []
        bounds += [f"at most {percent(rate['upper'], 1, target)}"] if rate["upper"] < 1 else []
    text = failed_text(rate["k"], rate["n"], *bounds, alpha=alpha, what=what, target=target)
    return f"{text}; {rate['undecided']}" if "undecided" in rate else text


def payback(duration: float | None) -> str:
    """Write a payback. None means never."""
    return "never" if duration is None else months(duration)


def rate_of(figures: Figures) -> str:
    """Write a rate with its counts and bounds; without data it is none."""
    if figures["rate"] is None:
        return NO_DATA
    counts = f"{figures['k']:,.6g}/{figures['n']:,}"
    return f"{counts} = {percent(figures['rate'])} {interval(figures['lower'], figures['upper'])}"


def state_of(figures: Figures) -> str:
    """Write the state of a rate."""
    return str(figures["state"]).replace("_", " ")


def imported_of(figures: Figures) -> list[str]:
    """Return, for each strategy with imported calls, the part of the traffic that the calls are, in words."""
    imported = figures.get("traffic", {})
    named = len(figures.get("rates", imported)) > 1
    return [
        f"{name_of(name)}: {traffic['text']}" if named else str(traffic["text"])
        for name, traffic in imported.items()
    ]


def hazards_of(hazards: Sequence[float | None]) -> str:
    """Write how often attempt 1, 2, ... fails."""
    return " ".join("-" if hazard is None else percent(hazard) for hazard in hazards)


def time_text(duration: float) -> str:
    """Write a number of months: of less than two in days, of less than two days in hours."""
    days = duration * DAYS_A_MONTH
    if duration >= _SEVERAL:
        return months(duration)
    return plural(round(days), "day") if days >= _SEVERAL else plural(max(round(24 * days), 1), "hour")


def listed(names: Sequence[str]) -> str:
    """Write the first names, and how many more there are."""
    listed = ", ".join(clip(name, 40) for name in names[:_MOST_NAMED])
    return f"{listed} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else listed


_MEANINGS = {
    "PROMPTING_ENOUGH": "prompting is good enough; keep it",
    "PROMPTING_ENOUGH, switch": "another strategy or model is good enough; switch to it",
    "PROMPTING_ENOUGH, trial": "prompting is good enough in the trial; use the fix that passed",
    "PROMPTING_ENOUGH, stop": "prompting is good enough; keep it, and stop the other strategy, which fails",
    "USE_CHEAPER_MODEL": "a cheaper model is as good; switch to it before you consider tuning",
    "FIND_WHAT_CHANGED": "failures have risen and stay high; find the change",
    "NEED_ECONOMICS": "no prompting fix is left; your costs decide whether tuning pays",
    "FINE_TUNE_FOR_COST": "prompting is good enough, and a tuned model would cost less",
    "NEED_MORE_DATA": "not decided yet; record more calls",
    "NEED_MORE_DATA, right": "not decided yet, because the values are unchecked",
    "NEED_MORE_DATA, latency": "not decided yet, because the duration of the calls is unknown",
    "TRY_NEXT_FIX": "not good enough; try the next fix before you consider tuning",
    "USE_CONSTRAINED_DECODING": "not good enough; let the provider enforce the schema",
    "FINE_TUNE_AND_ROUTE": "tune for some segments, and keep prompting for the others",
    "FINE_TUNE_AND_ROUTE (pilot)": "tune for some segments; run a pilot there",
    "FINE_TUNE_JUSTIFIED (pilot)": "prompting is not good enough, and tuning pays; run a pilot",
    "FINE_TUNE_BLOCKED (right)": "no prompt gets the values right, and tuning is blocked",
    "FINE_TUNE_BLOCKED (latency)": "no prompt is fast enough, and tuning is blocked",
    "FINE_TUNE_JUSTIFIED (pilot, right)": "no prompt gets the values right; run a pilot",
    "FINE_TUNE_JUSTIFIED (pilot, latency)": "no prompt is fast enough; run a pilot",
    "FINE_TUNE_JUSTIFIED (ship)": "the tuned model is good enough; send your traffic to it",
    "FINE_TUNE_JUSTIFIED (in_service)": "the tuned model in use is good enough; keep it",
    "FINE_TUNE_BLOCKED": "tuning would pay, but it is blocked",
    "ACCEPT_OR_REDESIGN (not_economic)": "prompting is not good enough, and tuning is not shown to pay",
    "ACCEPT_OR_REDESIGN (pilot_failed)": "the tuned model is not good enough either",
    "ACCEPT_OR_REDESIGN (tuned_failed)": "the tuned model in use is not good enough",
    "ACCEPT_OR_REDESIGN (content_regression)": "the tuned model returns the format, but its values are right less often",
    "SCHEMAS_FLAGGED": "some schemas fail too often",
    "SCHEMAS_FLAGGED, none": "no schema is shown to fail too often",
    "unexplained": "not decided; first find out why these calls raised exceptions",
    "unexplained, no reply": "not decided; first find out why these calls have no reply",
    "unrated": "not decided, because these calls are not a fair sample of the traffic",
}

FIXES = {
    "raise_max_output_tokens": "allow longer replies",
    "reasoning_limit": "limit how long the model thinks",
    "lenient_parse": "read replies more leniently",
    "system_prompt": "state the format in the system prompt",
    "strict_schema": "let the provider enforce the schema",
    "json_mode": "switch on the provider's JSON mode",
    "few_shot": "show the model examples",
    "temperature": "lower the temperature",
    "reason_then_format": "let the model think before it formats the value",
    "strict_only": "enforce the schema, and leave it out of the prompt",
    "reason_then_strict": "let the model think before the provider enforces the schema",
    "improved_prompt": "search for a better prompt",
    "decision_model": "ask a decision model about the fields",
    "schema_simplify": "simplify the schema",
    "repair_retry": "retry with the error message",
    "smaller_model": "use a smaller model",
    "larger_model": "use a larger model",
}

NUMBERS = {
    "failure_cost": "the cost of a failed call (failure_cost)",
    "calls_per_month": "the number of calls a month (calls_per_month)",
    "tuned_cost": "the cost of a call of the tuned model (tuned_cost)",
    "upfront": "the one-time cost of tuning (upfront)",
    "right": "the share of right values is unknown",
    "latency": "the duration of the calls is unknown",
}

BLOCKS = {
    "train_examples": "too few checked examples for tuning",
    "provider_closed": "the provider accepts no new tuning jobs",
    "not_an_active_tuner": "the provider accepts new tuning jobs only from accounts that used a tuned model within 60 "
    "days",
    "base_model_shutdown_before_payback": "the base model is shut down before tuning pays back",
}


def label(figures: Figures) -> str:
    """Return the name of a verdict, with its stage or reason."""
    detail = figures.get("stage") or figures.get("reason")
    return f"{figures['verdict']} ({detail})" if detail else str(figures["verdict"])


def meaning(figures: Figures) -> str:
    """Return the meaning of a verdict in plain words.

    >>> meaning({"verdict": "PROMPTING_ENOUGH"})
    'prompting is good enough; keep it'
    """
    name = figures["verdict"]
    keys = [key for key in ("unexplained", "unrated") if key in figures]
    if "unexplained" in figures and not figures["unexplained"]["exceptions"]:
        keys.insert(0, "unexplained, no reply")
    if figures.get("schema") and not figures.get("function"):
        keys.append(f"{name}, trial")
    if "switch_to" in figures:
        is_main = figures.get("uses", {}).get(figures["switch_to"], {}).get("use") == "main"
        keys.append(f"{name}, {'stop' if is_main else 'switch'}")
    if name == "SCHEMAS_FLAGGED" and not figures["flagged"]:
        keys.append(f"{name}, none")
    keys += [f"{name}, {figures['missing'][0]}"] if figures.get("missing") else []
    keys.append(f"{name} ({figures.get('stage')}, {figures.get('reason')})")
    keys += [label(figures), f"{name} ({figures.get('reason')})", f"{name} ({figures.get('stage')})", name]
    return next(_MEANINGS[key] for key in keys if key in _MEANINGS)


def tone_of(figures: Figures) -> Tone:
    """Return the color of a verdict. A switch to something good enough is neither good nor bad."""
    if "switch_to" in figures and figures["verdict"] in ("PROMPTING_ENOUGH", "USE_CHEAPER_MODEL"):
        return Tone.OPEN
    if figures["verdict"] in ("NEED_MORE_DATA", "NEED_ECONOMICS") and not figures.get("breach"):
        return Tone.OPEN
    return Tone.BAD if figures["exit_code"] else Tone.GOOD


def fix(step: str) -> str:
    """Return the description of a step, with its name."""
    return f"{FIXES[step]} ({step})" if step in FIXES else step
