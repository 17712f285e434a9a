"""Facts about guarded calls among others: nested, in threads and tasks, by re-entry, and through pickles."""

import asyncio
import copy
import functools
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from schema_guard import GuardFailed, InvalidArgument, guard, open_store, tags
from schema_guard.testing import ScriptedModel
from tests.needs import needs

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'
VALUE = {"total": 1}


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def family(store):
    """The name of each recorded call and that of the call it was made in."""
    names = {row["call_id"]: row["function"] for row in store.attempts()}
    return [(row["function"], names.get(row["parent_call_id"])) for row in store.attempts()]


def inner_of(store):
    @guard(TOTAL, store=store, name="inner")
    def inner(prompt):
        return GOOD

    return inner


# Nested calls.


def test_a_call_inside_a_call_knows_its_parent(store):
    """A guarded call that a guarded function makes is a call of its own, with the outer one as parent."""
    inner = inner_of(store)

    @guard(TOTAL, store=store, name="middle")
    def middle(prompt):
        inner("t")
        return GOOD

    @guard(TOTAL, store=store, name="outer")
    def outer(prompt):
        inner("t")
        middle("t")
        return GOOD

    outer("t")
    inner("t")

    assert family(store) == [
        ("inner", "outer"),
        ("inner", "middle"),
        ("middle", "outer"),
        ("outer", None),
        ("inner", None),
    ]


def test_every_attempt_has_the_parent(store):
    """What a later attempt calls has the same parent, for no call ends before its last attempt."""
    inner = inner_of(store)
    replies = iter(["no", GOOD])

    @guard(TOTAL, store=store, name="outer")
    def outer(prompt):
        inner("t")
        return next(replies)

    outer("t")

    assert family(store) == [("inner", "outer")] * 2 + [("outer", None)] * 2


@needs("streaming")
def test_the_parent_is_known_in_every_shape(store):
    """Generators, coroutines and async generators, called or streamed, are parents of what they call."""
    inner = inner_of(store)

    @guard(TOTAL, store=store, name="generator")
    def generator(prompt):
        yield GOOD[:3]
        inner("t")
        yield GOOD[3:]

    @guard(TOTAL, store=store, name="coroutine")
    async def coroutine(prompt):
        await asyncio.sleep(0)
        inner("t")
        return GOOD

    @guard(TOTAL, store=store, name="async generator")
    async def async_generator(prompt):
        yield GOOD[:3]
        await asyncio.sleep(0)
        inner("t")
        yield GOOD[3:]

    async def main():
        await coroutine("t")
        await async_generator("t")
        return [value async for value in async_generator.stream("t")]

    generator("t")
    list(generator.stream("t"))
    asyncio.run(main())

    names = ["generator", "generator", "coroutine", "async generator", "async generator"]
    assert family(store) == [row for name in names for row in (("inner", name), (name, None))]


@needs("streaming")
def test_between_the_values_of_a_stream_there_is_no_parent(store):
    """What the consumer of a stream calls between two values is not a call inside of it."""
    inner = inner_of(store)

    @guard(TOTAL, store=store, name="outer")
    def outer(prompt):
        yield '{"total": 1'
        yield "}"

    @guard(TOTAL, store=store, name="outer")
    async def async_outer(prompt):
        yield '{"total": 1'
        yield "}"

    async def main():
        async for _ in async_outer.stream("t"):
            inner("t")

    for _ in outer.stream("t"):
        inner("t")
    asyncio.run(main())

    assert set(family(store)) == {("inner", None), ("outer", None)}


@needs("streaming")
def test_a_raised_error_ends_the_parenthood(store):
    """After a call that raised, the next call is at the top again."""
    inner = inner_of(store)

    @guard(TOTAL, store=store, name="outer")
    def outer(prompt):
        raise RuntimeError

    for call in (outer, outer.outcome, lambda prompt: list(outer.stream(prompt))):
        with pytest.raises(RuntimeError):
            call("t")
    inner("t")

    assert family(store)[-1] == ("inner", None)


def test_tasks_have_parents_of_their_own(store):
    """Calls that run at the same time in one event loop do not take each other's children."""

    @guard(TOTAL, store=store, name="inner")
    async def inner(prompt):
        await asyncio.sleep(0)
        return GOOD

    async def outer_of(name):
        @guard(TOTAL, store=store, name=name)
        async def outer(prompt):
            await asyncio.gather(inner("a"), inner("b"))
            return GOOD

        return await outer("t")

    async def main():
        await asyncio.gather(*(outer_of(f"outer {n}") for n in range(5)))

    asyncio.run(main())

    result = family(store)
    assert sorted(parent for name, parent in result if name == "inner") == [
        f"outer {n // 2}" for n in range(10)
    ]


def test_the_parent_follows_into_a_thread_that_takes_the_context(store):
    """asyncio.to_thread takes the parent along; a bare thread begins at the top."""
    inner = inner_of(store)

    @guard(TOTAL, store=store, name="outer")
    async def outer(prompt):
        await asyncio.to_thread(inner, "t")
        bare = threading.Thread(target=inner, args=("t",))
        bare.start()
        bare.join()
        return GOOD

    asyncio.run(outer("t"))

    assert family(store) == [("inner", "outer"), ("inner", None), ("outer", None)]


