"""Texts that are fed to a prefix checker piece by piece."""

import json
from typing import NamedTuple

from schema_guard import judge, prefix_checker
from tests.public.schemas.fuzzing import drawn_schema, drawn_value, pieces, sent, written

DRAFT_4 = "http://json-schema.org/draft-04/schema"


def stopped(schema, parts, checker_of=prefix_checker):
    """The checker once it has stopped, or at the end."""
    checker = checker_of(schema)
    for part in parts:
        if checker.feed(part):
            break
    return checker


class Found(NamedTuple):
    """The counts of some drawn cases: valid replies, and valid replies that were stopped."""

    checks: int
    alarms: list


def run(rng, cases, *, values=8, ways=6, checker_of=prefix_checker):
    """Read valid replies to drawn schemas, each value written and cut to pieces in several ways."""
    checks, alarms = 0, []
    for _ in range(cases):
        schema = drawn_schema(rng)
        for value in [drawn_value(schema.document, rng) for _ in range(values)]:
            if not judge(json.dumps(value), schema).ok:
                continue
            for _ in range(ways):
                text = sent(written(value, rng), rng)
                # In draft 4 a whole number that is written with a point is no integer.
                if schema.dialect != DRAFT_4 or judge(text, schema).ok:
                    checks += 1
                    checker = stopped(schema, pieces(text, rng), checker_of)
                    if not checker.viable:
                        assert judge(text, schema).ok
                        alarms.append((schema.dialect, schema.document, text, checker.failure))
    return Found(checks, alarms)
