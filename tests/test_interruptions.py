"""Telling an interruption from the answer of a foreign object."""

import signal
import sys
from contextlib import suppress
from functools import partial

import pytest

import schema_guard
from benchmarks.interrupts import GOOD, SCHEMA, Total, chunks, completion
from schema_guard import About, GuardFailed, Store, guard, open_store
from schema_guard.interruptions import is_interruption
from schema_guard.judging import judge
from schema_guard.models.error_keys import remove_key
from schema_guard.preparing import version
from schema_guard.prices import costs
from schema_guard.prices.charges import charges_of
from schema_guard.providers import messages
from schema_guard.providers.fields import field, first, has
from schema_guard.records.urls import recording_store
from schema_guard.schema import Schema
from schema_guard.values import Usage
from tests.needs import needs
from tests.strikes import escapes


class Interruption(Exception):
    """What the handlers of these tests raise."""


def handler(number, frame):
    raise Interruption


def handler_of_anything(*given):
    handler(*given)


def handler_with_more(more, number, frame):
    raise Interruption


class Handler:
    def __call__(self, number, frame):
        self.give_up()

    def give_up(self):
        raise Interruption


HANDLERS = [handler, handler_of_anything, partial(handler_with_more, 1), Handler(), Handler().__call__]


@pytest.fixture(params=HANDLERS, ids=range(len(HANDLERS)))
def interrupt(request):
    """Raise the signal whose handler raises."""
    before = signal.signal(signal.SIGUSR1, request.param)
    yield lambda: signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def test_what_a_handler_raises_is_an_interruption(interrupt):
    """However a handler is written, what it raises is told by the frame that it was handed."""
    with pytest.raises(Interruption) as raised:
        interrupt()

    assert is_interruption(raised.value)


def raises(error):
    raise error


def test_what_the_object_raises_is_its_own():
    """An exception of a function, a frame in its variables too, is an answer; and so is one that comes back."""

    def with_frames(number, other):
        frame = sys._getframe(1)
        raise ValueError(frame)

    for access in (lambda: raises(ValueError()), lambda: with_frames(1, 2)):
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            access()

        assert not is_interruption(raised.value)


def test_a_look_at_a_foreign_object_lets_it_through(interrupt):
    """What lands in an object while a field of it is read is no answer of the object."""

    class Slow:
        def __getattr__(self, name):
            interrupt()

        def __getitem__(self, index):
            interrupt()

    for look in (lambda: field(Slow(), "choices"), lambda: first(Slow())):
        with pytest.raises(Interruption):
            look()


def test_a_check_that_is_interrupted_has_refused_nothing(interrupt):
    """What lands in a check, or in the schema's own type, ends the judging."""
    schema = Schema.of({"type": "object"})

    with pytest.raises(Interruption):
        judge("{}", schema, checks=[lambda value: interrupt()])
    with pytest.raises(Interruption):
        judge("{}", schema, restore=lambda value: interrupt())


class Asked:
    """An object of somebody else's during whose accesses a signal arrives."""

    def __init__(self, interrupt):
        vars(self)["arrives"] = interrupt

    def __getattribute__(self, name):
        if name != "arrives" and not name.startswith("__"):
            vars(self)["arrives"]()
        return super().__getattribute__(name)

    def __copy__(self):
        vars(self)["arrives"]()


class Listed(dict):
    """A mapping of somebody else's, likewise."""

    def __init__(self, interrupt):
        super().__init__()
        self.arrives = interrupt

    def _arrive(self, *_):
        self.arrives()

    get = __contains__ = items = keys = _arrive


@pytest.mark.parametrize(
    "look",
    [
        lambda arrives: field(Asked(arrives), "role"),
        lambda arrives: field(Listed(arrives), "role"),
        lambda arrives: has(Asked(arrives), "role"),
        lambda arrives: messages.rest_of(Listed(arrives), "role"),
        lambda arrives: messages.with_field(Asked(arrives), "role", "user"),
        lambda arrives: messages.instance([lambda **_: arrives()], {}, {}),
    ],
    ids=["field", "key", "has", "rest", "copy", "instance"],
)
def test_a_signal_while_an_element_of_a_prompt_is_looked_at_comes_out(interrupt, look):
    """What lands while a message that somebody else made is read is no answer of the message."""
    with pytest.raises(Interruption):
        look(interrupt)


def test_a_signal_while_a_version_is_made_comes_out(interrupt, monkeypatch):
    """What lands while the source of a function is read is not taken for a function without source."""
    monkeypatch.setattr(version, "_Source", lambda _: interrupt())
    with pytest.raises(Interruption):
        version.version_of(raises, [])


