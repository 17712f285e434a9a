# SPDX-License-Identifier: Apache-2.0
"""A verdict in plain words: what each answer means, what each fix is, in words that need no statistics.

Rules: one sentence each, short enough for a headline; the name that a program reads stands beside it, never instead of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.document import Tone

if TYPE_CHECKING:
    from collections.abc import Mapping

    Figures = Mapping[str, Any]

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
    "FINE_TUNE_AND_ROUTE": "tune for a part of the traffic, and keep prompting for the rest",
    "FINE_TUNE_AND_ROUTE (pilot)": "tune for a part of the traffic; run a pilot there",
    "FINE_TUNE_JUSTIFIED (pilot)": "prompting is not good enough, and tuning pays; run a pilot",
    "FINE_TUNE_BLOCKED (right)": "no prompt gets the values right, and tuning is blocked",
    "FINE_TUNE_BLOCKED (latency)": "no prompt is fast enough, and tuning is blocked",
    "FINE_TUNE_JUSTIFIED (pilot, right)": "no prompt gets the values right; run a pilot",
    "FINE_TUNE_JUSTIFIED (pilot, latency)": "no prompt is fast enough; run a pilot",
    "FINE_TUNE_JUSTIFIED (ship)": "the tuned model is good enough; send it the traffic",
    "FINE_TUNE_JUSTIFIED (in_service)": "the tuned model in use is good enough; keep it",
    "FINE_TUNE_BLOCKED": "tuning would pay, but it is blocked",
    "ACCEPT_OR_REDESIGN (not_economic)": "prompting is not good enough, and tuning is not shown to pay",
    "ACCEPT_OR_REDESIGN (pilot_failed)": "the tuned model is not good enough either",
    "ACCEPT_OR_REDESIGN (tuned_failed)": "the tuned model in use is not good enough",
    "ACCEPT_OR_REDESIGN (content_regression)": "the tuned model returns the format but is less often right",
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
    "reason_then_format": "let the model think first, then format",
    "strict_only": "enforce the schema, and leave it out of the prompt",
    "reason_then_strict": "let the model think first, then enforce the schema",
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
