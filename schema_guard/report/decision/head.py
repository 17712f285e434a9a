# SPDX-License-Identifier: Apache-2.0
"""The head of a verdict: the facts that a reader needs without knowing statistics, and the next step.

Rules: Each line has one fact, and the most important come first, so a shortened head loses the least. Every figure is
from the verdict. Words that need an explanation are in the details below, not in the head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.economics import months
from schema_guard.decide.evidence.changes import NARROWER
from schema_guard.decide.failures import FailingPlace
from schema_guard.report.decision.head_calls import clocks, inputs, no_reply, scope_facts, volume
from schema_guard.report.decision.words import BLOCKS, NUMBERS, failed, fix, listed, name_of, time_text
from schema_guard.report.document import Fact
from schema_guard.report.words import failing, points
from schema_guard.text import clip, dollars, exact_percent, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Figures = Mapping[str, Any]

_MOST_NAMED = 3
_MOST_WRONG = 4
_HASH = 12
_FEW_RIGHT = 0.9
_MOST_OF_THE_FAILURES = 0.75
_FIRST_TRY = "; first add a line about it to the prompt (`improve` proposes and tests one)"
_A_BURST = 2
# Commands that read the texts of recorded calls.
_NEEDS_TEXTS = ("tune prepare", "bench run --playbook")


def facts_of(figures: Figures) -> Iterator[Fact]:
    """Yield the lines of the head, the most important first."""
    for lines in _LINES:
        yield from lines(figures)


def _confidence(figures: Figures) -> Iterator[Fact]:
    """Yield the meaning of the confidence. Each side has its own alpha, which all strategies share."""
    if any(rate["n"] for rate in figures.get("rates", {}).values()):
        alpha = exact_percent(figures["config"]["alpha"])
        functions = figures.get("n_functions")
        shared = (
            f"; up to {functions} functions of the store share this error probability" if functions else ""
        )
        yield Fact(
            "confidence",
            f"each 'at least' and 'at most' is wrong in at most {alpha} of verdicts, at any time{shared}",
        )


def _wrong(figures: Figures) -> Iterator[Fact]:
    """Yield the proved breaches in production."""
    breaches = figures.get("breach", ())
    for breach in breaches[:_MOST_WRONG]:
        yield Fact("problem", _breach_text(breach, figures))
    if len(breaches) > _MOST_WRONG:
        yield Fact("problem", f"and {len(breaches) - _MOST_WRONG} more")


def _breach_text(breach: Figures, figures: Figures) -> str:
    """Write a proved breach, with the part of the calls that it is about."""
    if breach["strategy"] is None:
        return str(breach["text"])
    rate = figures["rates"].get(breach["strategy"]) or figures["tuned"]
    of_all = rate.get("traffic_share")
    part = "" if of_all is None or of_all > 1 - 1e-9 else f" ({percent(of_all)} of the calls)"
    usage = figures.get("uses", {}).get(breach["strategy"], {})
    if usage.get("use") == "beside" and not usage["text"].startswith("also in use"):
        part = f" ({usage['text']})"
    return f"{name_of(breach['strategy'])}{part}: {breach['text']}"


def _fails_at(figures: Figures) -> Iterator[Fact]:
    """Yield the places at which most failed replies fail, for the strategies proved wrong, or for the one in use."""
    wrong = [
        breach["strategy"] for breach in figures.get("breach", ()) if breach["what"] in ("format", "rise")
    ]
    places = figures.get("fails_at", {})
    of = [name for name in dict.fromkeys(wrong) if name in places] or [
        name for name in (figures.get("counted", {}).get("current"), figures.get("best")) if name in places
    ]
    for name in of[:1] if not wrong else of[:_MOST_NAMED]:
        text = failing(FailingPlace(**place) for place in places[name])
        whose = f"{name_of(name)}: " if len(of) > 1 and wrong else ""
        first = places[name][0]["place"]
        advice = "" if first is None or "next_rung" not in figures else _FIRST_TRY
        yield Fact("fails at", f"{whose}{text}{advice}")


def _behind_the_router(figures: Figures) -> Iterator[Fact]:
    """Yield how often a router's tuned model alone fails, because the rate of the router includes the prompt."""
    for behind in figures.get("behind", {}).values():
        answered = behind["asked"] - behind["k"]
        yield Fact(
            "the router",
            f"the tuned model failed in {plural(behind['n'], 'call')}, and the fallback prompt answered {answered:,} of these",
        )


