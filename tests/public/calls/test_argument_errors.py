"""Wrong arguments of public functions: each is told by its name, with what is expected, before anything is done."""

import inspect
from functools import partial

import pytest

import schema_guard
from schema_guard import (
    About,
    InvalidArgument,
    InvalidSchema,
    Limits,
    Params,
    Schema,
    connect,
    flush,
    guard,
    judge,
    open_store,
    tags,
)
from tests.needs import is_installed, needs

DOCUMENT = {"type": "object"}
SCHEMA = Schema.of(DOCUMENT)
TOOLS = [{"name": "add", "parameters": DOCUMENT}]


def ask(prompt: str):
    return "{}"


PROMPTED = guard(DOCUMENT, store="none")(ask)
TUNED = guard(DOCUMENT, store="none", about=About(tuned=True))(ask)
# What fits nothing, and what fits none of a few names, no text, no bool, no count, no list.
NOTHING = (3, b"x", object(), {"a": 1})
NO_NAME = (3, "no such thing", "", [], None)
NO_TEXT = (3, b"x", ["x"], True)
NO_BOOL = (None, 1, "yes", [])
NO_COUNT = (None, -1, 2.5, True, "3")
NO_SECONDS = (None, True, "3", float("nan"))
NO_LIST = (3, "x", b"x", {"a": 1}, [3])
NO_SCHEMA = (3, 2.5, None, [], b"x")
NO_PATH = (5, {}, "", b"x")
NO_STORE = (3, b"x", [], True)
NO_LIMITS = (3, "x", {}, (1, 2), {"max_depth": 3})
OF_GUARD = {
    "schema": NO_SCHEMA, "strategy": NO_NAME, "max_attempts": NO_COUNT, "examples": NO_LIST,
    "checks": NO_LIST, "repair": NO_NAME, "observe": NO_BOOL, "ignore": NO_LIST, "on_failure": NO_NAME[:-1], "name": NO_TEXT,
    "models": NO_LIST, "provider": (3, "no such thing"), "store": NO_STORE, "limits": NO_LIMITS, "early_stop": NO_BOOL,
    "params": (3, "x", {}, {"prompt": "x"}), "about": (3, "x", {}, {"version": "1"}), "coerce": NO_BOOL, "content": (3, {}),
}  # fmt: skip
OF_LIMITS = {
    **dict.fromkeys(("max_bytes", "max_depth", "max_nodes", "max_number_chars", "max_steps"), NO_COUNT),
    "max_elapsed_s": (-1, *NO_SECONDS[1:]), "max_tokens": NO_COUNT[1:], "output_tokens": (0, *NO_COUNT[1:]),
    "max_output_tokens": (0, *NO_COUNT[1:]), "max_repeats": (0, 1, *NO_COUNT[1:]),
}  # fmt: skip
OF_PARAMS = {
    **dict.fromkeys(("prompt", "instructions", "feedback", "options"), (*NO_TEXT, "nobody")),
    **({"prompt_file": ("x", 3, b"x")} if is_installed("improve") else {}),
}
OF_ABOUT = {
    "version": NO_TEXT, "segment": NO_TEXT, "model": NO_TEXT, "tuned": NO_BOOL,
    "prices": (3, b"x", "no such file", {"model": 3}), "rules": NO_PATH,
}  # fmt: skip
OF_NAMED = {**OF_GUARD, **OF_ABOUT}
OF_TOOLS = {"max_attempts", "observe", "name", "version", "segment", "prices", "store"}
OF_ROUTER = {
    "tuned": (ask, 3, None), "prompt": (ask, 3, None), "primary": NOTHING, "fallback": NO_BOOL,
    "shadow": (*NO_SECONDS, 2), "share": (*NO_SECONDS, 2), "kill_switch": (3, [], {}), "name": NO_TEXT,
}  # fmt: skip
# Of each public function: what calls it with one argument, by its name, and what is wrong for each argument.
WRONG = {
    judge: (
        lambda **given: judge(**{"text": "{}", "schema": SCHEMA, **given}),
        {
            "text": (None, 3, b"{}", ["{}"]), "schema": NO_SCHEMA, "finish_reason": (3, ["stop"]), "repair": NO_NAME,
            "checks": NO_LIST, "restore": NOTHING, "limits": (None, *NO_LIMITS), "coerce": NO_BOOL,
        },
    ),
    Schema.of: (
        lambda **given: Schema.of(**{"source": DOCUMENT, **given}),
        {
            "source": NO_SCHEMA, "name": NO_TEXT, "dialect": (*NO_TEXT, "draft9"), "formats": NO_BOOL,
            "resources": (3, b"x", [3], "no such folder"), "allow_unknown": NO_BOOL,
        },
    ),
    connect: (
        lambda **given: connect(**{"name_or_object": "openai:name", "key": "k", **given}),
        {
            "name_or_object": (None, 3, "", "no such thing"), "provider": (*NO_TEXT, "no such thing"), "options": (3, "x", [3]),
            "key": (3, b"x", ""), "adapter": (3, "x"), "rules": NO_PATH, "timeout_s": NO_SECONDS, "max_retries": NO_COUNT,
        },
    ),
    open_store: (
        lambda **given: open_store(**{"url": "sqlite://", "payload": "redacted" if "redact" in given else None, **given}),
        {
            "url": (None, 3, b"x", "", "no-such://x"), "durability": NO_NAME[:-1], "strict_store": NO_BOOL, "payload": NO_NAME[:-1],
            "redact": NOTHING, "retention": NOTHING,
        },
    ),
    flush: (flush, {"timeout_s": NO_SECONDS}),
    tags: (lambda **given: tags(**given).__enter__(), dict.fromkeys(("segment", "cluster", "function"), NO_TEXT)),
    guard: (
        lambda **given: guard(**{"schema": DOCUMENT, "store": "none", **given})(ask),
        OF_GUARD,
    ),
    Limits: (Limits, OF_LIMITS),
    Params: (lambda **given: guard(DOCUMENT, params=Params(**given), store="none")(ask), OF_PARAMS),
    About: (
        lambda **given: guard(DOCUMENT, provider="openai" if "rules" in given else None, about=About(**given), store="none")(ask),
        OF_ABOUT,
    ),
}  # fmt: skip
if is_installed("streaming"):
    from schema_guard import prefix_checker

    WRONG |= {
        prefix_checker: (
            lambda **given: prefix_checker(**{"schema": SCHEMA, **given}),
            {"schema": NO_SCHEMA, "limits": (None, *NO_LIMITS)},
        ),
    }  # fmt: skip
