"""Stories of right values: from guarded calls and labels to the report and the verdict."""

import json
import random

import pytest

from schema_guard import About, Content, Second, guard, open_store
from schema_guard.cli.command import main
from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.ext.right.questions import configuration_to_label, draw, save
from schema_guard.report import report_on
from schema_guard.report.as_text import as_text
from schema_guard.report.store_document import document_of

SCHEMA = {
    "title": "order",
    "type": "object",
    "properties": {"item": {"type": "string"}, "total": {"type": "number"}},
    "required": ["item", "total"],
}
FIELDS = len(SCHEMA["properties"])


def number_of(prompt):
    return int(prompt.rsplit(" ", 1)[1])


def truth(number):
    return {"item": "desk", "total": number}


def answer(seed, number, wrong):
    """Return a reply of which each value is wrong with a probability."""
    rng = random.Random(f"{seed} {number}")
    right = truth(number)
    return json.dumps(
        {
            name: right[name] if rng.random() >= wrong else f"x{rng.random()}" if name == "item" else -1
            for name in right
        }
    )


class Story:
    """A guarded function with a second model, and a person who knows the right answers."""

    def __init__(self, path, *, first, second, unit="value", version="1"):
        self.store = open_store(str(path), payload="second_opinion")
        self.second = Second(lambda prompt: second(number_of(prompt)), share=1)
        self.function = guard(
            SCHEMA,
            store=self.store,
            name="shop.extract",
            about=About(version=version),
            content=Content(second_opinion=self.second, right_unit=unit),
        )(lambda prompt: first(number_of(prompt)))
        self.calls = 0

    def record(self, calls):
        for _ in range(calls):
            self.function(f"order of a desk for {self.calls}")
            self.calls += 1
            if self.calls % 500 == 0:
                self.second.flush(60)
        self.store.flush()
        assert self.second.flush(60) == 0
        self.store.flush()

    def label(self, labels):
        configuration = configuration_to_label(self.store, "extract", None)
        for _ in range(labels):
            question = draw(self.store, configuration)
            if question is None:
                return
            save(
                self.store, question.call_id, question.wrong_values_beside(truth(number_of(question.source)))
            )

    def decide(self, right):
        return decide(gather(self.store, extra={"config": {"right": right}}).evidence)

    def lines(self):
        return " ".join(as_text(document_of(report_on(self.store))).split())


@pytest.fixture
def story(tmp_path):
    stories = []

    def begin(**settings):
        stories.append(Story(tmp_path / "records.db", **settings))
        return stories[-1]

    yield begin
    for one in stories:
        one.store.close()


def good(number):
    return answer("first", number, 0.01)


def bad(number):
    return answer("first", number, 0.3)


def other(number):
    return answer("second", number, 0.03)


def test_met(story):
    """Labels prove that enough values are right."""
    told = story(first=good, second=other)
    told.record(900)
    told.label(90)
    verdict = told.decide(0.85)

    met = verdict.figures["rates"]["system_prompt"]["met"]["right"]
    assert verdict.verdict == "PROMPTING_ENOUGH"
    assert (met["n"], met["state"]) == (90, "pass")


def test_missed(story):
    """Labels prove that too many values are wrong, although each reply is valid."""
    told = story(first=bad, second=other)
    told.record(600)
    told.label(60)
    verdict = told.decide(0.95)

    assert verdict.verdict == "TRY_NEXT_FIX"
    assert [(breach["what"], breach["n"]) for breach in verdict.figures["breach"]] == [("right", 60)]


def test_too_few_labels(story):
    """A few labels prove nothing, and the next step is to label more."""
    told = story(first=good, second=other)
    told.record(600)
    told.label(10)
    verdict = told.decide(0.95)

    assert (verdict.verdict, verdict.figures["missing"]) == ("NEED_MORE_DATA", ["right"])
    assert "10 labels do not prove yet whether 95% of its values are right" in verdict.why
    assert verdict.figures["next_step"].startswith("schema-guard label --function shop.extract")


