"""The earlier names of `tests/renames.json`: none works, and the error of `guard` names the new place."""

import inspect
import json
from pathlib import Path

import pytest

import schema_guard
from schema_guard import About, InvalidArgument, Limits, Params, guard

RENAMES = json.loads(Path(__file__).parents[2].joinpath("renames.json").read_text(encoding="utf-8"))
GROUPS = {"limits": Limits, "params": Params, "about": About}


@pytest.mark.parametrize(("old", "new"), RENAMES["guard"].items())
def test_guard_refuses_an_earlier_name_and_names_the_new_place(old, new):
    """`guard` has no parameter of the earlier name. The error names the new one."""
    with pytest.raises(InvalidArgument) as caught:
        guard({}, **{old: "x"})

    assert str(caught.value) == f"guard: {old} moved to {new}"
    assert old not in inspect.signature(guard).parameters


@pytest.mark.parametrize("new", RENAMES["guard"].values())
def test_new_place_of_an_argument_exists(new):
    """The new place is a parameter of `guard`, with an existing member if it names one."""
    name, _, rest = new.partition("=")
    member = rest.partition("(")[2].partition("=")[0]

    assert name in inspect.signature(guard).parameters
    assert member in ("", "...)") or member in GROUPS[name].__match_args__


def test_guard_has_twenty_parameters():
    """`guard` has 20 parameters, and refuses all others."""
    parameters = list(inspect.signature(guard).parameters)

    assert parameters == [
        "schema", "strategy", "max_attempts", "examples", "checks", "repair", "coerce", "observe", "ignore", "on_failure",
        "default", "name", "provider", "models", "early_stop", "store", "limits", "params", "about", "content", "unknown",
    ]  # fmt: skip


def test_earlier_public_names_are_gone():
    """`schema_guard` has no public object with an earlier name."""
    assert [name for name in RENAMES["schema_guard"] if hasattr(schema_guard, name)] == []


def test_guarded_functions_have_no_earlier_attributes():
    """A guarded function has only the documented public attributes."""
    guarded = guard({}, store=None)(lambda prompt: "{}")
    public = {name for name in dir(guarded) if not name.startswith("_")}

    assert public == {"guard", "outcome", "schema", "stream"}
    assert not public & RENAMES["schema_guard.Guarded"].keys()
