"""What an import says of the part of the traffic that it holds, in evidence, verdicts and watches."""

import json

import pytest

from schema_guard.configuration.recorded_settings import PARTS, Traffic, traffic_of
from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.decide.watch import watch
from schema_guard.errors import InvalidArgument
from schema_guard.records import open_store
from schema_guard.report.as_text import as_text
from schema_guard.report.decision.document import document_of
from schema_guard.report.decision.page import decision_page
from schema_guard.report.watch_document import document_of as watched_document
from tests.decide.records import DAY, record
from tests.public.decide.examples import economics, ladder, strategy

PARTIAL = ("failures", "unknown")


def settings(part, **more):
    return json.dumps({"max_attempts": 1, "observe": True, "imported": "langfuse", "traffic": part, **more})


def imported(store, n, k, part, **more):
    """Record calls as an import does."""
    share = {"sample_share": more.pop("share")} if "share" in more else {}
    record(store, n, k, settings=settings(part, **share), strategies="bare", **more)


@pytest.fixture
def store():
    with open_store("sqlite://") as result:
        yield result


@pytest.mark.parametrize("part", PARTIAL)
def test_imported_failures_prove_nothing_however_good_they_look(store, part):
    """Two thousand valid calls of an unknown part, or of failures, are no reason for anything, and exit 1."""
    imported(store, 2000, 0, part)

    verdict = decide(gather(store).evidence)

    assert (verdict.verdict, verdict.exit_code(), verdict.figures["unrated"]) == (
        "NEED_MORE_DATA",
        1,
        ["bare"],
    )
    assert verdict.figures["rates"]["bare"]["state"] == "unrated"
    assert verdict.figures["next_step"].startswith(
        "schema-guard help store import  # import all calls of a period with --traffic all"
    )
    assert verdict.figures["traffic"]["bare"]["part"] == part


@pytest.mark.parametrize("part", PARTIAL)
def test_imported_failures_condemn_nothing_either(store, part):
    """A thousand failures say nothing about how often calls fail: no fix is asked for."""
    imported(store, 1000, 1000, part)

    assert decide(gather(store).evidence).verdict == "NEED_MORE_DATA"


@pytest.mark.parametrize("part", PARTIAL)
def test_no_cost_makes_imported_failures_a_reason_to_tune(store, part):
    """With economics that would pay, and a volume, they are still no rate."""
    imported(store, 2000, 0, part)
    values = {"economics": economics(), "calls_per_month": 1_000_000.0}

    assert decide({**gather(store).evidence, **values}).verdict == "NEED_MORE_DATA"


@pytest.mark.parametrize("part", ["all", "sampled"])
def test_all_calls_and_a_sample_decide(store, part):
    """What was not chosen by how it ended has a rate; the verdict says whose it is."""
    imported(store, 2000, 0, part)

    verdict = decide(gather(store).evidence)

    assert (verdict.verdict, verdict.exit_code()) == ("PROMPTING_ENOUGH", 0)
    assert Traffic(part, "langfuse").text in verdict.why


def test_recorded_calls_decide_beside_imported_failures(store):
    """The import is left out of every rate, of alpha and of what is best."""
    imported(store, 500, 400, "failures")
    record(store, 2000, 0, first=500, started_at=DAY)
    verdict = decide(gather(store).evidence)

    assert (verdict.verdict, verdict.figures["strategy"]) == ("PROMPTING_ENOUGH", "system_prompt")
    assert verdict.figures["alpha_each"] == 0.05
    assert verdict.figures["rates"]["bare"]["state"] == "unrated"


@pytest.mark.parametrize(
    ("part", "share", "factor"),
    [("all", None, 1), ("sampled", 0.1, 10), ("sampled", None, None), ("failures", None, None), ("unknown", None, None)],
)  # fmt: skip
def test_calls_a_month_are_read_from_what_is_known_to_be_all(store, part, share, factor):
    """A sample of unknown size says nothing about the volume; one of a tenth is ten times as many."""
    imported(store, 1000, 0, part, **({} if share is None else {"share": share}))
    volume = gather(store).evidence.get("calls_per_month")

    assert volume == (None if factor is None else pytest.approx(1000 / (999 * 60) * 30.4375 * DAY * factor))


@pytest.mark.costly
def test_the_head_and_the_page_say_what_part_it_is(store):
    """Text, page and JSON have the same words."""
    imported(store, 2000, 0, "sampled", share=0.05)
    verdict = decide(gather(store).evidence)
    text = "imported from langfuse, a sample of the calls (5%)"

    assert f"traffic      bare: {text}" in as_text(document_of(verdict))
    assert text.replace(" ", " ") in decision_page(verdict)
    assert verdict.as_dict()["traffic"] == {
        "bare": {"part": "sampled", "tool": "langfuse", "share": 0.05, "text": text}
    }


def test_evidence_names_the_part_itself():
    """A file of evidence may say it too, and a strategy of its own decides beside it."""
    part = {"part": "failures", "tool": "mlflow"}
    result = strategy("system_prompt", 900, 900, traffic=part)
    verdict = decide({"strategies": [result], "ladder": ladder()})

    assert verdict.why == (
        "900 calls imported from mlflow, failures only, which do not show the failure rate of your traffic. They show the kinds of failures, but not their rate, so they decide nothing"
    )


def test_evidence_of_an_unknown_part_is_an_error():
    """The parts are four words."""
    with pytest.raises(InvalidArgument, match="/strategies/0/traffic/part"):
        decide({"strategies": [strategy(traffic={"part": "most", "tool": "x"})]})


@pytest.mark.parametrize(("n", "k"), [(2000, 0), (500, 500)])
def test_a_watch_of_imported_failures_is_neither_fine_nor_a_breach(store, n, k):
    """It says UNKNOWN, and why."""
    imported(store, n, k, "failures")
    watched = watch(store, 0.01)

    assert [(one.is_fine, one.breaches, one.change) for one in watched] == [(False, (), None)]
    assert watched_document(watched, 0.01).title.startswith("UNKNOWN: imported from langfuse, failures only")


def test_a_watch_leaves_imported_failures_out_beside_recorded_calls(store):
    """What was imported once does not alarm for ever."""
    imported(store, 500, 500, "failures")
    record(store, 2000, 0, first=500, started_at=DAY)

    assert [(one.configuration, one.is_fine) for one in watch(store, 0.01)] == [("system_prompt", True)]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("{}", None),
        ('{"imported":"x"}', Traffic("unknown", "x")),
        ('{"imported":"x","traffic":"most"}', Traffic("unknown", "x")),
        ('{"imported":"x","traffic":"sampled","sample_share":0.5}', Traffic("sampled", "x", 0.5)),
        ('{"imported":"x","traffic":"sampled","sample_share":7}', Traffic("sampled", "x")),
        ('{"imported":"x","traffic":"all","sample_share":0.5}', Traffic("all", "x")),
        ('{"imported":3}', None),
        ('"imported"', None),
        ('{"imported"', None),
    ],
)
def test_the_part_is_read_from_the_settings(said, found):
    """What does not say a known part is of an unknown one."""
    assert traffic_of(said) == found


def test_there_is_a_word_for_each_part():
    """Beside a rate, and in full."""
    assert (
        len({Traffic(part, "x").short for part in PARTS} | {Traffic(part, "x").text for part in PARTS}) == 8
    )