def _target_facts(figures: Figures) -> Iterator[Fact]:
    config, sources = figures["config"], figures.get("target_sources", {})
    parts = {"target": f"at most {exact_percent(config['target'])} of the calls fail"}
    if config.get("right") is not None:
        parts["right"] = f"at least {exact_percent(config['right'])} of the values are right"
    if config.get("latency_p95_s") is not None:
        parts["latency_p95_s"] = f"95% of the calls take at most {config['latency_p95_s']:g} s"
    where = {sources.get(name) for name in parts}
    if len(where) == 1 and None not in where:
        texts, end = list(parts.values()), f" ({where.pop()})"
    else:
        texts, end = (
            [f"{text} ({sources[name]})" if name in sources else text for name, text in parts.items()],
            "",
        )
    yield Fact(
        "target", f"{', '.join(texts[:-1])}, and {texts[-1]}{end}" if texts[1:] else f"{texts[0]}{end}"
    )


def _result_facts(figures: Figures) -> Iterator[Fact]:
    """Yield the failure rates of the strategies in use, and the other results that the verdict is based on."""
    rates = figures.get("rates", {})
    used = sorted(
        (name for name, rate in rates.items() if rate.get("traffic_share")),
        key=lambda name: -rates[name]["traffic_share"],
    )
    wrong = {breach["strategy"] for breach in figures.get("breach", ()) if breach["what"] == "format"}
    others = [figures.get("switch_to"), figures.get("strategy"), figures.get("best")]
    names = [name for name in dict.fromkeys([*used[:_MOST_NAMED], *others]) if name in rates]
    uses = figures.get("uses", {})
    for name in names:
        if name not in wrong and uses.get(name, {}).get("use", "main") == "main":
            label = ("last used" if figures.get("is_silent") else "in use") if name in used else "measured"
            yield Fact(label, f"{name_of(name)}: {_failed(rates[name], figures)}")
    for name in [*used, *(["tuned"] if "tuned" in uses else [])][:_MOST_NAMED]:
        usage = uses.get(name, {})
        if name not in wrong and usage.get("use", "main") != "main":
            mark = "" if usage["text"].startswith("has ") else ":"
            yield Fact(
                "gone" if usage["use"] == "gone" else "beside", f"{name_of(name)}{mark} {usage['text']}"
            )
    if "tuned" in figures and "tuned" not in wrong:
        yield Fact("tuned model", _failed(figures["tuned"], figures))
    yield from _right_values(figures)
    yield from decision_facts(figures)
    if "flagged" in figures:
        yield Fact("schemas", listed(figures["flagged"]) or "no schema fails too often")


def _failed(rate: Figures, figures: Figures) -> str:
    return failed(rate, figures["config"]["target"], figures["config"]["alpha"])


def _right_values(figures: Figures) -> Iterator[Fact]:
    """Yield the bounds of right values that labels prove, among valid replies and of all calls."""
    limit = figures["config"].get("right") or 1.0
    for name, rate in figures.get("rates", {}).items():
        right = rate.get("right", {})
        if "all_calls" in right:
            what = "values of" if right["unit"] == "value" else "calls with"
            valid = interval(1 - right["upper"], 1 - right["lower"], limit)
            every = interval(right["all_calls"]["lower"], right["all_calls"]["upper"], limit)
            yield Fact(
                "right",
                f"{name_of(name)}: {valid} of the {what} valid replies are right, and {every} if failed calls count as wrong "
                f"({plural(right['n'], 'label')}, {right['skipped']:,} skipped)",
            )