@pytest.mark.parametrize("word", ["segment", "cluster", "function"])
def test_a_tag_is_a_text(word):
    """What is no text would be told apart from the text that it prints as, and is an error where it is set."""
    with (
        pytest.raises(InvalidArgument, match=rf"tags: {word}=3: expected a str or None"),
        tags(**{word: 3}),
    ):
        pass


def test_tags_are_of_the_task_that_set_them(store):
    """Tags set in one task do not reach another."""

    @guard(TOTAL, store=store)
    async def ask(prompt):
        await asyncio.sleep(0)
        return GOOD

    async def tagged(name):
        with tags(segment=name):
            await asyncio.sleep(0)
            await ask(name)

    async def main():
        await asyncio.gather(tagged("a"), tagged("b"), ask("c"))

    asyncio.run(main())

    assert sorted(str(row["segment"]) for row in store.attempts()) == ["None", "a", "b"]


# Threads and re-entry.


def test_one_guarded_function_serves_many_threads(store):
    """Calls in many threads do not mix: each has its own reply, its own attempts, and its records."""
    barrier = threading.Barrier(8)
    seen = threading.local()

    @guard(TOTAL, store=store, strategy="bare")
    def ask(prompt):
        number = prompt.partition("\n")[0]
        if not getattr(seen, "begun", False):
            seen.begun = True
            barrier.wait(5)
        return "no" if prompt == number else f'{{"total": {number}}}'

    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(ask, [str(n) for n in range(200)]))

    assert values == [{"total": n} for n in range(200)]
    rows = list(store.attempts())
    assert len(rows) == 400
    assert len({row["call_id"] for row in rows}) == 200


def test_a_function_may_call_itself(store):
    """A guarded function that calls itself is a call inside a call."""

    @guard({"type": "integer"}, store=store, name="f", strategy="bare")
    def count(prompt):
        return str(count(prompt[1:]) + 1) if prompt else "0"

    assert count("aaaa") == 4
    rows = list(store.attempts())
    assert [row["parent_call_id"] for row in rows] == [row["call_id"] for row in rows[1:]] + [None]


@guard(TOTAL, store=None)
def ask_once(prompt):
    return GOOD


def test_ids_sort_by_time_and_are_those_of_rfc_9562():
    """Ids of calls are UUIDs of version 7: unique, and in the order in which they were made."""
    ids = [ask_once.outcome("t").call.id for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)
    assert {(len(one), one[12], one[16] in "89ab") for one in ids} == {(32, "7", True)}


def test_ids_of_many_threads_are_different():
    """No two threads make the same id."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: [ask_once.outcome("t").call.id for _ in range(500)], range(8)))

    assert len({one for ids in made for one in ids}) == 4000


# Pickles.


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))  # it was made here


@guard(TOTAL)
def module_level(prompt):
    return GOOD


@guard(TOTAL)
async def async_module_level(prompt):
    return GOOD


def unguarded(prompt):
    return GOOD


class Client:
    """Guarded functions of a class."""

    def __init__(self, reply=GOOD):
        self.reply = reply

    @guard(TOTAL)
    def method(self, prompt):
        return self.reply

    @guard(TOTAL)
    @classmethod
    def class_method(cls, prompt):
        return GOOD

    @guard(TOTAL)
    @staticmethod
    def static(prompt):
        return GOOD

    def plain(self, prompt):
        return self.reply

    def __call__(self, prompt):
        return self.reply


@pytest.mark.parametrize(
    "function", [module_level, async_module_level, Client.method, Client.static], ids=lambda f: f.__qualname__
)
def test_a_guarded_function_pickles_by_its_name(function):
    """A guarded function comes back from a pickle, and from a copy, as the same object."""
    assert pickled(function) is function
    assert copy.deepcopy(function) is copy.copy(function) is function


@pytest.mark.parametrize(
    "function",
    [
        Client('{"total": 1 }').method,
        Client.class_method,
        Client().class_method,
        guard(TOTAL)(Client().plain),
        guard(TOTAL)(Client()),
        guard(TOTAL, default=None, max_attempts=2)(functools.partial(unguarded)),
    ],
    ids=["method", "class method", "class method of an instance", "guarded method", "object", "partial"],
)
def test_other_guarded_callables_pickle_by_value(function):
    """Methods pickle with their instance, and callables without a name of their own with their settings."""
    again = pickled(function)

    assert type(again) is type(function)
    assert again.guard == function.guard
    assert again("t") == VALUE


def test_a_guard_under_another_name_does_not_pickle():
    """A guarded function that its module does not know by its name is refused, as functions are."""
    function = guard(TOTAL)(unguarded)

    with pytest.raises(pickle.PicklingError, match="not the same object"):
        pickle.dumps(function)


def test_settings_pickle_by_value():
    """Settings are equal after a pickle, and what was not given is still not given."""
    settings = guard(TOTAL, strategy=["bare", "few_shot"])

    again = pickled(settings)

    assert again == settings
    assert again.store is settings.store
    assert again.default is settings.default


def test_outcomes_and_their_exceptions_pickle_by_value():
    """Outcomes are equal after a pickle; so are the exceptions that carry them, but for the prompts."""
    function = guard(TOTAL, max_attempts=1)(ScriptedModel(["no"] * 2))
    with pytest.raises(GuardFailed) as caught:
        function("t")

    again = pickled(caught.value)

    outcome = caught.value.outcome
    bare = outcome._replace(attempts=tuple(a._replace(prompt=None) for a in outcome.attempts))
    assert (str(again), again.outcome) == (str(caught.value), bare)
    assert pickled(outcome) == outcome