if is_installed("fitting"):
    from schema_guard import adapt, lint

    WRONG |= {
        lint: (lambda **given: lint(**{"schema": DOCUMENT, "provider": "openai", **given}), {"schema": NO_SCHEMA, "provider": NO_NAME, "rules": NO_PATH}),
        adapt: (lambda **given: adapt(**{"schema": DOCUMENT, "provider": "openai", **given}), {"schema": NO_SCHEMA, "provider": NO_NAME, "rules": NO_PATH}),
    }  # fmt: skip
if is_installed("tools"):
    from schema_guard import guard_tools, judge_calls

    WRONG |= {
        judge_calls: (
            lambda **given: judge_calls(**{"reply": "{}", "tools": TOOLS, **given}),
            {"reply": (None, 3, b"x", []), "tools": (None, 3, "x", [3]), "repair": NO_NAME, "limits": NO_LIMITS},
        ),
        guard_tools: (
            lambda **given: guard_tools(**{"tools": TOOLS, "store": "none", **given})(ask),
            {"tools": (None, 3, "x", [3]), "messages": (*NO_TEXT, "nobody"), **{name: OF_NAMED[name] for name in sorted(OF_TOOLS)}},
        ),
    }  # fmt: skip
if is_installed("tuning"):
    from schema_guard import Evidence, Rollout, Router

    WRONG |= {
        Router: (lambda **given: Router(**{"tuned": TUNED, "prompt": PROMPTED, **given}), OF_ROUTER),
        Rollout: (
            Rollout,
            {"target": (None, True, 0.7, "x"), "alpha": (None, 1, "x"), "most": (None, 0, 2)},
        ),
        Evidence: (
            Evidence,
            {"segments": (3, "", "x")},
        ),
    }  # fmt: skip
