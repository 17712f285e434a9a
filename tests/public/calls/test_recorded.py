"""Facts about what is recorded of a guarded call."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

import schema_guard
from schema_guard import About, Example, InvalidArgument, Limits, Schema, guard, open_store, tags
from tests.needs import needs
from tests.public.calls import wire
from tests.public.calls.functions import BAD, GOOD, TOTAL, VALUE, Checker, even, giving, plain, rows


def test_a_call_is_recorded_with_all_that_is_known_of_it(store):
    """A row has the function, the schema, the model, the configuration, the usage and what failed where."""
    function = plain(giving(wire.chat(BAD), wire.chat(GOOD)), {"store": store, "name": "extract"})

    function("t")

    assert (
        rows(store, "function", "schema_fingerprint", "model", "provider", "strategies", "settings")
        == [
            (
                "extract",
                Schema.of(TOTAL).fingerprint,
                "gpt-x",
                None,
                "system_prompt",
                '{"layout":"text","max_attempts":3}',
            )
        ]
        * 2
    )
    assert rows(store, "number", "final", "kind", "code", "violations") == [
        (1, 0, "structure", "type", [["/total", "type"]]),
        (2, 1, None, None, []),
    ]
    assert (
        rows(store, "input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
        == [(12, 7, 4, 2)] * 2
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, '{"layout":"text","max_attempts":3}'),
        ({"observe": True, "max_attempts": 2}, '{"max_attempts":1,"observe":true}'),
        pytest.param(
            {"repair": "lossy"}, '{"layout":"text","max_attempts":3,"repair":"lossy"}', marks=needs("repair")
        ),
        ({"checks": [even, Checker()]}, '{"checks":["even","Checker"],"layout":"text","max_attempts":3}'),
        ({"limits": Limits(max_depth=5)}, '{"layout":"text","limits":{"max_depth":5},"max_attempts":3}'),
        ({"limits": Limits(max_tokens=5)}, '{"layout":"text","limits":{"max_tokens":5},"max_attempts":3}'),
    ],
    ids=lambda part: str(part)[:20],
)
def test_settings_are_recorded_where_they_differ(settings, said, store):
    """The settings that change results are recorded as compact JSON, defaults left out."""
    plain(giving(GOOD, GOOD, GOOD), {"store": store, "on_failure": "return", **settings})("t")

    assert {row["settings"] for row in store.attempts()} == {said}


def replying(*models):
    """Give a reply of each of these models, the first ones not valid."""
    replies = [wire.chat(BAD) for _ in models[1:]] + [wire.chat(GOOD)]
    for reply, model in zip(replies, models, strict=True):
        reply["model"] = model
    return giving(*replies)


def test_a_snapshot_is_no_other_configuration():
    """The call has the model, and each attempt the snapshot that replied as well."""
    outcome = plain(replying("m-2026-08-06", "m-2026-09-01"), {}).outcome("t")

    assert (outcome.call.model, outcome.call.tuned) == ("m", False)
    assert [(a.model, a.snapshot) for a in outcome.attempts] == [("m", "m-2026-08-06"), ("m", "m-2026-09-01")]


def test_attempts_have_the_model_that_replied():
    """A model that is named stands; what another one says of itself is said of its attempt."""
    outcome = plain(replying("m-latest", "other"), {"about": About(model="mine")}).outcome("t")

    assert outcome.call.model == "mine"
    assert [(a.model, a.snapshot) for a in outcome.attempts] == [("m", None), ("other", None)]


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ({"about": About(tuned=True)}, "m"),
        ({"about": About(model="ft:m:org::id")}, "m"),
        ({}, "ft:m-2026-08-06:org::id"),
    ],
)
def test_a_tuned_model_is_told(settings, model):
    """A model is tuned when the guard, the name that it is given or that of the reply says so."""
    call = plain(replying(model), settings).outcome("t").call

    assert call.tuned is True
    assert call.model == (settings.get("about", About()).model or model)


def test_tuned_is_a_truth():
    """Anything but True and False is refused at decoration."""
    with pytest.raises(InvalidArgument, match=r"^about\.tuned='yes': expected True or False$"):
        guard(TOTAL, about=About(tuned="yes"))


def test_tags_and_segments(store):
    """`tags` sets segment and cluster for the calls of a block, over the function's own segment."""
    function = plain(giving(*[GOOD] * 5), {"store": store, "about": About(segment="own")})

    function("t")
    with tags(segment="a", cluster="c1"):
        function("t")
        with tags(cluster="c2"):
            function("t")
        with tags(segment="b"):
            function("t")
    function("t")

    assert rows(store, "segment", "cluster") == [
        ("own", None),
        ("a", "c1"),
        ("a", "c2"),
        ("b", "c1"),
        ("own", None),
    ]


def test_a_version_is_given_or_the_hash_of_code_and_text(store):
    """A given version stands; else equal code and strategy have equal versions, and others other ones."""

    def one(prompt):
        return GOOD

    def other(prompt):
        return GOOD + ""

    def version(function, **settings):
        return guard(TOTAL, **settings)(function).outcome("t").call.version

    first = version(one)

    assert version(one, about=About(version="7")) == "7"
    assert (len(first), first) == (12, version(one))
    assert len({first, version(other), version(one, strategy="bare"), version(one, strategy="few_shot")}) == 4


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


