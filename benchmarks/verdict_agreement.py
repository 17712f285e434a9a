"""Check that `watch` and `decide` agree on random stores, and that each verdict follows from its JSON alone.

    python -m benchmarks.verdict_agreement [--stores 1000] [--seed N] [--most 400] [--jobs 1] [--output FILE.txt]

A random store has one to three functions with versions, models, segments, inputs that repeat, outages, tuned models,
trials, imported calls, and calls without a validated reply. `watch` and `decide` run with the same options on each
store, `decide` mostly also with economics or claims about the playbook. Both must report the same breaches in
production, and `watch` must be quiet if the exit status of `decide` is 0. The evidence of a playbook run must lead to
the same verdict, and `watch` of one function must equal `watch` of the store. In some stores, one function has
priority. Then `tests/public/decide/recompute.py` repeats the verdict from its JSON. It has a second
implementation of the rules, with scipy and without the library.

Without --seed, a new one is drawn and printed. All differences are printed, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import platform
import secrets
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING

from tests.decide.random_stores import asked_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.decide.random_stores import Asked


def told(functions: Sequence[Asked], stores: int) -> list[str]:
    """Return the lines of the result."""
    disagreements = [line for one in functions for line in one.disagreements]
    differences = [line for one in functions for line in one.wrong[len(one.disagreements) :]]
    quiet = sum(one.is_fine for one in functions)
    results = [
        f"{len(functions):,} functions of {stores:,} random stores",
        f"{len(disagreements)} disagreements of watch, decide, and the playbook; watch is quiet about {quiet:,}",
        f"{len(differences)} figures of {len(functions):,} verdicts that their own JSON does not give",
        *disagreements,
        *differences,
        "",
        "  verdict                        exit 0   exit 1",
    ]
    counted = Counter((one.verdict, one.exit_code) for one in functions)
    verdicts = Counter(one.verdict for one in functions)
    results += [
        f"  {name:<28} {counted[name, 0]:>8,} {counted[name, 1]:>8,}" for name, _ in verdicts.most_common()
    ]
    wrong = Counter(what for one in functions for what in one.breaches)
    return [
        *results,
        "",
        "  wrong in production: " + ", ".join(f"{what} {n:,}" for what, n in wrong.most_common()),
    ]


def main() -> int:
    """Compare, print, and write the result if requested."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stores", type=int, default=1_000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--most", type=int, default=400, help="Calls of a version and model at one rate.")
    parser.add_argument("--jobs", type=int, default=1, help="Number of processes.")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    first = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    functions: list[Asked] = []
    last = time.monotonic()
    ask = partial(asked_of, most=arguments.most)
    with Pool(arguments.jobs) as pool:
        for number, asked in enumerate(pool.imap(ask, range(first, first + arguments.stores)), 1):
            functions += asked
            if time.monotonic() - last > 2:
                last = time.monotonic()
                print(f"\r{number} of {arguments.stores}", end="", file=sys.stderr, flush=True)
    command = f"--stores {arguments.stores} --seed {first} --most {arguments.most}"
    lines = [
        f"python -m benchmarks.verdict_agreement {command}",
        f"{datetime.now(UTC).date().isoformat()}, Python {platform.python_version()}",
        "",
        *told(functions, arguments.stores),
    ]
    print("\n".join(lines))
    if arguments.output is not None:
        arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(any(one.wrong for one in functions))


if __name__ == "__main__":
    sys.exit(main())
