"""A router that is called inside a guarded function."""

from schema_guard import guard
from tests.public.calls.providers.reading import MemoryStore
from tests.public.calls.routing.routers import Branches


def test_parents_inside_a_guarded_call():
    """The tuned call belongs to the call around it, and the one that replaces it to the tuned call."""
    store = MemoryStore()
    router = Branches(fails=lambda branch, task: branch == "tuned", store=store).router()

    @guard(True, store=store, name="outer")
    def outer(prompt):
        router("t")
        return "1"

    outer("t")

    first, second, around = (outcome.call for outcome in store.outcomes)
    assert (first.parent_call_id, second.parent_call_id, around.parent_call_id) == (around.id, first.id, None)