def test_no_labels(story):
    """Without labels there is no bound. Agreement has its own name."""
    told = story(first=good, second=other)
    told.record(400)
    verdict = told.decide(0.95)

    assert (verdict.verdict, verdict.figures["missing"]) == ("NEED_MORE_DATA", ["right"])
    assert "agreement: the second model agreed on " in told.lines()
    assert " right: " not in told.lines()


@pytest.mark.parametrize(
    "useless", [lambda number: "no JSON", lambda number: json.dumps({"item": "", "total": -5})]
)
def test_a_useless_second_model(story, useless):
    """A second model that is always wrong makes the bounds no narrower, and they stay true."""
    told = story(first=good, second=useless)
    told.record(900)
    told.label(90)
    figures = told.decide(0.8).figures["rates"]["system_prompt"]["right"]

    assert figures["lower"] <= 0.01 <= figures["upper"]
    assert told.decide(0.8).verdict == "PROMPTING_ENOUGH"


def test_a_change_of_the_prompt_has_no_labels(story, tmp_path):
    """Labels are about one configuration. A new version starts without any."""
    old = story(first=good, second=other)
    old.record(600)
    old.label(60)
    new = story(first=bad, second=other, version="2")
    new.record(300)
    verdict = new.decide(0.85)

    assert (verdict.verdict, verdict.figures["missing"]) == ("NEED_MORE_DATA", ["right"])


def test_calls_as_the_unit(story):
    """With `right_unit="call"`, a call with any wrong value is wrong."""
    told = story(first=lambda number: answer("first", number, 0.2), second=other, unit="call")
    told.record(600)
    told.label(60)
    figures = told.decide(0.9).figures["rates"]["system_prompt"]["right"]

    assert figures["unit"] == "call"
    assert figures["k"] == int(figures["k"])
    assert figures["lower"] <= 1 - 0.8**FIELDS <= figures["upper"]
    assert "of the calls have no wrong value" in told.lines()


def test_right_of_all_calls_is_the_product(story):
    """A failed call has no right value."""
    told = story(first=lambda number: "no JSON" if number % 2 else good(number), second=other)
    told.function.guard
    calls = 0
    for number in range(600):
        told.calls = number
        try:
            told.function(f"order of a desk for {number}")
        except Exception:  # noqa: BLE001
            calls += 1
    told.store.flush()
    told.second.flush(60)
    told.store.flush()
    told.label(30)
    right = told.decide(0.9).figures["rates"]["system_prompt"]["right"]

    assert calls == 300
    assert right["all_calls"]["upper"] <= 0.6 * (1 - right["lower"])
    assert right["all_calls"]["lower"] < right["all_calls"]["upper"]


def test_reports_right_values_with_their_labels(story):
    """The report has the bound, the labels, and the second opinions."""
    told = story(first=good, second=other)
    told.record(300)
    told.label(30)

    assert (
        "of the values are right, among valid replies (95% confidence; 30 labels, 0 skipped, 300 second opinions)"
        in told.lines()
    )


def test_evidence_in_a_file():
    """Bounds from labels can be in a file. An alpha that is too large proves nothing."""
    strategy = {"id": "system_prompt", "rung": "system_prompt", "n": 1000, "k_final": 0}

    def state(**bound):
        right = {
            "lower": 0,
            "upper": 0.03,
            "alpha": 0.02,
            "unit": "value",
            "lam": 0.6,
            "blocks": 200,
            **bound,
        }
        evidence = {"strategies": [{**strategy, "right": right}], "config": {"right": 0.95}}
        return decide(evidence).figures["rates"]["system_prompt"]["met"]["right"]["state"]

    assert state() == "pass"
    assert state(lower=0.06, upper=0.2) == "fail"
    assert state(alpha=0.05) == "inconclusive"


def test_watch_reports_too_many_wrong_values(story, capsys):
    """`watch --min-right` is a breach if labels prove that too many values are wrong."""
    told = story(first=bad, second=other)
    told.record(600)
    told.label(60)

    def status(right):
        url = str(told.store.url)
        return main(["watch", "--max-failure-rate", "1%", "--min-right", right, "--store", url])

    assert status("95%") == 1
    assert "values were wrong" in capsys.readouterr().out
    assert status("40%") == 0
