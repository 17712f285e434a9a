"""The time at which a function gets its version."""

from tests.public.calls.functions import GOOD, giving, plain


def test_a_version_is_made_once_and_not_at_decoration(monkeypatch):
    """Reading the source waits for the first call, and is not done again."""
    made = []
    monkeypatch.setattr("schema_guard.preparing.version.version_of", lambda *_: made.append(1) or "v" * 12)

    function = plain(giving(GOOD, GOOD), {})
    assert made == []

    assert {function.outcome("t").call.version for _ in range(2)} == {"v" * 12}
    assert made == [1]
