"""A call that ends while another call stores its names."""

from threading import Thread

from schema_guard import tags
from schema_guard.preparing import name_limits
from tests.needs import needs
from tests.public.calls.test_name_limits import asking, counted


@needs("streaming")
def test_a_call_that_ends_while_names_are_kept_waits_for_nobody(store, monkeypatch):
    """The garbage collector may end a stream anywhere, also where the names of another call of its thread are kept."""
    ask, other = asking(store), asking(store)

    class Ending(dict):
        def setdefault(self, key, default):
            if left:
                left.pop().close()
            return super().setdefault(key, default)

    monkeypatch.setattr(name_limits, "_known", Ending())
    with tags(segment="s"):
        left = [other.stream("m")]
        next(left[0])
    thread = Thread(target=lambda: ask.outcome("m"), daemon=True)
    thread.start()
    thread.join(10.0)
    store.flush()

    assert not thread.is_alive()
    assert counted(store, "segment") == {"s": 1, None: 1}
