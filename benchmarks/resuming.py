"""What becomes of replies that the output limit cuts off: gone on with, or asked for anew with twice the limit.

    python benchmarks/resuming.py [--orders 100] [--seconds 420] [--output benchmarks/results/FILE.txt]

The local model is to write drawn orders down as JSON, with another one for an example, at temperature 0, and a limit of half
of the tokens that its reply takes where it is not cut off. The first reply is the same for both ways, which are followed
to their end where a guard would go on with it. Tokens are those after the first reply, as the server counts them; what it
has in its cache counts as any other.
Needs the extra local; one thread. It ends with the last order that was begun within the seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard import Limits, connect, guard
from schema_guard.stats import bounds, paired
from schema_guard.text import interval, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard import Outcome

ORDER: Final = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 40},
        "city": {"type": "string", "minLength": 1, "maxLength": 30},
        "items": {
            "type": "array",
            "minItems": 1,
            "maxItems": 8,
            "items": {
                "type": "object",
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z]-[0-9]+$"},
                    "qty": {"type": "integer"},
                },
                "required": ["sku", "qty"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["name", "city", "items"],
    "additionalProperties": False,
}
SHOWN: Final = (
    '{"name": "Jo Lind", "city": "Bern", "items": [{"sku": "C-1", "qty": 2}, {"sku": "D-9", "qty": 1}]}'
)
_UNCUT_TOKENS: Final = 200


class Way(NamedTuple):
    """By what a cut-off reply is followed."""

    name: str
    goes_on: bool
    attempts: int = 2


WAYS: Final = (Way("gone on with", goes_on=True), Way("anew, twice the limit", goes_on=False))


class Followed:
    """A model whose first reply may be given; it is asked for the others, and the last one is kept."""

    provider = "llamacpp-llguidance"

    def __init__(self, model: Any, *, goes_on: bool, first: Any = None) -> None:
        self.name, self.capabilities, self.goes_on = model.name, model.capabilities, goes_on
        self._model, self._first, self.last = model, first, None

    def __call__(self, prompt: Any, *, options: Mapping[str, Any] | None = None) -> Any:
        """Give the first reply, then those of the model."""
        first, self._first = self._first, None
        self.last = self._model(prompt, options=options) if first is None else first
        return self.last

    acall = stream = astream = close = aclose = __enter__ = __exit__ = __aenter__ = __aexit__ = __call__


def orders(most: int) -> Iterator[str]:
    """Give prompts for drawn orders."""
    random = Random(1)  # the same each time
    for _ in range(most):
        name = " ".join(random.choices(("Anna", "Bo", "Carla", "Dev", "Eva", "Finn", "Gita"), k=2))
        city = random.choice(("Oslo", "Rome", "Lima", "Cairo", "Delhi", "Quito"))
        items = [
            f"{random.randrange(1, 20)} of {random.choice('ABEF')}-{random.randrange(1, 60)}"
            for _ in range(random.randrange(2, 5))
        ]
        yield (
            f"Give an order of {name} from {city}: {', '.join(items[:-1])} and {items[-1]}, "
            f"as JSON with name, city, items (sku, qty). Example: {SHOWN}"
        )


def asked(model: Any, way: Way, limit: int, prompt: str) -> Outcome[Any]:
    """Make a call whose first limit is *limit*."""
    budget = Limits(output_tokens=limit, max_output_tokens=None if way.goes_on else 2 * limit)
    return guard(ORDER, strategy="bare", max_attempts=way.attempts, limits=budget, store=None)(model).outcome(
        prompt
    )


class Measured(NamedTuple):
    """What came out.

    Attributes:
        uncut: Whether each reply that ends by itself is valid.
        rows: What came of each that was cut and gone on with, by way.
        same: How many of those that were gone on with have the text that came uncut.
    """

    uncut: list[bool]
    rows: list[dict[str, Outcome[Any]]]
    same: int


def measured(most: int, seconds: float) -> Measured:
    """Ask for what is drawn, as long as there is time."""
    uncut: list[bool] = []
    rows: list[dict[str, Outcome[Any]]] = []
    same = 0
    ends = time.monotonic() + seconds
    with connect("local") as model:
        for prompt in orders(most):
            if time.monotonic() > ends:
                break
            alone = asked(model, Way("alone", goes_on=True, attempts=1), _UNCUT_TOKENS, prompt)
            if alone.failure is not None and alone.failure.kind == "truncation":
                continue
            uncut.append(alone.ok)
            limit = max(4, (alone.usage.output_tokens or 0) // 2)
            first = Followed(model, goes_on=False)
            asked(first, Way("first", goes_on=True, attempts=1), limit, prompt)
            row = {
                way.name: asked(Followed(model, goes_on=way.goes_on, first=first.last), way, limit, prompt)
                for way in WAYS
            }
            if len(row[WAYS[0].name].attempts) == 2:
                rows.append(row)
                same += row[WAYS[0].name].attempts[-1].reply == alone.attempts[0].reply
            print(limit, alone.ok, [result.ok for result in row.values()], file=sys.stderr, flush=True)
    return Measured(uncut, rows, same)


def share(count: int, of: int) -> str:
    """Say a rate with its bounds."""
    result = bounds(count, of)
    return f"{count}/{of}" + (
        f" ({percent(count / of)} {interval(result.lower, result.upper)})" if of else ""
    )


def lines(found: Measured) -> Iterator[str]:
    """Give what came out, a line at a time."""
    rows = found.rows
    yield f"replies that are cut off, {datetime.now(UTC).isoformat(timespec='seconds')}"
    yield f"xllamacpp {version('xllamacpp')}, SmolLM2-135M, temperature 0, a limit of half of the reply's own tokens"
    yield f"replies that end by themselves, valid uncut: {share(sum(found.uncut), len(found.uncut))}"
    yield f"cut off and gone on with: {len(rows)}; the text is the one that came uncut: {found.same}"
    yield ""
    yield f"{'':<24}{'valid then':<36}{'tokens in':>10}{'out':>7}  failed with"
    for way in WAYS:
        outcomes = [row[way.name] for row in rows]
        after = [attempt.usage for one in outcomes for attempt in one.attempts[1:]]
        failed = Counter(one.failure.code for one in outcomes if one.failure is not None)
        text = ", ".join(f"{code} {count}" for code, count in failed.most_common()) or "-"
        counts = f"{sum(one.input_tokens or 0 for one in after):>10}{sum(one.output_tokens or 0 for one in after):>7}"
        yield f"{way.name:<24}{share(sum(one.ok for one in outcomes), len(rows)):<36}{counts}  {text}"
    if rows:
        one, other = (way.name for way in WAYS)
        more = sum(row[one].ok and not row[other].ok for row in rows)
        less = sum(row[other].ok and not row[one].ok for row in rows)
        of = paired(more, less, len(rows))
        yield ""
        yield f"{one} beside {other}: valid where the other is not {more}, the other way round {less}, difference {interval(of.lower, of.upper)}"


def main() -> None:
    """Ask, and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=420.0, help="after which no order is begun")
    parser.add_argument("--output", type=Path, help="also write the result there")
    value = parser.parse_args()
    text = "\n".join(lines(measured(value.orders, value.seconds))) + "\n"
    print(text, end="")
    if value.output:
        value.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