# Values, which are looked at where they are used; errors; what is made by the library; what takes no argument.
WITHOUT = {
    "Adapted", "AsyncGuarded", "Attempt", "Call", "CallFailed", "Coercion", "CallJudgement", "Content", "Example", "Failure", "Finding",
    "Guard", "GuardFailed", "Guarded", "InvalidArgument", "InvalidSchema", "Judgement", "Message", "MissingExtra",
    "Outcome", "Partial", "PrefixChecker", "SchemaChange", "SchemaGuardError", "Second", "Store", "StoreError", "ToolCallsFailed",
    "Try",
    "Usage", "Violation", "__version__", "default_store", "flush_on_sigterm",
}  # fmt: skip
# By what it is called where it is not by its name, which for the first arguments nobody writes.
CALLED = {"source": "schema", "name_or_object": "model", "url": "store"}
CASES = [
    pytest.param(
        partial(call),
        name,
        wrong,
        id=f"{function.__qualname__}-{name}",
        marks=needs("fitting") if name == "rules" else (),
    )
    for function, (call, arguments) in WRONG.items()
    for name, wrong in arguments.items()
]


@pytest.mark.parametrize(("call", "name", "wrong"), CASES)
def test_a_wrong_argument_is_told(call, name, wrong):
    """It is ours, names what was given, and says what is expected or what is not there."""
    for value in wrong:
        with pytest.raises((InvalidArgument, InvalidSchema)) as raised:
            call(**{name: value})

        text = str(raised.value)
        assert any(
            word in text.lower()
            for word in (
                "expected",
                "no such parameter",
                "is not known",
                "is not a model reply",
                "leave it out",
                "works only",
                "has no schema",
            )
        ), (value, text)
        # What may be an annotation is told by itself.
        assert CALLED.get(name, name) in text or (CALLED.get(name, name), value) == ("schema", b"x"), text
        assert "\n" not in text


@needs("fitting", "streaming", "tools", "tuning")
def test_each_public_function_is_asked_for_each_of_its_arguments():
    """What is added to the public names, or to their arguments, is asked here too."""
    assert {function.__qualname__.partition(".")[0] for function in WRONG} | WITHOUT == set(
        schema_guard.__all__
    )
    for function, (_, arguments) in WRONG.items():
        taken = set(getattr(function, "__match_args__", inspect.signature(function).parameters))
        taken -= {"default", "settings", "unknown"}
        assert arguments.keys() == taken, function


@pytest.mark.parametrize(
    "seconds", [10**400, -(10**400), 10**5000], ids=["large", "negative", "not printable"]
)
def test_a_huge_number_of_seconds_is_an_argument_error(tmp_path, seconds):
    """An int that no float holds is refused by name, and its digits are not written out."""
    message = "timeout_s=an int with more than 300 digits: expected a number of seconds"
    with open_store(f"sqlite:///{tmp_path}/r.db") as store:
        for call in (flush, store.flush, partial(connect, "local")):
            with pytest.raises(InvalidArgument, match=message):
                call(timeout_s=seconds)


@pytest.mark.parametrize("seconds", [1e300, float("inf")])
def test_flush_waits_without_a_limit(tmp_path, seconds):
    """A store with records can be flushed with a limit that is never reached."""
    with open_store(f"sqlite:///{tmp_path}/r.db") as store:
        guard(DOCUMENT, store=store)(ask)("x")

        assert (flush(seconds), store.flush(seconds)) == (0, 0)