def decision_facts(figures: Figures) -> Iterator[Fact]:
    """Yield the right values, the price, and the duration of each decision model beside those of the best prompt."""
    rates = figures.get("rates", {})
    for name, rate in rates.items():
        content = rate.get("content")
        if content is None:
            continue
        beside = content.get("beside")
        prompt = "the prompt" if beside is None else name_of(beside)
        low, high = percent(-content["upper"], -1)[:-1], percent(-content["lower"], 1)[:-1]
        text = (
            f"{name_of(name)}: more right values than {prompt} for {content['better']:,} of "
            f"{plural(content['n'], 'input')}, and fewer for {content['worse']:,} (difference: {low} to {high} percentage points)"
        )
        if right := rate.get("right"):
            text += f"; its values are right for {percent(1 - right['rate'])} of {plural(right['n'], 'known answer')}"
        for what, own, other in _per_call(rate, rates.get(beside, {})):
            text += f"; a call {what} {own} instead of {other}"
        yield Fact("decisions", text)


def _per_call(rate: Figures, other: Figures) -> Iterator[tuple[str, str, str]]:
    """Yield the cost and the seconds of a call of a trial, and of another one."""
    for what, key, written in (
        ("costs", "dollars", dollars),
        ("takes", "seconds", lambda mean: f"{mean:.2g} s"),
    ):
        means = [
            one["trial"][key] / one["n"] if one.get("trial", {}).get(key) is not None and one["n"] else None
            for one in (rate, other)
        ]
        if means != [None, None]:
            own, theirs = ("unknown" if mean is None else written(mean) for mean in means)
            yield what, own, theirs


def _answer(figures: Figures) -> Iterator[Fact]:
    """Yield the verdict's advice in words."""
    if "next_rung" in figures:
        yield Fact("try", fix(figures["next_rung"]))
    if "switch_to" in figures:
        saving = figures.get("saving_per_month")
        name, model = figures["switch_to"], figures["rates"][figures["switch_to"]].get("model")
        choice = name_of(name) + (f" on {name_of(model)}" if model and model not in name else "")
        yield Fact(
            "switch to", choice if saving is None else f"{choice}, which saves {dollars(saving)} a month"
        )
        if "values first" in figures["why"]:
            yield Fact("but", "the verdict compares only format and price; compare the values first")
    if figures["verdict"] == "NEED_MORE_DATA" and "unexplained" not in figures and "unrated" not in figures:
        yield from _more(figures)
    if figures.get("missing"):
        yield Fact("missing", "; ".join(NUMBERS.get(name, name) for name in figures["missing"]))
    if "tune" in figures:
        yield Fact("tune for", listed(figures["tune"]))
        yield Fact("prompt for", listed(figures["prompt"]))
    blocked = figures.get("blocked") or figures.get("cost_case_blocked")
    if blocked:
        yield Fact("blocked by", "; ".join(BLOCKS[reason] for reason in blocked))


def values_facts(figures: Figures) -> Iterator[Fact]:
    """Yield the values before and after enforcement, or the command that measures them."""
    values = figures.get("values", {})
    if "command" in values:
        text = "not measured, although enforcement can make wrong answers valid"
        if "before" in values:
            text = f"{_share_text(values['before'])} of the values are right without enforcement; with it, the share is {text}"
        yield Fact("values", f"{text}. To measure the values, run: {values['command']}")
    elif values:
        before, after = values["before"], values["after"]
        what = "right" if values["measure"] == "right" else "in the input"
        first, second = _share_text(before), _share_text(after)
        text = f"{first} of the values are {what} before enforcement ({name_of(before['id'])}), and {second} after it ({name_of(after['id'])})"
        if "n" in values:
            change = points(after["share"] - before["share"], values["lower"], values["upper"])
            text += f"; the difference is {change} percentage points ({plural(values['n'], 'input')})"
        yield Fact("values", text)


def _share_text(one: Figures) -> str:
    bounds = interval(one["lower"], one["upper"])
    return bounds if one["share"] is None else f"{percent(one['share'])} {bounds}"


