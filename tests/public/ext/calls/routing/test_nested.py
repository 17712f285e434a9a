"""A router inside a guarded function."""

from schema_guard import guard
from tests.public.calls.providers.reading import MemoryStore
from tests.public.ext.calls.routing.routers import Branches


def test_parents_of_routed_calls():
    """The outer call is the parent of the tuned call, which is the parent of its replacement."""
    store = MemoryStore()
    router = Branches(fails=lambda branch, task: branch == "tuned", store=store).router()

    @guard(True, store=store, name="outer")
    def outer(prompt):
        router("t")
        return "1"

    outer("t")

    tuned, replacement, outer_call = (outcome.call for outcome in store.outcomes)
    assert (tuned.parent_call_id, replacement.parent_call_id) == (outer_call.id, tuned.id)
    assert outer_call.parent_call_id is None
