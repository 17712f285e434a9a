# SPDX-License-Identifier: Apache-2.0
"""A verdict as one screen: a sentence with the number that matters, what to do next, and what would change it.

Rules: the sentence is for who knows neither the library nor statistics; its number is of the calls that the verdict is
about, so it says no more than is proved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.decision.head import breach_of, facts_of
from schema_guard.report.decision.plain_words import fix, label, meaning
from schema_guard.report.decision.words import name_of, payback
from schema_guard.report.document import Section
from schema_guard.report.page import Slide
from schema_guard.text import dollars, percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Figures = Mapping[str, Any]

_MOST_FLIPS = 4

# Of the head a lead reads these at once.
_AT_ONCE = ("try", "but", "missing", "or now", "next")


def slide_of(figures: Figures, *, plots: int) -> Slide:
    """Give what stands on the first screen of a verdict's page.

    Args:
        figures: As `Verdict.as_dict` gives them.
        plots: So many plots, the first, stand on it.
    """
    wrong = [
        f"wrong now: {breach_of(breach, figures)}"
        for breach in figures.get("breach", ())
        if not _is_in_headline(figures, breach)
    ]
    facts = tuple(facts_of(figures))
    return Slide(
        verdict=label(figures),
        headline=headline_of(figures),
        whose="; ".join(
            fact.text if fact.label == "function" else f"{fact.label}: {fact.text}"
            for fact in facts
            if fact.label in ("function", "calls")
        ),
        lines=(*wrong[:1], *(f"{fact.label}: {fact.text}" for fact in facts if fact.label in _AT_ONCE)),
        plots=plots,
        panels=tuple(_flips(figures)),
    )


def _is_in_headline(figures: Figures, breach: Figures) -> bool:
    """Say whether the headline tells a breach already."""
    if figures["verdict"] == "FIND_WHAT_CHANGED":
        return bool(breach["what"] in ("rise", "format"))
    return breach is _missed(figures) and (
        figures["verdict"] == "NEED_MORE_DATA" or breach["strategy"] == figures.get("best")
    )


def headline_of(figures: Figures) -> str:
    """Give the verdict in plain words, and the number that matters."""
    return f"{_sentence(meaning(figures))} {_sentence(_number(figures))}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _number(figures: Figures) -> str:
    if "unexplained" in figures:
        return f"nobody knows of {plural(figures['unexplained']['calls'], 'call')} why they have no reply"
    if "unrated" in figures:
        return f"how many calls fail is not known, and {percent(figures['config']['target'])} may"
    if figures["verdict"] == "PROMPTING_ENOUGH" and "switch_to" in figures:
        return _switched(figures)
    return _NUMBERS.get(figures["verdict"], _fails)(figures)


def _fails(figures: Figures, name: str | None = None) -> str:
    """Say how much fails, of a strategy or of what is decided on, and how much may."""
    wrong = [breach for breach in figures.get("breach", ()) if breach["what"] in _MISSED and breach["n"]]
    chosen = name or figures.get("strategy") or figures.get("best")
    if name is None and wrong and not any(breach["what"] == "format" for breach in wrong):
        worst = wrong[0]
        share = percent(worst["k"] / worst["n"])
        return f"{share} of the {_MISSED[worst['what']]}, and {percent(worst['limit'])} may be"
    measured = (
        figures.get("tuned") if chosen in ("tuned", "tuned_content") else figures.get("rates", {}).get(chosen)
    )
    target = percent(figures["config"]["target"])
    if not measured or measured["rate"] is None:
        return f"no call is recorded, and {target} may fail"
    if measured["state"] == "pass":
        return f"at most {percent(measured['upper'])} of the calls fail, and {target} may"
    return f"{percent(measured['rate'])} of the calls fail, and {target} may"


_MISSED = {"format": "calls fail", "right": "values are wrong", "latency": "calls are too slow"}


def _cheaper(figures: Figures) -> str:
    saved = figures.get("saving_per_month")
    money = "" if saved is None else f", and {dollars(saved)} a month are saved"
    return f"{_switched(figures)}{money}"


def _switched(figures: Figures) -> str:
    return f"with {name_of(figures['switch_to'])} {_fails(figures, figures['switch_to'])}"


def _changed(figures: Figures) -> str:
    change = next((one for one in figures.get("change", {}).values() if one["direction"] == "rise"), None)
    if change is None or not change["since_n"]:
        return _fails(figures)
    before = f", {percent(change['prior_k'] / change['prior_n'])} before" if change["prior_n"] else ""
    since = f"since {change['days'][0]} " if "days" in change else ""
    return f"{since}{percent(change['since_k'] / change['since_n'])} of the calls fail{before}"


def _more(figures: Figures) -> str:
    name = figures.get("strategy")
    measured, missed = figures.get("rates", {}).get(name), _missed(figures)
    n_more, what = figures.get("n_more"), "known answers" if name == "tuned_content" else "calls"
    needed = "no number of calls decides it" if n_more is None else f"{n_more:,} more {what} decide it"
    if missed and missed["strategy"] != name:
        share, limit = percent(missed["k"] / missed["n"]), percent(missed["limit"])
        whether = needed.replace("decide it", f"of {name_of(str(name))} decide whether it fixes that")
        return f"{share} of the calls fail, and {limit} may; {whether}"
    if not measured or measured["rate"] is None or measured["state"] != "inconclusive":
        return f"{_fails(figures)}; {needed}"
    return (
        f"between {percent(measured['lower'])} and {percent(measured['upper'])} of the calls fail, "
        f"{percent(figures['config']['target'])} may; {needed}"
    )


def _missed(figures: Figures) -> Figures | None:
    """Give what is proved to be missed in production of the format."""
    return next(
        (breach for breach in figures.get("breach", ()) if breach["what"] == "format" and breach["n"]), None
    )


def _route(figures: Figures) -> str:
    names = ", ".join(map(name_of, figures["tune"]))
    share = sum(part["share"] for part in figures["segments"] if part["name"] in figures["tune"])
    return f"{names} is {100 * share:.0f}% of the calls"


def _justified(figures: Figures) -> str:
    if figures.get("stage") == "in_service":
        return _fails(figures)
    text = _aim(figures) or _fails(figures, "tuned" if figures.get("stage") == "ship" else None)
    if figures.get("economics") is None:
        return text
    months = figures["economics"]["pess"]["payback_months"]
    pays = "it never pays back" if months is None else f"it pays back in {payback(months)}"
    return f"{text}; {pays} with both failure rates at their bad end"


def _aim(figures: Figures) -> str | None:
    """Say how far what was asked for beside the format is met, where that is why tuning is justified; else None."""
    what = figures.get("reason")
    if what not in _MISSED:
        return None
    rates = figures["tuned"] if figures.get("stage") == "ship" else figures["rates"][figures["strategy"]]
    measured = rates["met"][what]
    is_met = measured["state"] == "pass"
    share = f"at most {percent(measured['upper'])}" if is_met else percent(measured["rate"])
    return f"{share} of the {_MISSED[what]}, and {percent(measured['limit'])} may be"


def _blocked(figures: Figures) -> str:
    return _aim(figures) or _fails(figures)


def _redesign(figures: Figures) -> str:
    lost = figures.get("content", {}).get("upper")
    if figures.get("reason") == "content_regression" and lost is not None:
        return f"up to {percent(lost)} of the right answers are lost"
    return _fails(figures, "tuned" if "tuned" in figures else None)


def _flagged(figures: Figures) -> str:
    target, count = percent(figures["config"]["target"]), len(figures["flagged"])
    fails = "fails" if count == 1 else "fail"
    return (
        f"{count} of {plural(len(figures['schemas']), 'schema')} {fails} in more than {target} of the calls"
    )


def _saves(figures: Figures) -> str:
    pess = figures["economics"]["pess"]
    return f"{dollars(pess['saving_per_month'])} a month are saved, and it pays back in {payback(pess['payback_months'])}"


_NUMBERS: Mapping[str, Callable[[Figures], str]] = {
    "USE_CHEAPER_MODEL": _cheaper,
    "FIND_WHAT_CHANGED": _changed,
    "FINE_TUNE_FOR_COST": _saves,
    "NEED_MORE_DATA": _more,
    "FINE_TUNE_AND_ROUTE": _route,
    "FINE_TUNE_BLOCKED": _blocked,
    "FINE_TUNE_JUSTIFIED": _justified,
    "ACCEPT_OR_REDESIGN": _redesign,
    "SCHEMAS_FLAGGED": _flagged,
}


def _flips(figures: Figures) -> Iterator[Section]:
    """Yield what would change the answer."""
    if "cost" in figures:
        flips = sorted(figures["cost"]["flips"], key=lambda flip: not flip["flips"])[:_MOST_FLIPS]
        lines = [f"{flip['change']}: payback {payback(flip['payback_months'])}" for flip in flips]
        yield Section("What would change the answer", lines=tuple(lines))
        return
    lines = [*_flips_of_rate(figures)]
    if figures.get("n_more"):
        lines.append(f"{figures['n_more']:,} more calls")
    if "next_rung" in figures:
        lines.append(f"{fix(figures['next_rung'])}, if it fixes what fails")
    if "schemas" not in figures:
        lines.append("costs: without them nothing is said of money")
    if lines:
        yield Section("What would change the answer", lines=tuple(lines))


def _flips_of_rate(figures: Figures) -> Iterator[str]:
    best = figures.get("best")
    measured, margin = figures.get("rates", {}).get(best), figures.get("burst_margin", {}).get(best)
    if measured and measured["state"] == "pass":
        yield f"a target below {percent(measured['upper'])}: so much may fail by what is proved"
    if measured and measured["state"] == "fail":
        yield f"a target above {percent(measured['lower'])}: so much fails at least"
    if margin is not None:
        yield f"failures that come in bursts of more than {margin:.3g} calls, in the mean"
