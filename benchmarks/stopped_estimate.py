"""What a report says that stopping saved, and what it did: SCHEMA_GUARD_CORPORA=... python benchmarks/stopped_estimate.py.

Replies of models from real_outputs.jsonl and local_replies.jsonl go through guarded streams with `early_stop`, 4 characters
at a time. What was saved is known here, for the rest of each stopped reply is there; the report's estimate knows only the
replies that were not stopped. Groups are what a function's replies would be: of one model, or asked in one way.
`--output FILE` also writes what is printed.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard import About, guard
from schema_guard.records.counts.buckets import bucket
from schema_guard.records.counts.configurations import Lengths, ReplyLengths
from schema_guard.report.stopped import StoppedReplies, stopped_replies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WIDTH = 4
FEWEST_STOPPED = 5


class Read(NamedTuple):
    """A reply in bytes: all of it, what was read, and after how many characters it was stopped, None where it was not."""

    whole: int
    read: int
    stopped_at: int | None


def read(schema: Any, text: str) -> Read:
    """Have a reply read by a guarded stream."""

    @guard(schema, early_stop=True, max_attempts=1, store=None, name="reply", about=About(version="1"))
    def reply(prompt: str) -> Iterator[str]:
        for at in range(0, len(text), WIDTH):
            yield text[at : at + WIDTH]

    (attempt,) = reply.outcome("").attempts
    return Read(len(text.encode()), len((attempt.reply or "").encode()), attempt.stopped_at)


def told(replies: Iterable[Read]) -> StoppedReplies:
    """Give what a report says of them."""
    replies = list(replies)
    cut = [one for one in replies if one.stopped_at is not None]
    whole = [one.read for one in replies if one.stopped_at is None]
    return stopped_replies(
        ReplyLengths(
            bucketed([one.stopped_at or 0 for one in cut]),
            bucketed([one.read for one in cut]),
            bucketed(whole),
        )
    )


def bucketed(numbers: Iterable[int]) -> Lengths:
    """Count lengths as a store does."""
    return Lengths(tuple(sorted(Counter(map(bucket, numbers)).items())))


def line(name: str, replies: list[Read]) -> str:
    """Give what was estimated of a group, and what was so."""
    saved = (result := told(replies)).saved
    cut = [one for one in replies if one.stopped_at is not None]
    truth = 1 - sum(one.read for one in cut) / sum(one.whole for one in cut)
    assert saved is not None
    holds = saved.lower <= truth <= saved.upper
    bounds = f"[{100 * saved.lower:.1f}, {100 * saved.upper:.1f}]"
    return (
        f"{name:36}{result.attempts:4}/{result.judged:3}{100 * saved.share:8.1f} {bounds:>13}"
        f"{100 * truth:8.1f}  {'yes' if holds else 'no'}"
    )


def groups(corpora: Path) -> Iterator[tuple[str, list[Read]]]:
    """Give the replies of each file together, then of each model, and of each way of asking."""
    for file, of, text in (
        ("real_outputs.jsonl", "model", "text"),
        ("local_replies.jsonl", "strategy", "reply"),
    ):
        result: dict[str, list[Read]] = defaultdict(list)
        for row in map(json.loads, (corpora / file).read_text(encoding="utf-8").splitlines()):
            result[row[of]].append(read(row["schema"], row[text] or ""))
        yield file, [one for several in result.values() for one in several]
        yield from ((f"  {name}", result[name]) for name in sorted(result))


def main() -> None:
    """Compare, print the table, and write it when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", type=Path, default=os.environ.get("SCHEMA_GUARD_CORPORA"))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    several = [
        (name, replies)
        for name, replies in groups(arguments.corpora)
        if told(replies).attempts >= FEWEST_STOPPED
    ]
    untold = [name.strip() for name, replies in several if told(replies).saved is None]
    shown = [
        (name.startswith(" "), line(name, replies)) for name, replies in several if name.strip() not in untold
    ]
    of_groups = [one for is_part, one in shown if is_part]
    held = sum(one.endswith("yes") for one in of_groups)
    told_of = ", ".join(untold) or "none"
    lines = [
        "python benchmarks/stopped_estimate.py",
        f"{datetime.now(UTC):%Y-%m-%d}, percent of the text of stopped replies; groups with {FEWEST_STOPPED} of them and more",
        "",
        f"{'':36}{'stopped':>8}{'saved':>8} {'bounds':>13}{'was':>8}  held",
        *(one for is_part, one in shown if not is_part),
        f"the bounds held for {held} of {len(of_groups)} models and ways of asking; without an estimate: {told_of}",
        "",
        *of_groups,
    ]
    text = "\n".join(lines)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