def _more(figures: Figures) -> Iterator[Fact]:
    n_more, duration = figures["n_more"], figures["months_to_answer"]
    config, name = figures["config"], figures["strategy"]
    rate = figures.get("rates", {}).get(name, {})
    if (
        config.get("burst_length", 1) > 1
        and rate.get("upper") is not None
        and rate["upper"] <= config["target"]
    ):
        length = config["burst_length"]
        yield Fact(
            "so far",
            f"good enough if failures are isolated, but not yet if they occur in bursts of {length:g}",
        )
    if name in figures.get("bursts", {}):
        yield Fact("needs", "more time; how much depends on further bursts")
    elif n_more is not None:
        when = (
            "" if duration is None else f", which arrive within {time_text(duration)} at the current volume"
        )
        is_answer = name == "tuned_content" or rate.get("content", {}).get("state") == "inconclusive"
        what = "answer" if is_answer else "call"
        yield Fact("needs", f"about {plural(n_more, f'more {what}')}{when}")
    elif not figures.get("missing"):
        yield Fact(
            "needs", "another target, because the rate is too near this one for any number of calls to decide"
        )
    meanwhile = figures.get("meanwhile")
    if meanwhile:
        what = "more calls of the same configuration" if meanwhile["rung"] is None else fix(meanwhile["rung"])
        cost = "" if meanwhile["cost"] is None else f", for about {dollars(meanwhile['cost'])}"
        yield Fact("or now", f"{what}: {meanwhile['calls']:,} calls of a trial{cost}")


def _basis_facts(figures: Figures) -> Iterator[Fact]:
    """Yield the facts that an answer depends on: bursts, changes, outages."""
    for name, margin in figures.get("burst_margin", {}).items():
        limit = f" or occur in bursts of at most {int(margin)}" if margin >= _A_BURST else ""
        yield Fact("valid if", f"failures of {name_of(name)} are isolated{',' if limit else ''}{limit}")
    for name, bursts in figures.get("bursts", {}).items():
        yield Fact(
            "bursts",
            f"the {plural(bursts['failures'], 'failure')} of {name_of(name)} came in {plural(bursts['entries'], 'burst')}, "
            "and the ranges allow for bursts",
        )
    told_already = {breach["strategy"] for breach in figures.get("breach", ()) if breach["what"] == "rise"}
    for name, change in figures.get("change", {}).items():
        if name not in told_already and name not in figures.get("bursts", {}):
            outages = figures.get("history", {}).get(name, {}).get("outages", 0)
            if change["direction"] == "fall" and outages:
                yield Fact("outage", f"{name_of(name)}: the outage is over; {change['text']}")
            else:
                yield Fact("changed", f"{name_of(name)}: {change['text']}")


def _weekly(figures: Figures) -> Iterator[Fact]:
    """Yield the weekly pattern of the failures, or, for a rise without a pattern, the patterns that were compared."""
    rises = {breach["strategy"] for breach in figures.get("breach", ()) if breach["what"] == "rise"}
    for name, weekly in figures.get("weekly", {}).items():
        if weekly.get("parts"):
            yield Fact("pattern", f"{name_of(name)}: {weekly['text']}")
        elif name in rises:
            yield Fact(
                "pattern",
                f"{name_of(name)}: none for weekends, single days, or 8 hours of the day (time zone "
                f"{weekly['zone']}); {NARROWER}, and can look like this rise",
            )


def _where(figures: Figures) -> Iterator[Fact]:
    """Yield the inputs and segments that have most of the failures."""
    for name, frequent in figures.get("hot", {}).items():
        counted = figures["counted"]["strategies"][name]
        for digest, n, k in frequent:
            # After a change the rate is of later calls, and the counts of an input are of all calls.
            if k and 2 * k >= counted["failed"] and counted["calls"] == counted["n"]:
                yield Fact(
                    "one input",
                    f"{clip(digest, _HASH)} is the input of {n:,} of {counted['n']:,} calls ({percent(n / counted['n'])}) "
                    f"and of {k:,} of {plural(counted['failed'], 'failed call')}",
                )
    for name, rate in figures.get("rates", {}).items():
        inputs = rate.get("input")
        gone = figures.get("uses", {}).get(name, {}).get("use") == "gone"
        if not gone and inputs is not None and inputs["state"] == "fail":
            yield Fact(
                "new inputs",
                f"{name_of(name)}: {inputs['k']:,.6g} of {inputs['n']:,} inputs that are not frequent fail "
                f"({percent(inputs['rate'])}), so expect new inputs to fail too",
            )
    yield from _segments([part for part in figures.get("segments", ()) if "k" in part and part["n"]])