def test_a_signal_while_a_call_is_priced_comes_out(interrupt, monkeypatch):
    """What lands while prices are looked up is not taken for a model without a price."""
    charges = charges_of({"m": {"p_in": 1.0, "p_cached": 0.1, "p_out": 2.0}})
    monkeypatch.setattr(costs, "prices_in", lambda *_, **__: interrupt())
    with pytest.raises(Interruption):
        charges.cost(Usage(1, 1), "m")


class Refusing(Exception):
    """An exception of an SDK that trips over its own response."""

    @property
    def response(self):
        raise ValueError


class KeyedRequest:
    """A request of an SDK."""

    def __init__(self):
        self.headers = {"authorization": "Bearer sk-12345678"}
        self.body = ["sk-12345678"]


def keyed_error():
    error = ValueError("no key sk-12345678")
    error.request = KeyedRequest()
    return error


def typed_tool(parcel: str) -> str:
    """Track a parcel."""


def calls_to_strike(store, folder):
    """Give calls that run code of the library outside of the loop too."""

    def decorated():
        guard(SCHEMA, store=store)(lambda prompt: GOOD)("t")

    def raising():
        with suppress(Refusing):
            guarded_raising("t")

    def raise_refusing(prompt):
        raise Refusing

    def priced():
        return guard(SCHEMA, store=store, about=About(prices=PRICES))(lambda prompt: completion(GOOD))("t")

    def of_a_type():
        guard(Total, store=store, checks=[lambda value: True])(lambda prompt: '{"total": "1"}')("t")

    def of_each(*values):
        with suppress(GuardFailed):
            guard(SCHEMA, store=store, max_attempts=1)(lambda prompt: iter(values))("t")

    guarded_raising = guard(SCHEMA, store=store)(raise_refusing)
    return {
        "decorate": decorated,
        "raise": raising,
        "price": priced,
        "read a type": of_a_type,
        "read chunks": lambda: of_each(*chunks(GOOD)),
        "read odd chunks": lambda: of_each(*chunks('{"total": 1, "total": 2}')),
        "adapt": lambda: schema_guard.adapt(Schema.of(SCHEMA), "openai"),
        "lint": lambda: schema_guard.lint(Schema.of(SCHEMA), "openai"),
        "check a prefix": lambda: schema_guard.prefix_checker(Schema.of(SCHEMA)).feed('{"total": "x'),
        "load tools": lambda: schema_guard.guard_tools([typed_tool], store=store),
        "hide a key": lambda: remove_key(keyed_error(), "sk-12345678"),
        "name a store": lambda: recording_store("records.db"),
        "load a schema": lambda: Schema.of({"properties": {"x": {"$ref": "#/$defs/x"}}, "$defs": {"x": {}}}),
        "judge": lambda: judge('{"total": "x"}', Schema.of(SCHEMA)),
        "open": lambda: open_store(f"{folder}/other.db").close(),
        "read": lambda: list(store.attempts()),
        "count": lambda: list(store.configurations()),
        "look": partial(Store.info, store),
        "check": partial(Store.check, store),
        "declare": lambda: store.set_target("0" * 16, 0.01),
    }


STEPS = {
    "load tools": 9,
    "check": 7,
    "decorate": 3,
    "read a type": 3,
    "adapt": 50,
    "read chunks": 5,
    "read odd chunks": 5,
    "lint": 5,
    "price": 3,
}
PARTS_OF = {
    "adapt": ("fitting",),
    "lint": ("fitting",),
    "check a prefix": ("streaming",),
    "load tools": ("tools",),
}
PRICES = {"m": {"p_in": 1.0, "p_cached": 0.1, "p_out": 2.0}}


@pytest.mark.skipif("coverage" in sys.modules, reason="a strike in coverage's own code leaves its lock held")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs(*PARTS_OF.get(name, ()))) for name in calls_to_strike(None, ".")]
)
def test_a_signal_comes_out_of_each_point(name, tmp_path, monkeypatch):
    """The exception of a handler comes out as itself, wherever in the library the signal arrives."""
    monkeypatch.chdir(tmp_path)
    with open_store(str(tmp_path / "records.db")) as store:
        call = calls_to_strike(store, tmp_path)[name]
        call()
        store.flush()

        lost, count = escapes(call, step=STEPS.get(name, 1))

    assert not lost
    assert count > 20


def test_a_caller_stops_a_check_of_a_store(tmp_path):
    """An exception of the function that hears of progress comes out, and is no damage."""

    def stop(what, done, total):
        if what == "counts":
            raise ValueError("enough")

    with open_store(str(tmp_path / "records.db")) as store:
        guard(SCHEMA, store=store)(lambda prompt: GOOD)("t")

        with pytest.raises(ValueError, match="enough"):
            store.check(stop)
