"""The weekly pattern of a verdict, computed again from the counts in its JSON document."""

from datetime import date
from math import ceil, exp, log, prod

NAMES = ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"]
CANDIDATES = {"weekends": {hour for hour in range(168) if hour // 24 >= 5}}
CANDIDATES |= {name: {hour for hour in range(168) if hour // 24 == day} for day, name in enumerate(NAMES)}
CANDIDATES |= {
    f"the hours from {first:02}:00 to {(first + 8) % 24:02}:00": {
        hour for hour in range(168) if (hour - first) % 24 < 8
    }
    for first in range(0, 24, 2)
}


def evidence(inside, week, sign):
    """Return the evidence of one week for some hours against the others."""
    (n, k), (all_n, all_k) = inside, week
    if n in (0, all_n):
        return 0.0
    logs = []
    for doubling in (1, 2, 3):
        odds = 2.0 ** (sign * doubling)
        # Each failure is in these hours with this probability, if they fail at these odds.
        share = odds * n / (odds * n + all_n - n)
        logs.append(k * log(share * all_n / n) + (all_k - k) * log((1 - share) * all_n / (all_n - n)))
    return 0.2 / 3 * sum(map(exp, logs))


def best(weeks, hours):
    """Return the candidate, the direction, the evidence, and the product of the best proved split."""
    found = []
    for name, candidate in CANDIDATES.items():
        inside = hours & candidate
        if not inside or inside == hours:
            continue
        for direction, sign in (("more", 1), ("less", -1)):
            e = [evidence(counted(week, inside), counted(week, hours), sign) for week in weeks]
            shows = [one for one in e if one >= 1]
            product = prod(sorted(shows)[-2:])
            if len(shows) >= 2 and product >= 100:
                found.append((name, direction, e, product))
    return max(found, key=lambda one: one[3], default=None)


def counted(week, hours):
    """Return the calls and the failed calls in some hours."""
    return tuple(sum(week[key][hour] for hour in hours) for key in "nk")


def parts_again(weekly):
    """Return the hours and the splits of each part."""
    weeks = [{key: list(map(int, week[key].split())) for key in "nk"} for week in weekly["weeks"]]
    every = set(range(168))
    first = best(weeks, every)
    if first is None:
        return []
    parts = []
    for hours in (CANDIDATES[first[0]], every - CANDIDATES[first[0]]):
        second = best(weeks, hours)
        if second is None:
            parts.append((hours, [first]))
        else:
            inside = CANDIDATES[second[0]]
            parts += [(hours & inside, [first, second]), (hours - inside, [first, second])]
    return parts


def calls_until_whole(weekly):
    """Return the calls until the first whole week ends, at as many a day as until now."""
    first, last, end = (date.fromisoformat(day) for day in (*weekly["days"], weekly["whole_on"]))
    return max(1, ceil(weekly["n"] * (end - last).days / ((last - first).days + 1)))


def differences(name, weekly, rate):
    """Return what a verdict says about the weekly pattern of a strategy, if it does not follow from the counts."""
    said = weekly.get("parts", [])
    mine = parts_again(weekly) if weekly else []
    if len(said) != len(mine):
        return [f"{name}: {len(said)} parts, {len(mine)} by its counts"]
    wrong = [f"{name}: {key} of whole weeks" for key in "nk" if said and rate[key] != weekly[key]]
    wrong += [
        f"{name}: {key} of parts"
        for key in "nk"
        if said and weekly["whole"] and sum(part[key] for part in said) != weekly[key]
    ]
    for part, (hours, splits) in zip(said, mine, strict=True):
        if {hour for first, last in part["hours"] for hour in range(first, last + 1)} != hours:
            wrong.append(f"{name}: hours of {part['name']}")
        wrong += [f"{name}: {part['name']}: {text}" for text in split_differences(part["splits"], splits)]
    return wrong


def split_differences(said, mine):
    """Yield the differences between the printed splits and those by the counts."""
    for split, (candidate, direction, e, product) in zip(said, mine, strict=True):
        if (split["candidate"], split["direction"]) != (candidate, direction):
            yield f"{split['candidate']} is not the best split"
        for one, two in [*zip(split["e"], e, strict=True), (split["product"], product)]:
            if abs(one - two) > 1e-6 * max(one, two):
                yield f"evidence {one}, by its counts {two}"
