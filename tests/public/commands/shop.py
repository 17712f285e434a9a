"""A store with three weeks of calls: two functions, three versions, all kinds of failures, trials, and lost calls."""

from schema_guard import tags
from tests.public.decide.production import CUT_OFF, DAY, ENUM, GOOD, PATTERN, REFUSED, SHAPE, reply

LABEL = {
    "title": "label",
    "type": "object",
    "properties": {"tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "minItems": 1}},
    "required": ["tags"],
    "additionalProperties": False,
}
TAGGED = '{"tags": ["red"]}'
FENCED = '```json\n{"team": "a"}\n```'
PRICES = {
    "m1": {"p_in": 3.0, "p_cached": 0.3, "p_out": 15.0},
    "m2": {"p_in": 1.0, "p_cached": 0.25, "p_out": 5.0},
    "ft": {"p_in": 2.0, "p_cached": 2.0, "p_out": 8.0},
}


def paid(text, tokens=(900, 60), cached=600):
    """Return a reply with known token counts. Most input tokens come from the cache."""
    return reply(text, tokens=tokens, cached=cached, model=None)


def open_shop(production):
    """Record the calls of the shop."""
    _first_version(production)
    _second_version(production)
    _labels(production)
    _trials(production)


def _first_version(production):
    production.takes_s = 1.25
    with tags(segment="eu"):
        production.calls(300, 25, SHAPE, ENUM, PATTERN, REFUSED, CUT_OFF, good=paid(GOOD), after_s=1_800.0)
    with tags(segment="us"):
        production.calls(200, 40, "no JSON", '{"team": 7}', good=paid(GOOD, (700, 50), 0), after_s=1_200.0)
        production.calls(7, 0, raises=TimeoutError("too slow"), after_s=1_200.0)
    production.calls(60, 0, good=FENCED, after_s=600.0)
    production.calls(
        120, 12, SHAPE, max_attempts=3, retries=True, good=paid(GOOD, (500, 40), 100), after_s=600.0
    )


def _second_version(production):
    production.takes_s = 0.5
    for day in range(20):
        with tags(segment="eu"):
            production.calls(12, 12, ENUM, version="v2", good=paid(GOOD), after_s=900.0)
        with tags(segment="us"):
            production.calls(8, 0, version="v2", good=paid(GOOD, (700, 50), 0), after_s=900.0)
        if day % 4 == 2:
            production.calls(1, 1, SHAPE, version="v2", task="the same again", after_s=300.0)
    production.calls(3, 0, raises=KeyError("code"), version="v2", after_s=900.0)


def _labels(production):
    production.takes_s = 3.0
    known = {"name": "shop.label", "schema": LABEL, "model": "m2", "version": "7"}
    bad = ('{"tags": []}', '{"tags": ["crimson"]}', '{"tags": ["red"], "x": 1}')
    production.calls(
        150, 50, *bad, good=reply(TAGGED, tokens=(80, 20)), max_attempts=2, after_s=DAY / 40, **known
    )


def _trials(production):
    production.takes_s = 0.75
    production.calls(
        90, 0, name="playbook:1:few_shot:shop.extract", version="v2", good=paid(GOOD, (1_500, 60), 900)
    )
    production.calls(40, 8, ENUM, name="bench:1:strict:shop.extract", version="v2", good=paid(GOOD))


def open_depot(production):
    """Record failures in one segment, a tuned model with a tenth of the calls, and a rise in failures."""
    production.takes_s = 0.4
    for _ in range(30):
        with tags(segment="eu", cluster="north"):
            production.calls(20, 10, ENUM, SHAPE, name="depot.sort", good=paid(GOOD), after_s=600.0)
        with tags(segment="us"):
            production.calls(10, 0, name="depot.sort", good=paid(GOOD, (700, 50), 0), after_s=600.0)
            tuned = {"name": "depot.sort", "model": "ft", "tuned": True, "strategy": "bare"}
            production.calls(4, 0, good=paid(GOOD, (120, 50), 0), after_s=600.0, **tuned)
    for task in range(40):
        production.calls(
            2,
            20,
            name="bench:2:tuned:depot.sort",
            model="ft2",
            tuned=True,
            task=f"trial {task}",
            good=paid(GOOD),
        )
    production.calls(900, 300, name="depot.pack", model="m2", after_s=300.0)
    production.calls(200, 12, CUT_OFF, name="depot.pack", model="m2", version="v3", after_s=300.0)
