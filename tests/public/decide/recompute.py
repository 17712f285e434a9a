"""Repeat a verdict from its JSON alone: the rules written a second time, with scipy, and nothing of the library."""

import json
import sys
from math import ceil, inf, isclose, log
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))  # for the second line of this text

from tests.public.decide.recompute_decisions import (
    content_state,
    loss,
    lowest,
    pairs_needed,
    with_content,
    without_open_trials,
)
from tests.public.decide.recompute_money import gate, money_differences
from tests.public.decide.recompute_weekly import calls_until_whole, differences
from tests.public.decide.second_bounds import further, log_e, lower, state_of, upper

STEPS = (
    "raise_max_output_tokens", "reasoning_limit", "lenient_parse", "system_prompt", "strict_schema", "json_mode",
    "few_shot", "temperature", "reason_then_format", "improved_prompt", "decision_model", "schema_simplify", "repair_retry", "smaller_model",
    "larger_model",
)  # fmt: skip
ORDER = {rung: index for index, rung in enumerate(("bare", *STEPS, "other_model"))}
FORMAT = {"syntax", "structure", "value", "semantic"}
ENFORCED = {
    "enum", "const", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength",
    "maxLength", "minItems", "maxItems",
}  # fmt: skip
KINDS_FIXED = {
    "system_prompt": {*FORMAT, "refusal"}, "few_shot": {*FORMAT, "refusal"}, "temperature": FORMAT,
    "reason_then_format": FORMAT, "improved_prompt": {*FORMAT, "refusal"}, "decision_model": {*FORMAT, "truncation"}, "schema_simplify": FORMAT, "strict_schema": {"syntax", "structure"},
    "json_mode": {"syntax"}, "larger_model": {*FORMAT, "truncation", "refusal"},
}  # fmt: skip
CODES_FIXED = {
    "raise_max_output_tokens": {"truncation": {"max_tokens", "unfinished"}},
    "reasoning_limit": {"truncation": {"reasoning_exhausted"}},
    "lenient_parse": {
        "syntax": {"malformed", "several_documents", "not_finite"},
        "structure": {"encoded_value"},
    },
    "strict_schema": {"value": ENFORCED},
}
RIGHT_FIXED = {
    "system_prompt",
    "few_shot",
    "temperature",
    "reason_then_format",
    "improved_prompt",
    "decision_model",
    "schema_simplify",
    "larger_model",
}
FASTER = {"reasoning_limit", "decision_model", "smaller_model"}
EXIT_0 = {"PROMPTING_ENOUGH", "USE_CHEAPER_MODEL", "FINE_TUNE_FOR_COST", "NEED_MORE_DATA"}


