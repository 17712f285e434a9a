"""Repeat what tuning earns before its base model ends, and the total over the horizon, from a verdict's JSON alone."""

from math import ceil, inf


def gate(saving, upfront, again, config, known):
    """Return earned, needed, tunings, total, and whether the gate is passed.

    Args:
        saving: Dollars a month in the worse case of both failure rates.
        upfront: Dollars of the first tuning.
        again: Dollars of each later one.
        config: The config of the verdict.
        known: Its feasibility.
    """
    horizon, lead = config["horizon_months"], config["lead_months"]
    alive = inf if known["months_to_shutdown"] is None else known["months_to_shutdown"]
    earned = saving * max(0, min(horizon, alive) - lead)
    needed = upfront + (again if alive < horizon else 0)
    n = 1 if alive >= horizon else 1 + ceil((horizon - alive) / known["next_life_months"] - 1e-9)
    total = saving * (horizon - n * lead) - upfront - (n - 1) * again
    passes = saving > 0 and earned >= needed * (1 - 1e-9) and total >= -1e-9 * upfront
    return earned, needed, n, total, passes


def flip_differences(said, saving, facts):
    """Return what the gate says on both sides of each printed value at which it flips.

    Args:
        said: The JSON of a verdict.
        saving: Returns the dollars a month at a part of the volume and of the failure cost.
        facts: The other arguments of `gate`.
    """
    cost, results = said["cost"], []
    parts = {"failure_cost": cost["failure_cost"], "calls_per_month": cost["calls_per_month"]}
    for flip in cost["flips"]:
        if flip["name"] in parts and flip["value"] is not None and parts[flip["name"]]:
            part = flip["value"] / parts[flip["name"]]
            sides = [
                gate(saving(*((side, 1) if flip["name"] == "calls_per_month" else (1, side))), *facts)[4]
                for side in (part * (1 - 1e-5), part * (1 + 1e-5))
            ]
            results.append((f"{flip['name']} flips", flip["flips"], sides[0] != sides[1]))
    return results


def money_differences(said):
    """Return the name, the reported value, and the repeated value of each figure of the gate and the total."""
    if "cost" not in said:
        return []
    money, cost = said["economics"], said["cost"]
    facts = (money["upfront"], cost["next_tuning"], said["config"], said["counted"]["feasibility"])
    tokens = cost["prompt_tokens_per_call"] - cost["tuned_tokens_per_call"]
    fewer = (cost["prompt_rate"]["pess"] - cost["tuned_rate"]["pess"]) * cost["failure_cost"]

    def saving(volume, paid):
        return volume * cost["calls_per_month"] * (tokens + paid * fewer) - money["hosting_plus_refresh"]

    totals = [gate(saving(volume, paid), *facts)[3] for volume in (0.5, 2) for paid in (0.5, 2)]
    names = ("earned", "needed", "tunings", "total", "passes")
    results = [(name, cost[name], mine) for name, mine in zip(names, gate(saving(1, 1), *facts), strict=True)]
    results += [("lowest total", cost["lowest_total"], min(totals))]
    results += [("highest total", cost["highest_total"], max(totals))]
    results += flip_differences(said, saving, facts)
    is_contradiction = cost["passes"] and cost["total"] < -1e-6
    return [*results, ("a negative total with a passed gate", is_contradiction, False)]
