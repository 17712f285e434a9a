"""Compare the numbers in an output with known facts, and fill a store in which all numbers differ."""

import html
import itertools
import re
from contextlib import suppress

from schema_guard import About, Limits, guard, tags
from tests.needs import is_installed
from tests.public.decide.production import ENUM, GOOD, PATTERN, SHAPE, TICKET, reply

FENCED = f"```json\n{GOOD}\n```"
TRAILING = '{"team": "a",}'
NUMBER = re.compile(r"(?<![\w.])[+-]?\$?\d[\d,]*(?:\.\d+)?(?:e-\d+)?(?: million| billion)?")
SCALES = {"million": 1e6, "billion": 1e9}


def plain(text, form):
    """Return a document as one line of words, without the syntax of Markdown and HTML."""
    if form == "html":
        text = re.sub(r"<(style|script|svg|title)\b.*?</\1>", " ", text, flags=re.DOTALL)
        text = re.sub(r"<[^>]+>", " ", text)
    elif form == "markdown":
        text = re.sub(r"^\|.*---.*$|(?<!\\)\||^#+ |^- ", " ", text, flags=re.MULTILINE)
        text = re.sub(r"\\(\W)", r"\1", text)
    else:
        text = re.sub(r"^ *- ", " ", text, flags=re.MULTILINE)
    return " ".join((html.unescape(text) if form != "text" else text).split())


def missing(text, facts):
    """Return the facts that are missing in a text. A fact is a label and the numbers that follow it."""
    return [(label, values) for label, values in facts if not _has_fact(text, label, values)]


def _has_fact(text, label, values):
    for result in re.finditer(re.escape(label), text):
        numbers = [one[0] for one in itertools.islice(NUMBER.finditer(text, result.end()), len(values))]
        if len(numbers) == len(values) and all(map(is_shown_as, values, numbers)):
            return True
    return False


class Lower(float):
    """A lower bound, which is rounded down."""


class Upper(float):
    """An upper bound, which is rounded up."""


def is_shown_as(value, shown):
    """Return whether the shown number is the value, rounded to the digits that are shown."""
    bare, _, scale = shown.replace("$", "").replace(",", "").partition(" ")
    mantissa, _, exponent = bare.partition("e")
    unit = 10.0 ** (-len(mantissa.partition(".")[2]) + int(exponent or 0)) * SCALES.get(scale, 1.0)
    excess = (float(bare) * SCALES.get(scale, 1.0) - value) / unit
    least, most = (-1, 0) if isinstance(value, Lower) else (0, 1) if isinstance(value, Upper) else (-0.5, 0.5)
    return least - 1e-4 <= excess <= most + 1e-4


def rate(found):
    """Return a rate and its bounds in percent."""
    return [100 * found["rate"], Lower(100 * found["lower"]), Upper(100 * found["upper"])]


REPLIES = (
    [(GOOD,)] * 83 + [(FENCED,)] * 17 + [(TRAILING,)] * 11 + [(SHAPE, GOOD)] * 7 + [(ENUM, SHAPE, GOOD)] * 5
    + [(ENUM, ENUM, PATTERN)] * 14 + [(TimeoutError("slow"),)] * 3 + [(KeyError("x"),)] * 2
)  # fmt: skip
"""Replies of each call. If a call has more attempts than replies, the last reply repeats."""

# Without the part `repair`, another setting makes the configurations differ.
OTHER = {"repair": "lossless"} if is_installed("repair") else {"limits": Limits(max_tokens=10**9)}


def fill(store, clock):
    """Record calls of two functions. All counts, tokens, and seconds differ between them."""
    numbers, left = itertools.count(), []

    def body(prompt):
        number = next(numbers)
        clock.spent += 0.25 + 0.05 * (number % 29) + (6 if number % 13 == 0 else 0)
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return reply(one, tokens=(900 + number, 60 + number % 31), cached=300)

    for name, model, step, more in (("shop.sort", "m1", 1, OTHER), ("shop.pack", "m2", 3, {})):
        settings = {"name": name, "about": About(version="v1", model=model), "max_attempts": 3, **more}
        function = guard(TICKET, store=store, on_failure="return", **settings)(body)
        for number in range(0, len(REPLIES), step):
            left[:] = REPLIES[number * 37 % len(REPLIES)]
            with tags(segment="eu" if number % 4 else "us"), suppress(TimeoutError, KeyError):
                function(f"{name} ticket {number}")
            clock.now += 600
    store.flush(60.0)
