"""Measure the evidence for right values on real replies: SCHEMA_GUARD_CORPORA=... python benchmarks/right.py --output FILE.txt.

It reads sob.jsonl.gz: 140 documents with the right answer and the answers of 17 models.

1. Ranking: do the models' shares of values outside the source order the models as their shares of wrong values do?
2. Bounds: each call is an independent draw of a document. Four models, which were chosen before the first run, give the
   second opinions. The table counts the simulations in which the true share is outside the bounds after any label, and the labels that a
   bound needs until it is 5 points to each side.
3. Cost: CPU time to count the grounded values of one reply, and to compare two answers.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import time
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from schema_guard.ext.right import Block, Source, compare_answers, ground, label_bounds
from schema_guard.ext.right.grounding import scalars
from schema_guard.stats import mean_bounds
from schema_guard.stats.gaps import BETS, LOG_STAKES

SECOND_MODELS = (
    "phi-4",
    "Ministral-3-14B-Instruct-2512",
    "gemma-4-31b-it",
    "Qwen3-235B-A22B-Instruct-2507",
)
CALLS_IN_BLOCK, MOST_LABELS, POINTS, ALPHA = 10, 1000, 0.05, 0.05
ATTEMPTS_TO_COUNT = 20  # simulations for the number of labels
Numbers = np.ndarray[Any, np.dtype[np.float64]]


def read_rows() -> list[dict[str, Any]]:
    """Return the documents of sob.jsonl.gz."""
    path = Path(os.environ["SCHEMA_GUARD_CORPORA"]) / "sob.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def ranking(rows: list[dict[str, Any]], models: list[str]) -> list[str]:
    """Return the lines about the order of the models."""
    rules: dict[str, dict[str, list[float]]] = {"grounding": {}, "text of the value in the source": {}}
    wrong: dict[str, list[float]] = {model: [] for model in models}
    for row in rows:
        source, lower = Source(row["context"]), row["context"].lower()
        for model, reply in row["replies"].items():
            wrong[model].append(compare_answers(reply, row["gold"]).differing_share)
            sought = [
                leaf for leaf in scalars(reply) if not isinstance(leaf, bool) and leaf not in (None, "")
            ]
            shares = {
                "grounding": ground(reply, source).share,
                "text of the value in the source": mean(str(leaf).lower() in lower for leaf in sought)
                if sought
                else None,
            }
            for rule, share in shares.items():
                if share is not None:
                    rules[rule].setdefault(model, []).append(1 - share)
    truth = [mean(wrong[model]) for model in models]
    pairs = [
        pair for pair in combinations(range(len(models)), 2) if abs(truth[pair[0]] - truth[pair[1]]) > 0.02
    ]
    lines = [f"{'rule':34} Spearman   pairs over 2 points apart that it orders as the truth"]
    for rule, found in rules.items():
        shares = [mean(found[model]) for model in models]
        right = sum((shares[a] < shares[b]) == (truth[a] < truth[b]) for a, b in pairs)
        lines.append(
            f"{rule:34} {spearmanr(shares, truth).statistic:8.3f}   {right} of {len(pairs)} ({right / len(pairs):.0%})"
        )
    return lines


def wrong_and_differing(rows: list[dict[str, Any]], model: str, second: str) -> tuple[Numbers, Numbers]:
    """Return for each document the share of a model's values that are wrong, and that differ from the second model's."""
    both = [row for row in rows if model in row["replies"]]
    wrong = [compare_answers(row["replies"][model], row["gold"]).differing_share for row in both]
    differing = [
        compare_answers(row["replies"][model], row["replies"][second]).differing_share
        if second in row["replies"]
        else 1.0
        for row in both
    ]
    return np.array(wrong), np.array(differing)


def estimates(
    wrong: Numbers, differing: Numbers, weight: float, size: int, rng: np.random.Generator
) -> Numbers:
    """Draw blocks of calls, and return the estimate of each: the scores of `label_bounds`, before they are scaled."""
    drawn = rng.integers(len(wrong), size=(MOST_LABELS, size))
    return wrong[drawn[:, 0]] + weight * (differing[drawn].mean(axis=1) - differing[drawn[:, 0]])


def log_capital(scores: Numbers, centre: float) -> Numbers:
    """Return the logarithm of the capital against a mean after each score, as `gap_bounds` computes it."""
    bets = np.array(BETS)[:, None]
    sums = np.cumsum(np.log1p(bets * ((scores - centre) / (1 + centre))), axis=1)
    return np.asarray(np.logaddexp.reduce(sums + np.array(LOG_STAKES)[:, None], axis=0))


def is_ever_outside(found: Numbers, truth: float, weight: float) -> bool:
    """Return whether the bounds exclude the truth after any label."""
    width = 1 + 2 * weight
    scores, centre, enough = (2 * found - 1) / width, (2 * truth - 1) / width, np.log(2 / ALPHA)
    return bool(
        (log_capital(scores, centre) >= enough).any() or (log_capital(-scores, -centre) >= enough).any()
    )


def half_width(found: Numbers, weight: float) -> float:
    """Return half of the distance of the bounds after all labels."""
    width = 1 + 2 * weight
    scores, enough = (2 * found - 1) / width, np.log(2 / ALPHA)

    def lower(values: Numbers) -> float:
        refuted, open_ = -1.0, 1.0
        while open_ - refuted > 1e-5:
            middle = (refuted + open_) / 2
            refuted, open_ = (
                (middle, open_) if log_capital(values, middle)[-1] >= enough else (refuted, middle)
            )
        return refuted

    low, high = (1 + width * lower(scores)) / 2, (1 - width * lower(-scores)) / 2
    return (min(1, high) - max(0, low)) / 2


def labels_needed(width_after: Any) -> int:
    """Return the smallest number of labels after which the bounds are narrow enough, to 1 label."""
    low, high = 10, MOST_LABELS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if width_after(middle) <= POINTS else (middle, high)
    return high


def labels_of(wrong: Numbers, differing: Numbers, weight: float, size: int, seed: int) -> float:
    """Return the median number of labels over the simulations."""
    needed = []
    for attempt in range(ATTEMPTS_TO_COUNT):
        found = estimates(wrong, differing, weight, size, np.random.default_rng((seed, attempt)))
        needed.append(labels_needed(lambda n, found=found: half_width(found[:n], weight)))
    return median(needed)


def labels_of_mean_bounds(wrong: Numbers, seed: int) -> float:
    """Return the median number of labels that `mean_bounds` needs without second opinions."""
    needed = []
    for attempt in range(3):
        values = wrong[np.random.default_rng((seed, attempt)).integers(len(wrong), size=MOST_LABELS)].tolist()

        def width_after(n: int, values: list[float] = values) -> float:
            bounds = mean_bounds(values[:n])
            return (bounds.upper - bounds.lower) / 2 if bounds else 1

        needed.append(labels_needed(width_after))
    return median(needed)


def outside_share(wrong: Numbers, differing: Numbers, weight: float, simulations: int, seed: int) -> float:
    """Return the share of simulations in which the truth was ever outside the bounds."""
    truth = float(wrong.mean())
    outside = 0
    for attempt in range(simulations):
        found = estimates(wrong, differing, weight, CALLS_IN_BLOCK, np.random.default_rng((seed, 1, attempt)))
        outside += is_ever_outside(found, truth, weight)
    return outside / simulations


def bounds_table(rows: list[dict[str, Any]], models: list[str], simulations: int) -> list[str]:
    """Return the table of coverage and labels for each model."""
    weight = 0.6
    lines = [
        "                                         truth ever outside, %          labels until 5 points to each side",
        f"{'model':38} {'most':>5} of {len(SECOND_MODELS)}  copy noise 1-y   alone mean_b  best  median ratio  copy noise 1-y",
    ]
    ratios = []
    worst_outside = 0.0
    for seed, model in enumerate(models):
        wrong, _ = wrong_and_differing(rows, model, model)
        others = [wrong_and_differing(rows, model, second)[1] for second in SECOND_MODELS if second != model]
        noise = np.random.default_rng(seed).permutation(wrong)
        useless = [np.zeros_like(wrong), noise, 1 - wrong]
        alone = labels_of(wrong, wrong, 0, 1, seed)
        narrower = min(alone, plain := labels_of_mean_bounds(wrong, seed))
        outside = [outside_share(wrong, other, weight, simulations, seed) for other in (*others, *useless)]
        labels = [labels_of(wrong, other, weight, CALLS_IN_BLOCK, seed) for other in (*others, *useless)]
        ours, bad = labels[: len(others)], labels[len(others) :]
        ratios.append(median(ours) / narrower)
        worst_outside = max(worst_outside, *outside)
        most = max(outside[: len(others)])
        lines.append(
            f"{model:38} {100 * most:5.1f}      {' '.join(f'{100 * share:4.1f}' for share in outside[len(others) :])}"
            f"   {alone:5.0f} {plain:6.0f} {min(ours):5.0f} {median(ours):7.0f} {ratios[-1]:5.2f}"
            f"  {' '.join(f'{count / alone:4.2f}' for count in bad)}"
        )
        print(lines[-1], flush=True)
    lines += [
        "",
        f"truth outside after any of {MOST_LABELS} labels, in {simulations} simulations a row: at most {worst_outside:.1%} (promised: 5%)",
        "labels, as a share of the narrower bound without second opinions:",
        f"median {median(ratios):.2f}; at most 0.65 for {sum(ratio <= 0.65 for ratio in ratios)} of {len(ratios)} models",
        "copy, noise, 1-y: useless second opinions, with labels as a multiple of labels alone",
    ]
    return lines


def cost(rows: list[dict[str, Any]]) -> list[str]:
    """Return the lines about CPU time."""
    grounding, comparing = [], []
    for row in rows:
        for reply in row["replies"].values():
            start = time.thread_time()
            compare_answers(reply, row["gold"])
            comparing.append(time.thread_time() - start)
            if len(json.dumps(reply)) < 1_500 and 2_500 < len(row["context"]) < 6_000:
                start = time.thread_time()
                ground(reply, Source(row["context"]))
                grounding.append(time.thread_time() - start)

    def figures(name: str, times: list[float]) -> str:
        deciles = quantiles(times, n=10)
        return f"{name:64} {1e6 * deciles[4]:8.0f} {1e6 * deciles[8]:8.0f} {1e6 * max(times):10.0f}"

    return [
        f"{'CPU time, us':64} {'median':>8} {'90%':>8} {'most':>10}",
        figures(f"ground: values of up to 1.5 KB in 2.5 to 6 KB (n = {len(grounding)})", grounding),
        figures(f"compare_answers: all replies with the right answer (n = {len(comparing)})", comparing),
    ]


def check_against_library() -> None:
    """Check that the fast bounds of this file equal those of the library."""
    rng = np.random.default_rng(0)
    wrong, differing = rng.random(140), rng.random(140)
    drawn = rng.integers(140, size=(200, CALLS_IN_BLOCK))
    blocks = [Block(differing[row].tolist(), 0, float(wrong[row[0]])) for row in drawn]
    bounds = label_bounds(blocks)
    found = wrong[drawn[:, 0]] + 0.6 * (differing[drawn].mean(axis=1) - differing[drawn[:, 0]])
    assert abs(half_width(found, 0.6) - (bounds.upper - bounds.lower) / 2) < 1e-4


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=500, help="simulations for each pair of models")
    parser.add_argument("--output", type=Path, help="file for the results")
    options = parser.parse_args()
    check_against_library()
    rows = read_rows()
    models = sorted({model for row in rows for model in row["replies"]})
    load = os.getloadavg()[0]
    lines = [
        f"python benchmarks/right.py --simulations {options.simulations}",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} processors, load {load:.1f}",
        f"{len(rows)} documents, {len(models)} models, {sum(len(row['replies']) for row in rows)} answers",
        "",
        *cost(rows),
        "",
        *ranking(rows, models),
        "",
    ]
    print("\n".join(lines), flush=True)
    lines += bounds_table(rows, models, options.simulations)
    print("\n".join(lines[-4:]))
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