class Again:
    """A verdict's own counts, and what the rules make of them."""

    def __init__(self, said):
        """Measure everything anew."""
        self.said, self.config, self.counted = said, said["config"], said["counted"]
        self.target = self.config["target"]
        self.wrong = []
        self.limits = {"format": self.target}
        if self.config["right"] is not None:
            self.limits["right"] = 1 - self.config["right"]
        if self.config["latency_p95_s"] is not None:
            self.limits["latency"] = 0.05
        self.rates = said["rates"]
        self.rated = [name for name in self.rates if self.is_rated(name)]
        with_data = [name for name in self.rated if self.rates[name]["n"]]
        parties = len(with_data) + bool(said.get("tuned", {}).get("n"))
        functions, priority = said.get("n_functions", 1), said.get("priority")
        part = 1 / functions
        if priority is not None and functions > 1:
            part = 1 / 2 if said.get("function") == priority else part / 2
        self.of_function = self.config["alpha"] * part
        self.alpha = self.of_function / max(parties, 1)
        self.same("alpha_each", said["alpha_each"], self.alpha)
        self.alpha_low = self.alpha / len(self.limits)
        self.met = {name: self.met_by(name) for name in self.rates}
        self.content = {name: content_state(self, name) for name in self.rates}
        self.state = {name: self.state_by(name) for name in self.rates}
        self.prompted = [name for name in self.rates if not self.rates[name].get("tuned")]
        self.best = lowest(self, [name for name in with_data if name in self.prompted])
        self.used()
        self.tuned = self.tuned_state()
        self.left = [
            step["rung"]
            for step in said["ladder"]
            if step["status"] in ("untested", "no_help") and not self.is_no_help(step["rung"])
        ]

    # What was measured.

    def used(self):
        """Find the strategies in use, and the main one."""
        current = self.counted["current"]
        self.main = current if "arrival" in self.rates.get(current, {}) else None
        self.in_production = sorted(
            (name for name in self.rated if self.is_used(self.rates[name])),
            key=lambda name: (name != self.main, -self.share(name)),
        )
        self.gone = [name for name in self.rates if self.is_gone(self.rates[name])]
        used = [name for name in self.in_production if name == self.main]
        self.judged = self.in_production if self.main is None else used
        self.in_use = current if current in self.rates else next(iter(self.in_production), None)

    def is_rated(self, name):
        """Whether a rate of these calls is one of the traffic."""
        traffic = self.said.get("traffic", {}).get(name)
        return traffic is None or traffic["part"] in ("all", "sampled")

    def share(self, name):
        """Of the latest calls."""
        return self.rates[name].get("traffic_share", 0.0)

    @staticmethod
    def is_gone(figures):
        """Whether it was absent for 10 calls or more, and for twice its longest absence or more."""
        arrival = figures.get("arrival")
        return arrival is not None and arrival["absent"] >= max(10, 2 * arrival["longest_absence"])

    def is_used(self, figures):
        """Whether it is in use: by the order of arrival, and without one by its part of the latest calls."""
        if "arrival" in figures:
            return not self.is_gone(figures)
        return figures.get("traffic_share", 0) >= 0.1

    def matters(self, name, lower_, limit):
        """Whether what is missed is of the main one, or a tenth of what all calls may miss."""
        figures = self.said["tuned"] if name == "tuned" else self.rates[name]
        if name == self.main or "arrival" not in figures:
            return True
        return figures.get("traffic_share", 0) * lower_ >= limit / 10

    def order(self, name):
        """Its place on the playbook."""
        return ORDER[self.counted["strategies"][name]["rung"]]

    def of(self, name, key):
        """What is known of a strategy in production."""
        return self.said.get(key, {}).get(name)

    def met_by(self, name):
        """The state of each thing that is asked for."""
        rate = self.rates[name]
        bursts, change = self.of(name, "bursts"), self.of(name, "change")
        weekly = self.of(name, "weekly") or {}
        self.wrong += differences(name, weekly, rate)
        if bursts is None and change is not None and "parts" not in weekly:
            self.same(f"{name} after the change", (rate["n"], rate["k"]), (change["n"], change["k"]))
        n, k = rate["n"], rate["k"]
        low, high = lower(k, n, self.alpha_low), upper(k, n, self.alpha)
        if bursts is not None and n:
            low, high = self.burst_bounds(bursts, n, k)
        for key, mine in (("lower", low), ("upper", high)):
            self.same(f"{name} {key}", rate[key], mine if n else None)
        # The printed bounds are those that were compared: at the last digit two implementations may differ.
        met = {"format": state_of(n, rate["lower"], rate["upper"], self.target)}
        if met["format"] == "pass" and self.calls_for_bursts(name):
            met["format"] = "inconclusive"
        if self.is_young(name):
            met["format"] = "inconclusive"
        for what in list(self.limits)[1:]:
            met[what] = self.one_met(f"{name} {what}", rate["met"][what], self.limits[what])
        for what, text in rate.get("met", {}).items():
            self.same(f"{name} {what} state", text["state"], met[what])
        return met

    def is_young(self, name):
        """Whether there are calls, and no whole week of a weekly pattern."""
        weekly = self.of(name, "weekly") or {}
        return bool(self.rates[name]["n"] and weekly.get("parts") and not weekly["whole"])

    def one_met(self, where, said, limit):
        """The state of one thing that is asked for by plain counts."""
        n, k = said["n"], said["k"]
        self.same(f"{where} lower", said["lower"], lower(k, n, self.alpha_low) if n else None)
        self.same(f"{where} upper", said["upper"], upper(k, n, self.alpha) if n else None)
        self.same(f"{where} limit", said["limit"], limit)
        return state_of(n, said["lower"], said["upper"], limit)

    def burst_bounds(self, bursts, n, k, alpha_low=None):
        """The bounds of section 9.2, around the rate of k of n."""
        alpha_low = alpha_low or self.alpha_low
        if not bursts["failures"]:
            return lower(0, bursts["calls"], alpha_low), upper(0, bursts["calls"], self.alpha)
        entries, failures, at_risk = bursts["entries"], bursts["failures"], bursts["at_risk"]
        begins, share = upper(entries, at_risk, self.alpha / 2), lower(entries, failures, self.alpha / 2)
        low = at_risk / bursts["calls"] * lower(entries, at_risk, alpha_low / 2)
        low /= upper(entries, failures, alpha_low / 2)
        return min(low, k / n), max(begins / (begins + share), k / n)

    def calls_for_bursts(self, name):
        """How many calls of a history are missing before "enough" stands up to bursts."""
        history, length = self.of(name, "history"), self.config["burst_length"]
        if history is None or "traffic_share" not in self.rates[name] or length <= 1:
            return 0
        missing = ceil(1.75 * (length / self.target)) - history["calls"]
        after = ceil(3 * (length / self.target)) - history["since_outage"] if history["outages"] else 0
        return max(0, missing, after)

    def state_by(self, name):
        """The state of all that is asked for."""
        state = self.all_met(self.met[name]) if self.is_rated(name) else "unrated"
        state = with_content(state, self.content[name])
        self.same(f"{name} state", self.rates[name]["state"], state)
        return state

    @staticmethod
    def all_met(met):
        """One state of several."""
        states = list(met.values())
        if states[0] == "no_data":
            return "no_data"
        if "fail" in states:
            return "fail"
        return "pass" if set(states) == {"pass"} else "inconclusive"

    def tuned_state(self):
        """The pilot's state; None without one."""
        tuned = self.said.get("tuned")
        if tuned is None:
            return None
        met = tuned.get("met", {"format": {**tuned, "limit": self.target}})
        self.tuned_met = {
            name: self.one_met(f"tuned {name}", one, self.limits[name]) for name, one in met.items()
        }
        state = self.all_met(self.tuned_met)
        if len(met) == 1:
            self.same("tuned state", tuned["state"], state)
        return state

    def same(self, where, said, mine):
        """Note a difference."""
        if isinstance(said, float) or isinstance(mine, float):
            equal = said is not None and mine is not None and isclose(said, mine, rel_tol=1e-6, abs_tol=1e-9)
        else:
            equal = said == mine
        if not equal:
            self.wrong.append(f"{where}: said {said!r}, repeated {mine!r}")

    # What fixes what.

    def failures(self, name):
        """How many calls, by kind, by code."""
        counted = self.counted["strategies"][name]
        kinds = self.said["failure_kinds"].get(name, {})
        codes = counted.get("failure_codes", {}) if kinds else {}
        return counted["failed"], kinds, codes

    def left_by(self, rung, name):
        """Failures that a step cannot fix."""
        calls, kinds, codes = self.failures(name)
        if rung == "repair_retry":
            hazards = self.said["hazards"].get(name, [])
            return calls * ((hazards[1] or 0.0) if len(hazards) > 1 else 0.0)
        left = 0
        for kind, count in kinds.items():
            if kind in KINDS_FIXED.get(rung, ()):
                continue
            fixed = sum(codes.get(code, 0) for code in CODES_FIXED.get(rung, {}).get(kind, ()))
            left += count - min(count, fixed)
        return left

    def missed(self, name, what):
        """Whether something is proved to be missed."""
        return self.met[name].get(what) == "fail"

    def is_no_help(self, rung):
        """Whether a step can fix nothing of what the best strategy misses."""
        best = self.best
        if best is None or "failure_codes" not in self.counted["strategies"][best]:
            return False
        calls = self.counted["strategies"][best]["failed"]
        if not calls and "fail" not in self.met[best].values():
            return False
        return not self.helps(rung, best)

    def helps(self, rung, name):
        """Whether a step can fix any of what a strategy misses."""
        return (
            self.counted["strategies"][name]["failed"] - self.left_by(rung, name) > 0
            or (rung in RIGHT_FIXED and self.missed(name, "right"))
            or (rung in FASTER and self.missed(name, "latency"))
        )

    def lower_left(self, rung, name):
        """The lower bound of what a step leaves, in the unit of the rate."""
        k, rate, calls = (
            self.left_by(rung, name),
            self.rates[name],
            self.counted["strategies"][name]["failed"],
        )
        if rate["k"] != calls:
            k = k * rate["k"] / calls
        return lower(k, rate["n"], self.alpha)

    def first_that_helps(self, name):
        """The first step that can reach the target alone, else the one that fixes the most."""
        calls = self.counted["strategies"][name]["failed"]
        for rung in self.left:
            if self.missed(name, "right") and rung not in RIGHT_FIXED:
                continue
            if self.missed(name, "latency") and rung not in FASTER:
                continue
            if not self.missed(name, "format") or self.lower_left(rung, name) <= self.target:
                return rung
        return max(self.left, key=lambda rung: calls - self.left_by(rung, name))

    # What is wrong in production.

    def open_rise(self, name):
        """Whether a rise lasts and may leave the rate above the target."""
        change = self.of(name, "change")
        if change is None or change["direction"] != "rise" or not change["open"]:
            return False
        since = change["since_n"] > 0 and change["since_k"] / change["since_n"] > self.target
        return since and upper(change["k"], change["n"], self.alpha) > self.target

    def unexplained(self):
        """Whether too many calls have a cause that nobody knows."""
        known = {"provider_error", "stream_cut", "cancelled", "expected", "unknown"}
        telling = [
            name for name in self.rated if self.said.get("excluded", {}).get(name) and name not in self.gone
        ]
        ways = [one for name in telling for one in self.said["excluded"][name]]
        calls = sum(one["calls"] for one in ways if one["code"] not in known)
        judged = sum(self.counted["strategies"][name]["n"] for name in telling)
        return calls >= 5 and calls > self.target * (judged + sum(one["calls"] for one in ways))

    def breach(self):
        """What is wrong, as pairs."""
        results = []
        for name in self.in_production:
            for what, state in self.met[name].items():
                rate = self.rates[name] if what == "format" else self.rates[name]["met"][what]
                if state == "fail" and self.matters(name, rate["lower"], self.limits[what]):
                    results.append((name, what))
            if self.open_rise(name):
                change = self.of(name, "change")
                low = lower(change["k"], change["n"], self.alpha_low)
                results += [(name, "rise")] if self.matters(name, low, self.target) else []
        if self.pilot_serves():
            met = self.said["tuned"].get("met", {"format": self.said["tuned"]})
            results += [
                ("tuned", what)
                for what, state in self.tuned_met.items()
                if state == "fail" and self.matters("tuned", met[what]["lower"], self.limits[what])
            ]
        return [*results, (None, "excluded")] if self.unexplained() else results

    def pilot_serves(self):
        """Whether a pilot is in use."""
        return self.tuned is not None and self.is_used(self.said["tuned"])

    # Money.

    def price(self, name):
        """Dollars of a call; None where unknown."""
        return self.rates[name].get("price")

    def cost_of(self, name, rate):
        """Dollars of a call with what its failures cost."""
        price = self.price(name)
        return None if price is None else price + rate * (self.counted["failure_cost"] or 0.0)

    def cheapest(self, names):
        """The cheapest with its failures; the earliest step where prices are not known."""
        own = all(self.counted["strategies"][name]["own_price"] for name in names)
        if self.counted["failure_cost"] is None and not own:
            return min(names, key=self.order)
        return min(names, key=lambda name: (self.cost_of(name, self.rates[name]["rate"]), self.order(name)))

    def whole(self):
        """What tuning for all of the traffic comes to; None without economics."""
        value = self.counted.get("whole", self.said)
        return (value["economics"], value["cost"]) if "economics" in value else None

    def saving(self, volume_share=1.0, prompt_rate=None, tuned_rate=None):
        """Dollars a month, with both failure rates at their bad end."""
        money, cost = self.whole()
        prompt = cost["prompt_rate"]["pess"] if prompt_rate is None else prompt_rate
        tuned = cost["tuned_rate"]["pess"] if tuned_rate is None else tuned_rate
        gain = cost["prompt_tokens_per_call"] - cost["tuned_tokens_per_call"]
        gain += (prompt - tuned) * cost["failure_cost"]
        return cost["calls_per_month"] * volume_share * gain - money["hosting_plus_refresh"]

    def gate(self, saving):
        """Return earned, needed, tunings, total, and whether the gate is passed."""
        money, cost = self.whole()
        return gate(saving, money["upfront"], cost["next_tuning"], self.config, self.counted["feasibility"])

    def would_pass(self, saving):
        """Whether it passes if the base model lives as long as the horizon."""
        used = max(0, self.config["horizon_months"] - self.config["lead_months"])
        return saving > 0 and saving * used >= self.whole()[0]["upfront"] * (1 - 1e-9)

    def blocked(self, saving):
        """Why it cannot be had. Without economics, the saving is None."""
        known = self.counted["feasibility"]
        alive, examples = known["months_to_shutdown"], known["train_examples"]
        is_closed = known["new_jobs_allowed"] is False
        is_for_others = (
            self.counted.get("only_active_tuners") and not known["active_tuner"] and self.tuned is None
        )
        ends = alive is not None and alive < self.config["horizon_months"]
        ends = ends and saving is not None and saving > 0 and not self.gate(saving)[4]
        reasons = {
            "train_examples": examples is not None and examples < self.config["min_train_examples"],
            "provider_closed": is_closed,
            "not_an_active_tuner": is_for_others and not is_closed,
            "base_model_shutdown_before_payback": ends,
        }
        return [name for name, holds in reasons.items() if holds]

    # The rules, in their order.

    def ruling(self):
        """The verdict and what it is about."""
        rules = (self.rule_0, self.rule_1, self.rule_2, self.rule_3, self.rule_4, self.rule_5)
        for rule in (*rules, self.rules_6_to_8):
            result = rule()
            if result is not None:
                return result
        return self.rule_9() if self.tuned is not None else self.rule_10()

    def rule_0(self):
        """Nobody knows whose fault calls are, or only failures were imported."""
        first = next(iter(self.rates))
        if self.unexplained() and {what for _, what in self.breach()} == {"excluded"}:
            return "NEED_MORE_DATA", {"strategy": self.counted["current"] or first, "n_more": None}
        unrated = [
            name
            for name in self.rates
            if not self.is_rated(name) and self.counted["strategies"][name]["calls"]
        ]
        if self.best is None and unrated:
            current = self.counted["current"]
            return "NEED_MORE_DATA", {"strategy": current if current in unrated else unrated[0]}
        return None

    def rule_1(self):
        """A rise is open."""
        return next(
            (("FIND_WHAT_CHANGED", {"strategy": name}) for name in self.judged if self.open_rise(name)),
            None,
        )

    def rule_2(self):
        """What is in use is tuned."""
        name = self.in_use
        if name is None or not self.rates[name].get("tuned"):
            return None
        if self.state[name] == "pass":
            return self.cheaper(name) or (
                "FINE_TUNE_JUSTIFIED",
                {"strategy": name, "stage": "in_service"},
            )
        if self.state[name] == "fail":
            if any(self.state[one] == "pass" for one in self.prompted):
                return None
            return "ACCEPT_OR_REDESIGN", {"strategy": name, "reason": "tuned_failed"}
        return "NEED_MORE_DATA", {"strategy": name}

    def rule_3(self):
        """The strategies of the verdict pass, and something else passes for less."""
        used = self.judged
        if not used or any(self.state[name] != "pass" or self.rates[name].get("tuned") for name in used):
            return None
        return self.cheaper(used[0])

    def cheaper(self, used):
        """What passes for less than what is used."""
        now = self.cost_of(used, self.rates[used]["lower"])
        results = [
            name
            for name in self.prompted
            if self.state[name] == "pass"
            and name not in self.in_production
            and self.counted["strategies"][name]["own_price"]
        ]
        if now is None or not results:
            return None
        cost, name = min((self.cost_of(name, self.rates[name]["upper"]), name) for name in results)
        return ("USE_CHEAPER_MODEL", {"strategy": used, "switch_to": name}) if cost < now else None

    def rule_4(self):
        """Some prompted strategy passes."""
        passing = [name for name in self.prompted if self.state[name] == "pass"]
        if self.main is not None and self.state[self.main] in ("inconclusive", "no_data"):
            passing = [name for name in passing if name not in self.gone]
        if not passing:
            return None
        used = self.in_use
        chosen = used if used in passing else self.cheapest(passing)
        figures = {"strategy": chosen}
        others = [name for name in self.in_production if name != chosen and self.state[name] == "fail"]
        piloted = self.pilot_serves() and self.tuned == "fail"
        if others or piloted or (used is not None and chosen != used and self.rates[used]["n"]):
            figures["switch_to"] = chosen
        if self.whole() is None or not self.would_pass(self.saving()):
            return "PROMPTING_ENOUGH", figures
        reasons = self.blocked(self.saving())
        if reasons:
            return "PROMPTING_ENOUGH", {**figures, "cost_case_blocked": reasons}
        return "FINE_TUNE_FOR_COST", figures

    def rule_5(self):
        """Some prompted strategy is open."""
        if self.best is None:
            first = next(iter(self.rates))
            more = further(0, 0, self.target, self.alpha)
            return "NEED_MORE_DATA", {"strategy": self.counted["current"] or first, "n_more": more}
        names = [
            name for name in self.prompted if self.state[name] == "inconclusive" and name not in self.gone
        ]
        names = without_open_trials(self, names)
        names = [self.main] if self.main in names else names
        results = [(self.missing(name), name) for name in names]
        if not results:
            return None
        (more, aim), name = min(results, key=lambda one: inf if one[0][0] is None else one[0][0])
        figures = {"strategy": name, "n_more": more}
        if aim is not None:
            figures["missing"] = [aim]
        rung = None if aim is not None else self.meanwhile(name, more)
        return "NEED_MORE_DATA", figures if rung is None else {**figures, "meanwhile": rung}

    def missing(self, name):
        """How many further calls decide about a strategy, and what is not measured at all."""
        if self.content[name] is not None and set(self.met[name].values()) == {"pass"}:
            return pairs_needed(self, name)
        needed = []
        for what, state in self.met[name].items():
            rate = self.rates[name] if what == "format" else self.rates[name]["met"][what]
            if state == "pass":
                continue
            if not rate["n"]:
                return None, what
            needed.append(self.needed(name, what, rate))
        return (None if None in needed else max(needed, default=0)), None

    def needed(self, name, what, rate):
        """How many further calls decide about one thing."""
        if what == "format" and self.is_young(name):
            more = further(rate["k"], rate["n"], self.target, self.alpha)
            return None if more is None else max(more, calls_until_whole(self.of(name, "weekly")))
        bursts = self.calls_for_bursts(name) if what == "format" else 0
        if what == "format" and rate["upper"] <= self.target:
            return bursts
        more = further(rate["k"], rate["n"], self.limits[what], self.alpha)
        if what == "format" and self.of(name, "bursts") is not None:
            more = self.further_in_bursts(self.of(name, "bursts"))
        return None if more is None else max(more, bursts)

    def further_in_bursts(self, bursts):
        """About how many further calls decide where failures come in bursts."""
        calls, below = bursts["calls"], bursts["failures"] < self.target * bursts["calls"]
        if bursts["failures"] == self.target * calls:
            return None

        def decided(more):
            grown = {
                name: round(bursts[name] * (calls + more) / calls)
                for name in ("entries", "failures", "at_risk", "calls")
            }
            low, high = self.burst_bounds(grown, calls, 0 if below else calls, self.alpha)
            return high <= self.target if below else low > self.target

        more = 1
        while not decided(more):
            more *= 2
            if more > 2**40:
                return None
        low = more // 2
        while more - low > max(1, more // 1_000):
            middle = (low + more) // 2
            low, more = (low, middle) if decided(middle) else (middle, more)
        return more

    def meanwhile(self, name, more):
        """The step that is tried while calls are waited for, in a pair of it; None for no advice."""
        if "traffic_share" not in self.rates[name] or more == 0 or self.of(name, "bursts") is not None:
            return None
        fewest, volume = self.trial(name, clean=True), self.said.get("calls_per_month")
        coded = (
            "failure_codes" in self.counted["strategies"][name] and self.rates[name]["upper"] > self.target
        )
        helped = any(self.helps(rung, name) for rung in self.left)
        if coded and helped and fewest is not None and (more is None or fewest < more):
            return {"rung": self.first_that_helps(name), "calls": fewest}
        late = more is not None and volume is not None and more / volume > 3
        same = self.trial(name, clean=False)
        return {"rung": None, "calls": same} if late and same and not self.calls_for_bursts(name) else None

    def trial(self, name, *, clean):
        """The calls in which one more strategy is decided, clean or failing as another does; None for no number."""
        alpha = self.of_function / (round(self.of_function / self.alpha) + 1)
        needed = []
        for what, limit in self.limits.items():
            rate = self.rates[name] if what == "format" else self.rates[name]["met"][what]
            needed.append(further(0 if clean else rate["k"] / rate["n"], 1, limit, alpha))
        return None if None in needed else 1 + max(needed)

    def rules_6_to_8(self):
        """All fail: cut off, strict decoding, the next step."""
        best, left = self.best, self.left
        if "raise_max_output_tokens" in left and self.is_cut_off(best):
            return "TRY_NEXT_FIX", {"next_rung": "raise_max_output_tokens"}
        others = [what for what, state in self.met[best].items() if state == "fail" and what != "format"]
        if "strict_schema" in left and not others and self.lower_left("strict_schema", best) <= self.target:
            return "USE_CONSTRAINED_DECODING", {"next_rung": "strict_schema"}
        if not left:
            return None
        if "failure_codes" in self.counted["strategies"][best]:
            return "TRY_NEXT_FIX", {"next_rung": self.first_that_helps(best)}
        return "TRY_NEXT_FIX", {
            "next_rung": next((rung for rung in left if rung != "strict_schema"), left[0])
        }

    def is_cut_off(self, best):
        """Whether half of the failures are replies that were cut off."""
        calls, kinds, codes = self.failures(best)
        cut_off = (
            codes.get("max_tokens", 0) + codes.get("unfinished", 0) if codes else kinds.get("truncation", 0)
        )
        return self.rates[best]["k"] >= 5 and 2 * cut_off >= calls and self.missed(best, "format")

    def rule_9(self):
        """A pilot."""
        result = self.routed_by_pilot() or self.pilot_content()
        if result is not None:
            return result
        if self.tuned != "pass":
            return "NEED_MORE_DATA", {"strategy": "tuned"}
        for what in list(self.tuned_met)[1:]:
            if self.no_prompt_meets(what):
                return "FINE_TUNE_JUSTIFIED", {"stage": "ship", "reason": what}
        return ("NEED_ECONOMICS", {}) if self.whole() is None else self.shipped()

    def shipped(self):
        """The pilot passed, and cost decides."""
        if not self.would_pass(self.saving()):
            return "ACCEPT_OR_REDESIGN", {"reason": "not_economic"}
        if not self.gate(self.saving())[4]:
            return "FINE_TUNE_BLOCKED", {"blocked": self.blocked(self.saving())}
        return "FINE_TUNE_JUSTIFIED", {"stage": "ship"}

    def no_prompt_meets(self, what):
        """Whether every prompt with counts misses what is asked for."""
        return all(self.missed(name, what) for name in self.prompted if self.rates[name]["n"])

    def routed_by_pilot(self):
        """The pilot passes on most of the traffic, and the prompt on the rest."""
        alpha, parts = self.said.get("alpha_segment"), self.said.get("segments", [])
        judged = []
        for part in parts:
            states = []
            for side in ("prompt", "tuned"):
                n, k = part[f"{side}_n"], part[f"{side}_k"]
                self.same(f"{part['name']} {side} lower", part[side][0], lower(k, n, alpha))
                self.same(f"{part['name']} {side} upper", part[side][1], upper(k, n, alpha))
                states.append(state_of(n, *part[side], self.target))
            judged.append((part, *states))
        tune = [part for part, _, tuned in judged if tuned == "pass"]
        rest = [(part, prompt) for part, prompt, tuned in judged if tuned != "pass"]
        share = sum(part["share"] for part in tune)
        enough = share >= self.config["primary_share_min"] - 1e-9
        if not tune or not rest or not enough or any(prompt != "pass" for _, prompt in rest):
            return None
        if self.whole() is None or not self.would_pass(self.saving_for(tune)):
            return None
        if not self.gate(self.saving_for(tune))[4]:
            return "FINE_TUNE_BLOCKED", {"blocked": self.blocked(self.saving_for(tune))}
        return "FINE_TUNE_AND_ROUTE", {"tune": [part["name"] for part in tune]}

    def saving_for(self, tune):
        """Dollars a month of tuning for some segments alone."""
        share = sum(part["share"] for part in tune)
        prompt = sum(part["share"] / share * part["prompt"][0] for part in tune)
        piloted = all("tuned" in part for part in tune)
        tuned = sum(part["share"] / share * part["tuned"][1] for part in tune) if piloted else None
        return self.saving(share, prompt, tuned)

    def pilot_content(self):
        """The tuned model fails, or is less often right."""
        if self.tuned == "fail":
            return "ACCEPT_OR_REDESIGN", {"reason": "pilot_failed"}
        content, margin = self.said.get("content"), self.config["content_margin"]
        if content is None:
            return None
        low, high = loss(content, self.of_function)
        self.same("content lower", content["lower"], low)
        self.same("content upper", content["upper"], high)
        if content["lower"] > margin:
            return "ACCEPT_OR_REDESIGN", {"reason": "content_regression"}
        return ("NEED_MORE_DATA", {"strategy": "tuned_content"}) if content["upper"] > margin else None

    def rule_10(self):
        """No pilot."""
        return self.piloted_for_an_aim() or self.piloted_for_money()

    def piloted_for_an_aim(self):
        """Something beside the format is missed by every prompt."""
        missed = [what for what in list(self.met[self.best])[1:] if self.no_prompt_meets(what)]
        if not missed:
            return None
        reasons = self.blocked(None if self.whole() is None else self.saving())
        if reasons:
            return "FINE_TUNE_BLOCKED", {"blocked": reasons, "reason": missed[0]}
        return "FINE_TUNE_JUSTIFIED", {"stage": "pilot", "reason": missed[0]}

    def piloted_for_money(self):
        """Whether tuning pays."""
        if self.whole() is None:
            return "NEED_ECONOMICS", {}
        saving = self.saving()
        if not self.would_pass(saving):
            return "ACCEPT_OR_REDESIGN", {"reason": "not_economic"}
        reasons = self.blocked(saving)
        if reasons:
            return "FINE_TUNE_BLOCKED", {"blocked": reasons}
        states = []
        for part in self.said.get("segments", []):
            low = lower(part["k"], part["n"], self.said["alpha_segment"])
            high = upper(part["k"], part["n"], self.said["alpha_segment"])
            self.same(f"{part['name']} lower", part["lower"], low)
            self.same(f"{part['name']} upper", part["upper"], high)
            states.append((part, state_of(part["n"], part["lower"], part["upper"], self.target)))
        tune = [part for part, state in states if state == "fail"]
        if tune and {state for _, state in states} == {"fail", "pass"}:
            saving = self.saving_for(tune)
            if self.would_pass(saving) and not self.blocked(saving):
                figures = {"stage": "pilot", "tune": [part["name"] for part in tune]}
                return "FINE_TUNE_AND_ROUTE", figures
        return "FINE_TUNE_JUSTIFIED", {"stage": "pilot"}


COMPARED = ("strategy", "next_rung", "switch_to", "stage", "reason", "tune", "blocked", "cost_case_blocked")


def repeated(said):
    """Give each thing that a verdict's JSON says and its own counts do not give."""
    if said["verdict"] == "SCHEMAS_FLAGGED":
        return _flagged(said)
    again = Again(said)
    for difference in money_differences(said):
        again.same(*difference)
    verdict, figures = again.ruling()
    again.same("verdict", said["verdict"], verdict)
    for key in COMPARED:
        if key in figures or (key in said and key != "strategy"):
            again.same(key, said.get(key), figures.get(key))
    if figures.get("n_more") is not None:
        near = said.get("n_more") is not None and isclose(
            said["n_more"], figures["n_more"], rel_tol=2e-3 if again.said.get("bursts") else 1e-6, abs_tol=1
        )
        again.same("n_more", near, True)
    elif "n_more" in figures:
        again.same("n_more", said.get("n_more"), None)
    if verdict == "NEED_MORE_DATA" and "n_more" in figures:
        value = said.get("meanwhile")
        short = None if value is None else {"rung": value["rung"], "calls": value["calls"]}
        mine = figures.get("meanwhile")
        again.same("meanwhile", short, mine)
        again.same("missing", said.get("missing"), figures.get("missing"))
    breach = again.breach()
    again.same("breach", [(one["strategy"], one["what"]) for one in said["breach"]], breach)
    good = (verdict in EXIT_0 and "unrated" not in said) or figures.get("stage") == "in_service"
    again.same("exit_code", said["exit_code"], int(bool(breach) or not good))
    return again.wrong


def _flagged(said):
    """Which schemas fail, by e-BH."""
    target, fdr = said["config"]["target"], said["config"]["fdr"]
    values = {name: log_e(one["k"], one["n"], target, "bad") for name, one in said["schemas"].items()}
    ordered = sorted(values, key=lambda name: -values[name])
    count = max(
        (rank for rank, name in enumerate(ordered, 1) if values[name] >= log(len(values) / (rank * fdr))),
        default=0,
    )
    if set(said["flagged"]) == set(ordered[:count]) and said["exit_code"] == int(count > 0):
        return []
    return [f"flagged: said {said['flagged']}, repeated {ordered[:count]}"]


if __name__ == "__main__":
    document = json.load(sys.stdin)
    differences = [line for one in document.get("verdicts", [document]) for line in repeated(one)]
    print("\n".join(differences) or "every figure and the verdict are repeated")  # noqa: T201 - its result
    sys.exit(1 if differences else 0)
