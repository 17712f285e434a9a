"""Stories about printed commands, which run from another folder and repeat the targets, the files, and the store."""

import json
import random

import pytest

from schema_guard import open_store, tags
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.printed import commands_in, failures_of, outcomes_of
from tests.public.decide.production import GOOD, REFUSED, SHAPE, Production


def next_command(production, *options):
    text = json.loads(production.run("decide", *options, "--format", "json")[1])["next_step"]
    return commands_in(text)[-1].strip()


@needs("playbook")
def test_without_texts_the_printed_playbook_says_what_to_give(production):
    """No text is stored. The command of `decide` sends nothing, and reports the inputs and the time that it takes."""
    production.calls(2_000, 20)
    command = next_command(production)

    ((status, text),) = outcomes_of([command], production.folder, GOOD).values()

    assert command.startswith("schema-guard bench run --playbook --function shop.extract --first-step ")
    assert status == 1
    assert "NOT MEASURED, because nothing was sent" in text
    assert "stored for 0 of 2,000 calls" in text
    assert "?payload=redacted')" in text
    assert "inputs, at 43," in text


@needs("playbook")
def test_the_head_says_how_many_texts_are_stored_before_it_advises_a_playbook(production):
    """The head counts the stored texts, and has the line that stores them."""
    production.calls(2_000, 20)

    head = " ".join(production.run("decide")[1].split())

    assert (
        "texts stored for 0 calls of this function. To store texts, use guard(..., store='sqlite:///" in head
    )


@needs("loopback")
def test_a_command_repeats_the_targets_the_files_and_the_store(production):
    """The next command has the targets and the files of its reader, with their whole paths."""
    production.calls(2_000, 0)
    file = production.folder / "my costs.json"
    file.write_text("{}")

    watching = next_command(production, "--max-failure-rate", "2%", "--max-p95", "3s", "--with", file)
    again = next_command(production, "--min-right", "95%", "--with", file)

    assert (
        f"--max-failure-rate 2% --max-p95 3s --function shop.extract --store {production.store.url}"
        in watching
    )
    assert "--min-right 95%" in again
    assert f"--with '{file}'" in again
    assert failures_of([watching, again], production.folder) == {}


@needs("playbook", "tuning")
def test_commands_run_among_odd_names_and_noise(tmp_path):
    """A name with a quote, a folder with a space, two segments, random failures of two kinds: each command runs."""
    draw, folder = random.Random(7), tmp_path / "my records"
    folder.mkdir()
    with stopped_clock() as clock, open_store(f"{folder}/it's.db?payload=redacted") as store:
        story = Production(store, clock, tmp_path)
        for _ in range(12):
            with tags(segment=draw.choice(["eu", "us"])):
                name = "shop.extract it's"
                story.calls(draw.randrange(60, 140), draw.randrange(15, 40), SHAPE, REFUSED, name=name)
        for options in (["--full"], ["--format", "json"], ["--segment", "eu"], ["--max-failure-rate", "30%"]):
            story.run("decide", *options)
        story.run("report")

        assert len(story.printed) >= 3
        assert failures_of(story.printed, tmp_path) == {}


@needs("tuning")
@pytest.mark.parametrize("payload", ["off", "redacted"])
def test_a_training_set_of_a_function_needs_no_schema_file(tmp_path, payload):
    """`tune prepare` takes the schema of the function from the store. Without texts it says how to store them."""
    with stopped_clock() as clock, open_store(f"{tmp_path}/r.db?payload={payload}") as store:
        story = Production(store, clock, tmp_path)
        story.calls(150, 10)
        line = f"schema-guard tune prepare --function shop.extract --output set --store {store.url}"

        ((status, text),) = outcomes_of([line], tmp_path, GOOD).values()

    assert status == 1
    assert "shop.extract, schema ticket" in text
    assert ("store texts from now on" in text) == (payload == "off")