@pytest.mark.parametrize("wrap", [functools.partial, decorated])
def test_the_version_follows_the_code_through_wrappers(wrap):
    """A change of the function inside a partial or a decorator is a change of the version."""

    def one(prompt):
        return GOOD

    def other(prompt):
        return GOOD + ""

    versions = {guard(TOTAL)(wrap(function)).outcome("t").call.version for function in (one, other)}

    assert len(versions) == 2


def make_with_constants(order):
    code = f"def ask(prompt):\n    return '{{}}' if prompt in {{{order}}} else '[]'\n"
    scope: dict[str, Any] = {}
    exec(code, scope)  # noqa: S102
    return scope["ask"]


def test_the_version_is_the_same_in_every_process():
    """Code that holds a set of texts, whose order differs from process to process, has one version."""
    one, other = (make_with_constants(order) for order in ("'a', 'i', 'q', 'y'", "'y', 'q', 'i', 'a'"))
    constants = [next(c for c in f.__code__.co_consts if isinstance(c, frozenset)) for f in (one, other)]

    versions = {guard(TOTAL)(function).outcome("a").call.version for function in (one, other)}

    assert constants[0] == constants[1]
    assert len(versions) == 1


def test_no_store_is_needed():
    """With store=None, and under pytest without a store, nothing is recorded and calls work."""
    assert plain(giving(GOOD), {"store": None})("t") == VALUE
    assert plain(giving(GOOD), {"store": "none"})("t") == VALUE
    assert plain(giving(GOOD), {})("t") == VALUE


def test_a_store_may_be_a_url(tmp_path):
    """A URL is one store for all guards that name it, opened at the first record."""
    url = f"sqlite:///{tmp_path}/records.db"
    functions = [plain(giving(GOOD), {"store": url}) for _ in range(2)]
    assert list(tmp_path.iterdir()) == []

    for function in functions:
        function("t")

    with schema_guard.records.resolve_store(url) as store:
        assert store.counts().offered == 2
        assert len(list(store.attempts())) == 2


def test_a_bad_url_is_refused_at_decoration():
    """A URL that names no kind of store is refused when the function is decorated."""
    with pytest.raises(InvalidArgument, match=r"^store 'mysql://x': unknown scheme 'mysql'"):
        guard(TOTAL, store="mysql://x")


def test_the_environment_names_the_default_store(tmp_path, monkeypatch):
    """Without store= the variable SCHEMA_GUARD_STORE says where to, at the time of the call."""
    url = f"sqlite:///{tmp_path}/records.db"
    function = plain(giving(GOOD), {})
    monkeypatch.setenv("SCHEMA_GUARD_STORE", url)

    function("t")

    with schema_guard.default_store() as store:
        assert store.counts().offered == 1


def test_a_store_that_cannot_be_opened_loses_no_call(tmp_path, caplog):
    """Where records cannot be written the call gives its value, and the attempt is counted as lost."""
    (tmp_path / "file").write_text("")
    url = f"sqlite:///{tmp_path}/file/records.db"

    assert plain(giving(GOOD), {"store": url})("t") == VALUE

    store = schema_guard.records.resolve_store(url)
    store.flush()
    assert store.counts().lost_records == {"store_unavailable": 1}
    store.close()
    assert "calls continue, but records are lost (store_unavailable): " in caplog.text


def test_examples_are_shown():
    """Few-shot shows the given examples: pairs, values alone, and Example values."""
    give = giving(GOOD)
    function = plain(
        give,
        {
            "strategy": "few_shot",
            "examples": [("how much?", {"total": 41}), (None, {"total": 42}), Example({"total": 43})],
        },
    )

    function("t")

    assert [text in give.prompts[0] for text in ("how much?", "41", "42", "43")] == [True] * 4


def test_excludes_a_call_that_is_cancelled_during_its_retry():
    """The caller gave it up, so it says nothing about the model; its first attempt is still recorded."""
    replies = iter(["{}"])
    with open_store("sqlite://") as store:

        @guard(TOTAL, store=store)
        async def extract(prompt: str) -> str:
            for reply in replies:
                return reply
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(extract("x"))
        (counts,) = store.configurations()
        attempts = [row["code"] for row in store.attempts()]

    assert attempts == ["required", "cancelled"]
    assert (counts.calls, counts.failed, counts.transport) == (0, 0, 1)


@pytest.mark.parametrize("is_observed", [True, pytest.param(False, marks=needs("streaming"))])
def test_a_stream_that_is_left_has_the_model_of_its_first_chunk(is_observed):
    """So it is a call of the same configuration as those that were read to the end."""
    with open_store("sqlite://") as store:

        @guard(TOTAL, store=store, observe=is_observed)
        def extract(prompt: str):
            yield wire.chunk({"content": '{"total": '})
            yield wire.chunk({"content": "1}"}, "stop")

        stream = extract("x") if is_observed else extract.stream("x")
        next(stream)
        stream.close()
        (row,) = store.attempts()

    assert (row["model"], row["code"]) == ("gpt-x", "cancelled")
