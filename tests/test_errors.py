"""Facts about the library's errors, and about the helpers that write their messages."""

import copy
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema_guard.errors import (
    CallFailed,
    GuardFailed,
    InvalidArgument,
    InvalidSchema,
    MissingExtra,
    SchemaGuardError,
    StoreError,
    missing_extra,
)
from schema_guard.text import clip, did_you_mean, safe
from schema_guard.values import Call, Outcome, Usage

CALL = Call("0" * 32, "f", "s", "0" * 16, None, None, "bare", "{}", "1", None, None, None, 0.0)
OUTCOME = Outcome(False, None, (), None, Usage(), None, 0.0, CALL)
ERRORS = [
    SchemaGuardError("m"),
    InvalidArgument("m"),
    InvalidSchema("m", code="remote_ref", location="/a~1b"),
    InvalidSchema("m"),
    GuardFailed("m", outcome=OUTCOME),
    CallFailed("m", outcome=OUTCOME),
    StoreError("m"),
    MissingExtra("m"),
]


def named(error):
    return type(error).__name__


@pytest.mark.parametrize("error", ERRORS, ids=named)
def test_every_error_is_one_of_ours(error):
    """Whoever catches SchemaGuardError catches everything that the library raises by itself."""
    assert isinstance(error, SchemaGuardError)


@pytest.mark.parametrize(
    ("kind", "base"),
    [(InvalidArgument, ValueError), (InvalidSchema, ValueError), (MissingExtra, ImportError)],
)
def test_errors_are_what_python_would_raise(kind, base):
    """A bad argument is a ValueError, a missing package an ImportError."""
    assert issubclass(kind, base)


@pytest.mark.parametrize("error", ERRORS, ids=named)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_pickle_by_value(error, protocol):
    """An error comes back from a pickle with its message and all that it carries."""
    again = pickle.loads(pickle.dumps(error, protocol))  # it was made here

    assert (type(again), str(again), again.args, vars(again)) == (type(error), "m", error.args, vars(error))


@pytest.mark.parametrize("error", ERRORS, ids=named)
def test_errors_can_be_copied(error):
    """A copy of an error, as some frameworks make it, is an equal one."""
    for again in (copy.copy(error), copy.deepcopy(error)):
        assert (type(again), str(again), vars(again)) == (type(error), "m", vars(error))


@pytest.mark.parametrize("error", ERRORS, ids=named)
def test_notes_of_an_error_survive(error):
    """What was noted on an error, such as where a schema was loaded, is still there after a pickle."""
    noted = copy.copy(error)
    noted.add_note("in guard(schema)")

    again = pickle.loads(pickle.dumps(noted))  # it was made here

    assert again.__notes__ == ["in guard(schema)"]


def test_a_schemas_error_says_what_and_where():
    """Without a code a schema is invalid, and without a location it is so at its root."""
    error = InvalidSchema("m")

    assert (error.code, error.location) == ("invalid", "")


def test_a_missing_extra_names_the_command():
    """The error for a package that is not there says what needs it and how to get it."""
    error = missing_extra("model 'local'", "xllamacpp", "local")

    assert str(error) == "model 'local' needs xllamacpp. Run pip install 'schema-guard[local]'"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("strict_schem", ". Did you mean 'strict_schema'?"),
        ("Bare", ". Did you mean 'bare'?"),
        ("bare", ". Did you mean 'bare'?"),
        ("zzz", ""),
        ("", ""),
        (None, ""),
        (3, ""),
    ],
)
def test_a_near_name_is_proposed(name, hint):
    """The nearest known name is proposed, and none when none is near."""
    assert did_you_mean(name, ["bare", "strict_schema"]) == hint


def test_nothing_is_proposed_where_nothing_is_known():
    """Without known names there is no hint, and any iterable of names will do."""
    assert did_you_mean("bare", []) == ""
    assert did_you_mean("bar", iter({"bare": 1})) == ". Did you mean 'bare'?"


@given(st.text(), st.integers(1, 20))
def test_a_text_is_cut_to_size(text, size):
    """A cut text has the size, ends with an ellipsis and begins as it was; a short one stays."""
    cut = clip(text, size)

    assert len(cut) <= size
    assert cut == text if len(text) <= size else cut == text[: size - 1] + "…"


def test_a_text_is_cut_to_eighty_characters():
    """Without a size a text is cut to 80 characters."""
    assert [len(clip("x" * size)) for size in (79, 80, 81)] == [79, 80, 80]


@given(st.text(st.characters()))
@example("\x1b[2J")
@example("\x9b31m")
@example("\u202eevil\u2066")
@example("\ud800")
@example("\r\n\t\0")
@example("\u2028\u2029\u00a0\u200b")
def test_a_strangers_text_is_safe_on_a_terminal(text):
    """Every text becomes one line of printing characters that any terminal can be sent."""
    shown = safe(text)

    assert shown.isprintable()
    assert shown.encode("utf-8", "strict") is not None
    assert not text.isprintable() or shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve 日本 🧪", "naïve 日本 🧪"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\\n'", r"a\nb\n'"),
        ("\u202e", r"\u202e"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
    ids=ascii,
)
def test_what_does_not_print_is_escaped(text, shown):
    """What prints stays as it is, and what does not is written as Python writes it."""
    assert safe(text) == shown
