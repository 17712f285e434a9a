"""The command `decide`, by its arguments, its output and its exit status."""

import json

import pytest

from schema_guard import open_store
from tests.public.commands.command_lines import run
from tests.public.decide.examples import exhausted, failing, passing


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, and a store in it that is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEMA_GUARD_STORE", f"sqlite:///{tmp_path}/records.db")
    return tmp_path


def decided(capsys, *arguments):
    """The verdict's JSON."""
    status, out, err = run(capsys, "decide", *arguments, "--format", "json")
    assert status in {0, 1}, err
    return json.loads(out)


def write(folder, name, document):
    """Write a JSON file."""
    (folder / name).write_text(json.dumps(document))
    return folder / name


def test_a_file_of_evidence_is_decided_on(folder, capsys):
    """Evidence from a file gives the verdict of the library."""
    assert decided(capsys, "--evidence", write(folder, "e.json", passing()))["verdict"] == "PROMPTING_ENOUGH"


@pytest.mark.parametrize(("evidence", "status"), [(passing, 0), (failing, 1)])
def test_the_exit_status_is_the_verdicts(folder, capsys, evidence, status):
    """0 for a good verdict, 1 for one against."""
    assert run(capsys, "decide", "--evidence", write(folder, "e.json", evidence()))[0] == status


@pytest.mark.parametrize(("flags", "status"), [([], 0), (["--require-proof"], 1)])
def test_too_few_data_is_against_only_where_proof_is_asked_for(folder, capsys, flags, status):
    """NEED_MORE_DATA is no failure, unless --require-proof says so."""
    evidence = passing()
    evidence["strategies"][0] |= {"n": 50, "k_final": 0}

    assert run(capsys, "decide", "--evidence", write(folder, "e.json", evidence), *flags)[0] == status


def test_bad_evidence_is_one_error(folder, capsys):
    """Evidence that contradicts itself is exit 2, one line on stderr, nothing on stdout."""
    evidence = passing()
    evidence["strategies"][0]["k_final"] = 2000

    status, out, err = run(capsys, "decide", "--evidence", write(folder, "e.json", evidence))

    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "/strategies/0/k_final" in err


def test_the_store_is_decided_on(recorded, capsys):
    """Without a file the recorded calls are the evidence."""
    result = decided(capsys)

    assert (result["verdict"], result["rates"]["system_prompt"]["k"]) == ("USE_CONSTRAINED_DECODING", 40)


def test_an_empty_store_says_what_is_missing(folder, capsys):
    """Without calls: exit 2, and how many calls could decide."""
    open_store(f"sqlite:///{folder}/records.db").close()
    status, _, err = run(capsys, "decide")

    assert status == 2
    assert "377" in err


def test_a_target_is_kept(recorded, capsys):
    """A target that is given once holds from then on."""
    decided(capsys, "--max-failure-rate", "30%")

    assert decided(capsys)["config"]["target"] == 0.3


def test_a_declined_step_is_kept_with_its_reason(recorded, capsys):
    """A fix that was declined is not asked for again, and its reason is told."""
    decided(capsys, "--decline", "strict_schema=the gateway strips it")

    result = decided(capsys)

    assert result["next_rung"] != "strict_schema"
    assert "the gateway strips it" in result["ladder_line"]


@pytest.mark.parametrize(
    ("claim", "told"), [("few_shots=no", "Did you mean 'few_shot'"), ("few_shot", "expected STEP=REASON")]
)
def test_a_claim_needs_a_known_step_and_a_reason(recorded, capsys, claim, told):
    """A step that does not exist, or no reason, is wrong usage."""
    status, _, err = run(capsys, "decide", "--decline", claim)

    assert status == 2
    assert told in err


def test_what_if_changes_the_verdict_and_not_the_store(recorded, capsys):
    """A hypothetical target decides once."""
    assert decided(capsys, "--what-if", "target=0.5")["verdict"] == "PROMPTING_ENOUGH"
    assert decided(capsys)["verdict"] == "USE_CONSTRAINED_DECODING"


def test_what_if_is_told(recorded, capsys):
    """A hypothetical verdict says what was supposed."""
    assert "what if target=0.5" in decided(capsys, "--what-if", "target=0.5")["notes"]


def test_costs_come_from_a_file(recorded, folder, capsys):
    """What the store cannot know is read from a file."""
    values = {key: exhausted()[key] for key in ("economics", "feasibility", "calls_per_month")}

    assert "economics" in decided(capsys, "--with", write(folder, "costs.json", values))


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_every_form_says_the_verdict(folder, capsys, form):
    """The verdict stands in each rendering."""
    _, out, _ = run(capsys, "decide", "--evidence", write(folder, "e.json", exhausted()), "--format", form)

    assert "FINE_TUNE_JUSTIFIED" in out


@pytest.mark.costly
def test_a_page_goes_to_a_file(folder, capsys):
    """With --output stdout has one line, and the file the page."""
    evidence = write(folder, "e.json", passing())

    _, out, _ = run(
        capsys, "decide", "--evidence", evidence, "--format", "html", "--output", folder / "d.html"
    )

    assert out.startswith("PROMPTING_ENOUGH: ")
    assert (folder / "d.html").read_text().lstrip().lower().startswith("<!doctype html>")


def test_evidence_and_store_are_not_mixed(folder, capsys):
    """A file stands alone."""
    status, _, err = run(
        capsys, "decide", "--evidence", write(folder, "e.json", passing()), "--schema", "Invoice"
    )

    assert status == 2
    assert "--schema has no effect with --evidence" in err


def test_prices_and_versions_must_be_there(recorded, capsys):
    """A table that cannot be read, sizes of one model and a version that is not recorded are wrong usage."""
    for value in (("--prices", "none.json"), ("--sizes", "small"), ("--also-version", "none")):
        status, _, err = run(capsys, "decide", *value)

        assert status == 2
        assert value[1] in err


def test_latest_target_applies_after_a_return_to_an_earlier_one(recorded, capsys):
    """The latest target applies, even if an earlier target was the same."""
    for target in ("30%", "10%", "30%"):
        decided(capsys, "--max-failure-rate", target)

    result = decided(capsys)

    assert result["config"]["target"] == 0.3
    raised = [note for note in result["notes"] if "the target was raised" in note]
    assert [note.partition(" on ")[0] for note in raised] == ["the target was raised from 10% to 30%"]