def _segments(parts: Sequence[Figures]) -> Iterator[Fact]:
    failing = [part for part in parts if part["state"] == "fail"]
    together = sum(part["k"] for part in parts)
    if not failing or len(failing) == len(parts):
        return
    k, of_all = sum(part["k"] for part in failing), sum(part["share"] for part in failing)
    if k < _MOST_OF_THE_FAILURES * together:
        return
    each = ", ".join(
        f"{name_of(part['name'])} ({percent(part['k'] / part['n'])} fail)" for part in failing[:_MOST_NAMED]
    )
    of, have = ("segment", "has") if len(failing) == 1 else ("segments", "have")
    yield Fact(
        "where",
        f"{of} {each} {have} {k:,.6g} of the {together:,.6g} failures, and {percent(of_all)} of the calls",
    )


def _beside_format(figures: Figures) -> Iterator[Fact]:
    """Yield requirements that aren't measured, and a low share of right values if no limit is set."""
    for name, rate in figures.get("rates", {}).items():
        for what, met in rate.get("met", {}).items():
            if met["n"] == 0 and rate.get("traffic_share", 1):
                yield Fact("unmeasured", f"{name_of(name)}: {NUMBERS[what]}, but the target requires it")
    right = figures.get("content_right")
    if right is not None and figures["config"].get("right") is None and right["rate"] < _FEW_RIGHT:
        yield Fact(
            "values",
            f"{right['k']:,} of {right['n']:,} values equal the known answer ({percent(right['rate'])}). To set a limit, add --min-right 95%",
        )


def _model_ends(figures: Figures) -> Iterator[Fact]:
    """Yield the last day of each model that the verdict keeps or advises."""
    for end in figures.get("model_ends", ()):
        mark = " (second-hand)" if end["second_hand"] else ""
        text = f"{name_of(end['model'])} shuts down on {end['last_day']}{mark}, in {months(end['months'])}"
        if end["tuned"]:
            paid = figures.get("next_tuning")
            text += "; " + (
                "you gave no cost for the next tuning"
                if paid is None
                else f"the next tuning costs {dollars(paid)}"
            )
        yield Fact("ends", text)


def _money(figures: Figures) -> Iterator[Fact]:
    if "cost" not in figures:
        return
    money, cost = figures["economics"], figures["cost"]
    saving, payback = money["pess"]["saving_per_month"], money["pess"]["payback_months"]
    verb = "saves" if saving >= 0 else "loses"
    summary = f"tuning costs {dollars(money['upfront'])} once and {verb} {dollars(abs(saving))} a month in the worse case of both failure rates"
    horizon = months(figures["config"]["horizon_months"])
    back = "so it never pays back" if payback is None else f"so it pays back in {months(payback)}"
    tuned = [end["last_day"] for end in figures.get("model_ends", ()) if end["tuned"]]
    end = f"; the tuned model shuts down on {tuned[0]}" if tuned else ""
    yield Fact("money", f"{summary}, {back} (limit: {horizon}){end}")
    again = "" if cost["tunings"] == 1 else f", with {cost['tunings']} paid tunings"
    yield Fact(
        "total",
        f"savings of {dollars(cost['total'])} over {horizon}{again}; from {dollars(cost['lowest_total'])} to "
        f"{dollars(cost['highest_total'])} if you halve or double volume and failure cost",
    )
    if figures.get("stage") == "pilot":
        yield Fact("pilot", f"a failed pilot costs {dollars(cost['failed_pilot'])} plus its hosting")


def _next_facts(figures: Figures) -> Iterator[Fact]:
    step = figures["next_step"]
    yield Fact("next", step)
    if figures.get("texts") is None or not any(name in step for name in _NEEDS_TEXTS):
        return
    yield Fact(
        "texts",
        f"stored for {figures['texts']:,} calls of this function. To store texts, use {figures['storing']}",
    )


# The lines of the head in their order. Each function yields the lines that apply, or none.
_LINES: tuple[Callable[[Figures], Iterator[Fact]], ...] = (
    scope_facts,
    _wrong,
    _fails_at,
    _target_facts,
    _result_facts,
    _behind_the_router,
    no_reply,
    inputs,
    clocks,
    _answer,
    values_facts,
    _model_ends,
    _next_facts,
    _confidence,
    _basis_facts,
    _weekly,
    _where,
    _beside_format,
    _money,
    volume,
)
