"""The rules about decision models, written a second time: their format shows nothing without known answers."""

from tests.public.decide.second_bounds import lower, upper


def content_state(again, name):
    """Return how a decision model's values compare with a prompt's.

    It is None for other models, and if a share of right values is asked for.
    """
    if again.counted["strategies"][name]["rung"] != "decision_model" or again.config["right"] is not None:
        return None
    counts = again.rates[name].get("content")
    if counts is None:
        return "no_data"
    low, high = loss(counts, again.alpha / counts["compared"])
    again.same(f"{name} content lower", counts["lower"], low)
    again.same(f"{name} content upper", counts["upper"], high)
    margin = again.config["content_margin"]
    state = "fail" if counts["lower"] > margin else "inconclusive"
    state = "pass" if counts["upper"] <= margin else state
    again.same(f"{name} content state", counts["state"], state)
    return state


def lowest(again, asked):
    """Return the prompted strategy with the lowest rate. A decision model is one only if its values passed."""
    asked = [name for name in asked if again.content[name] is None or again.state[name] == "pass"] or asked
    return min(
        [name for name in asked if not again.is_gone(again.rates[name])] or asked,
        key=lambda name: (again.rates[name]["rate"], again.order(name)),
        default=None,
    )


def with_content(state, content):
    """Return a state that the format alone cannot pass."""
    if content is None or state not in ("pass", "inconclusive"):
        return state
    if content == "fail":
        return "fail"
    return state if content == "pass" else "inconclusive"


def loss(counts, alpha):
    """Return the bounds of the share with fewer right values, less the share with more."""
    n, part = counts["n"], alpha / 4
    low = lower(counts["worse"], n, part) - upper(counts["better"], n, part)
    return low, upper(counts["worse"], n, part) - lower(counts["better"], n, part)


def without_open_trials(again, names):
    """Leave out the trials of decision models that ask for no more answers yet."""
    waits = any(step["status"] == "untested" for step in again.said["ladder"])
    return [
        name
        for name in names
        if name == again.in_use
        or again.content[name] is None
        or (again.content[name] == "inconclusive" and not waits)
    ]


def pairs_needed(again, name):
    """Return about how many further known answers decide about a decision model, and what is not measured at all."""
    if again.content[name] != "inconclusive":
        return None, "right"
    counts, margin = again.rates[name]["content"], again.config["content_margin"]

    def decided(more):
        n = counts["n"] + more
        grown = {key: min(counts[key] * n / counts["n"], n) for key in ("worse", "better")}
        low, high = loss({**grown, "n": n}, again.alpha / counts["compared"])
        return low > margin or high <= margin

    high = counts["n"]
    while not decided(high):
        high *= 2
        if high > counts["n"] * 2**40:
            return None, None
    low = 0 if high == counts["n"] else high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high, None
