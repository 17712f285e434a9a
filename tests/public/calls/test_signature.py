"""The parameters of `guard`, and the attributes of a guarded function."""

import inspect

import pytest

from schema_guard import About, InvalidArgument, Params, guard


@pytest.mark.parametrize(
    ("name", "group"), [(name, group) for group in (About, Params) for name in group.__match_args__]
)
def test_guard_names_the_group_of_a_member(name, group):
    """A member of `about` or `params` is no parameter of `guard`. The error names its place."""
    with pytest.raises(InvalidArgument) as caught:
        guard({}, **{name: "x"})

    assert (
        str(caught.value) == f"guard: {name} belongs in {group.__name__.lower()}={group.__name__}({name}=...)"
    )
    assert name not in inspect.signature(guard).parameters


def test_guard_has_twenty_parameters():
    """`guard` has 20 parameters, and refuses all others."""
    parameters = list(inspect.signature(guard).parameters)

    assert parameters == [
        "schema", "strategy", "max_attempts", "examples", "checks", "repair", "coerce", "observe", "ignore", "on_failure",
        "default", "name", "provider", "models", "early_stop", "store", "limits", "params", "about", "content", "unknown",
    ]  # fmt: skip


def test_guarded_functions_have_four_public_attributes():
    """A guarded function has only the documented public attributes."""
    guarded = guard({}, store=None)(lambda prompt: "{}")

    assert {name for name in dir(guarded) if not name.startswith("_")} == {
        "guard",
        "outcome",
        "schema",
        "stream",
    }
