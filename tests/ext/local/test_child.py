"""A script in a process of its own: told what to do in a line, killed whatever it is doing."""

import signal

import pytest

from schema_guard.ext.local.child import ChildProcess

READS = "import json, os, sys; told = json.loads(sys.stdin.readline()); "


@pytest.fixture
def started(tmp_path):
    """Start a script with what it does once it was told what to do."""
    children = []

    def start(then, **told):
        script = tmp_path / "script.py"
        script.write_text(READS + then)
        children.append(ChildProcess(script, told, environment={"SAID": "so"}))
        return children[-1]

    yield start
    for child in children:
        child.kill()


def test_it_is_told_what_to_do_and_tells_what_happens(started):
    """Settings and variables reach it, and its lines come back."""
    child = started("print(told['word'], os.environ['SAID'])", word="go")

    assert list(child.lines) == [b"go so\n"]
    assert child.status(wait_s=None) == 0


def test_it_is_killed_whatever_it_is_doing(started):
    """It runs for as long as nobody ends it, and not a moment longer; twice is once."""
    child = started("print('here', flush=True); sys.stdin.read()")
    assert (child.lines.readline(), child.status()) == (b"here\n", None)

    child.kill()
    child.kill()

    assert child.status() == -signal.SIGKILL


def test_what_it_complains_of_is_kept(started, capfd):
    """Its words stay off the terminal."""
    child = started("sys.exit('no such thing')")

    assert (child.status(wait_s=None), child.words()) == (1, "no such thing")
    assert capfd.readouterr() == ("", "")
