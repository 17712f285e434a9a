"""Thirty secrets in all that a call touches: under the default policy none is in anything that is kept or shown."""

import logging
import subprocess
import sys
from contextlib import suppress

import pytest

from schema_guard import GuardFailed, guard, open_store, tags
from tests.needs import needs
from tests.public.commands.command_lines import run

SCHEMA = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"type": "string", "maxLength": 12}},
    "required": ["team"],
}
PLACES = ("prompt", "header", "argument", "error", "reply", "environment")


def _canary(place, number):
    """Five credentials for each place, of five kinds, each of which names its place."""
    mark = f"{PLACES.index(place)}{number}"
    return (
        f"sk-proj-canary{mark}abcdefghijklmnop",
        f"ghp_canary{mark}{'a' * 28}",
        f"xoxb-canary{mark}-0123456789",
        f"glpat-canary{mark}abcdefghij",
        f"npm_canary{mark}{'b' * 28}",
    )[number]


CANARIES = {place: [_canary(place, number) for number in range(5)] for place in PLACES}


def _calls(store):
    """Make calls that are valid, are asked again, fail and raise, with canaries in everything."""

    @guard(SCHEMA, store=store, max_attempts=2, name="app.triage")
    def triage(prompt: str, *, api_key: str, headers: dict[str, str], feedback: str | None = None):
        number = int(prompt.partition("Ticket ")[2].split()[0])
        if number == 4:
            raise ConnectionError(f"refused for {api_key} {headers} {CANARIES['error'][number]}")
        text = CANARIES["reply"][number]
        return f'{{"team": "{text}"}}' if number % 2 and feedback is None else f'{{"team": "ok"}} {text}'

    for number in range(5):
        arguments = {
            "api_key": CANARIES["argument"][number],
            "headers": {"Authorization": f"Bearer {CANARIES['header'][number]}"},
        }
        with suppress(GuardFailed, ConnectionError), tags(segment="eu"):
            triage(
                f"Ticket {number} of {CANARIES['prompt'][number]} {CANARIES['error'][number]}", **arguments
            )


def _bytes_of(folder):
    """Read the files while the store is open by a process that has no connection."""
    script = (
        "import pathlib, sys\n"
        "for path in pathlib.Path(sys.argv[1]).rglob('*'):\n"
        "    if path.is_file(): sys.stdout.buffer.write(path.read_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, check=True)
    return done.stdout.decode("latin-1")


@pytest.fixture
def shown(folder, monkeypatch, caplog, capsys):
    """Everything that is kept or shown of such calls, by what it is."""
    for number, canary in enumerate(CANARIES["environment"]):
        monkeypatch.setenv(f"CANARY_{number}", canary)
    with caplog.at_level(logging.DEBUG), open_store("records.db", durability="sync") as store:
        _calls(store)
        store.flush()
        results = {"files": _bytes_of(folder)}
    results["log"] = caplog.text
    for name, command in {
        "report": ["report"],
        "page": ["report", "--format", "html"],
        "report as JSON": ["report", "--format", "json"],
        "verdict": ["decide"],
        "export": ["store", "export", "--output", "out.jsonl"],
        "check": ["store", "check"],
        "doctor": ["doctor"],
    }.items():
        _, out, err = run(capsys, *command, *(["--store", "records.db"] if name != "doctor" else []))
        results[name] = out + err
    results["export"] += (folder / "out.jsonl").read_text(encoding="utf-8")
    return results


@needs("redaction")
def test_no_canary_is_anywhere(shown):
    """Not in the database and its log, logs, pages, exports; the calls themselves are."""
    canaries = [canary for several in CANARIES.values() for canary in several]

    assert len(set(canaries)) == 30
    leaked = {(name, canary) for name, text in shown.items() for canary in canaries if canary in text}
    assert leaked == set()
    assert "app.triage" in shown["files"]
    assert "app.triage" in shown["export"]
