"""Stores with known calls for exports."""

from schema_guard import About, guard, open_store

TICKET = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"enum": ["billing", "shipping"]}, "mail": {"type": "string"}},
    "required": ["team"],
}


def looks(value):
    """Is a check that every value passes."""


def recorded(path, replies, *, payload="full", tasks=None, **settings):
    """Record a call for each list of replies, and give the store; every call is asked "Ticket N ..."."""
    store = open_store(str(path), payload=payload)
    left = {}

    def triage(prompt: str):
        return left["replies"].pop(0)

    named = {
        "name": "app.triage",
        "about": About(version="v1"),
        "on_failure": "return",
        "max_attempts": 3,
        "checks": [looks],
    }
    guarded = guard(TICKET, store=store, **{**named, **settings})(triage)
    for number, text in enumerate(replies):
        left["replies"] = list(text)
        guarded.outcome(tasks[number] if tasks else f"Ticket {number} {WORDS[number % len(WORDS)]}")
    store.flush()
    return store


# No two are alike.
WORDS = (
    "the parcel never came to Oslo",
    "my card was charged twice",
    "wrong size of both shoes",
    "invoice without a tax number",
    "please send it to Lyon instead",
    "who do I ask about a refund",
    "glass broken in the box",
    "the voucher does not apply",
)
