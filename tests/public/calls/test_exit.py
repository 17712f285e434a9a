"""What is still open when the interpreter ends."""

import sqlite3
import subprocess
import sys

from tests.needs import needs

SCRIPT = """
import asyncio, sys, types
from schema_guard import guard

def pieces(prompt: str):
    yield '{"a": '
    yield '1, "b": "'
    yield '"}'

async def apieces(prompt: str):
    for piece in pieces(prompt):
        yield piece

class Circle:
    pass

store = sys.argv[1]
whole = guard({"type": "object"}, store=store)(pieces)
awaited = guard({"type": "object"}, store=store)(apieces)
observed = guard({"type": "object"}, store=store, observe=True)(pieces)
whole("before")

plain = whole.stream("x")
next(plain)
watched = observed("x")
next(watched)
circle = Circle()
circle.itself, circle.stream = circle, whole.stream("x")
next(circle.stream)
waiting = awaited.stream("x")
loop = asyncio.new_event_loop()
loop.run_until_complete(anext(waiting))
loop.close()

@types.coroutine
def forever():
    yield

async def hangs(prompt):
    await forever()

begun = guard({"type": "object"}, store=store)(hangs)("x")
begun.send(None)
also = guard({"type": "object"}, store=store)(hangs).outcome("x")
also.send(None)
"""


@needs("streaming")
def test_calls_that_are_open_when_python_ends_end_in_silence(tmp_path):
    """Nothing is printed for them, and the calls before them are stored; their own rows cannot be written any more."""
    path = tmp_path / "records.db"

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=True
    )

    assert done.stderr == ""
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (1,)
    connection.close()


RAISING = """
from schema_guard import guard

@guard({"type": "object"}, store=None)
def ask(prompt: str):
    raise KeyError("mine")

class Last:
    def __del__(self, ask=ask):
        try:
            ask("x")
        except Exception as error:
            print(repr(error))

last = Last()
"""


def test_what_a_function_raises_when_python_ends_goes_on_as_itself():
    """Nothing can be imported any more for what would record it."""
    done = subprocess.run([sys.executable, "-c", RAISING], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("KeyError('mine')\n", "")
