"""The page of `schema-guard report`: the finding in the headline, one scale, and a card for each function."""

import json
import re
from html import unescape

import pytest

from schema_guard import open_store
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.decide.examples import strategy
from tests.public.decide.production import DAY, ENUM, SHAPE, TICKET, Production, reply

pytest.importorskip("jinja2", reason="needs the extra 'report'")

HOSTILE = '{"team": "<script>alert(1)</script>"}'


def shop(production):
    """Five weeks of four functions: one gets worse, one misses 1%, one meets it, one has few calls."""
    for day in range(35):
        start = production.now
        bad = (4, ENUM) if day >= 30 else (0,)
        version = "v2" if day >= 30 else "v1"
        production.calls(30, *bad, name="crm.enrich", version=version, after_s=60.0)
        production.calls(30, 10, SHAPE, name="shop.extract", after_s=60.0)
        production.calls(30, 0, name="shop.triage", after_s=60.0)
        production.calls(1, 0, name="desk.rare", after_s=60.0)
        production.clock.now = start + DAY


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page before and after the store has targets."""
    folder = tmp_path_factory.mktemp("pages")
    url = f"sqlite:///{folder}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        shop(Production(store, clock, folder))
        store.flush(60.0)
        before = command("report", "--format", "html", "--store", url)[1]
        for name in ("crm.enrich", "shop.extract", "shop.triage", "desk.rare"):
            command("decide", "--function", name, "--max-failure-rate", "1%", "--store", url)
        return before, command("report", "--format", "html", "--store", url)[1]


def headline(page):
    return unescape(re.search(r"<h1 class=\"(\w+)\">(.*?)</h1>", page)[2])


def cards(page):
    """Return the source of each card by its title."""
    found = re.findall(r'<article class="card.*?</article>', page, re.DOTALL)
    return {re.search(r"<h2><a [^>]*>(.*?)</a>", card)[1]: card for card in found}


def test_headline_has_the_finding_and_the_target(pages):
    """The headline counts the functions that miss the target, and names the one that got worse."""
    assert re.fullmatch(
        r"2 of 4 functions miss the 1% target; enrich got worse (on|between) .*", headline(pages[1])
    )


def test_legend_tells_bounds_of_cards_from_those_of_tables(pages):
    """The cards have the bounds of the verdict, which are wider than those of the table."""
    assert (
        "In the cards, all bounds together are correct with this confidence, so they are wider"
        in unescape(pages[1])
    )


def test_headline_without_a_target_has_the_finding(pages):
    """Without a stored target nothing misses one. The worst function and the rise are named."""
    assert re.fullmatch(
        r"2 of 4 functions have failed calls. The worst is crm.enrich: .* of calls .*; enrich got worse .*",
        headline(pages[0]),
    )
    assert "target" not in headline(pages[0])


def test_every_function_has_a_card(pages):
    """A card has the status, the failing place, the change, and the next command."""
    found = cards(pages[1])

    assert list(found)[:2] == ["crm.enrich", "shop.extract"]
    assert "misses the 1% target, got worse" in found["crm.enrich"]
    assert "/team (enum)" in found["crm.enrich"]
    assert "after the rise, " in found["crm.enrich"]
    assert "What changed at that time: version v2" in found["crm.enrich"]
    assert "meets the 1% target" in found["shop.triage"]
    assert "needs more data for the 1% target" in found["desk.rare"]
    commands = [re.findall(r"<pre class=\"command\".*?><code>(.*?)</code>", card) for card in found.values()]
    assert all(len(one) == 1 and one[0].startswith("schema-guard ") for one in commands)


def test_next_command_is_that_of_decide(pages):
    """A card repeats the next step of the verdict, so that page and verdict cannot contradict each other."""
    assert "schema-guard watch --max-failure-rate 1% --function shop.triage" in cards(pages[1])["shop.triage"]


def test_all_charts_have_one_scale(pages):
    """The charts of all functions have the same marks of rates and of days."""
    ticks = {
        tuple(re.findall(r"<text [^>]*>(\d+%|[A-Z][a-z]{2} \d+)</text>", card))
        for card in cards(pages[1]).values()
    }

    assert len(ticks) == 1
    assert len(*ticks) > 2


def test_days_with_few_calls_are_weeks(pages):
    """Each function has 30 calls a day, so a point is a week, and its tooltip has the calls and bounds."""
    assert all("Each point is a week" in card for card in cards(pages[1]).values())
    assert re.search(r"<title>the week from \d{4}-\d\d-\d\d: 0[.0]*% of 210 calls failed \[", pages[1])


def test_days_with_many_calls_are_days(folder):
    """With 100 calls a day, a point is a day."""
    url = f"sqlite:///{folder}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        Production(store, clock, folder).calls(2_100, 50, SHAPE, after_s=DAY / 100)
        store.flush(60.0)
        page = command("report", "--format", "html", "--store", url)[1]

    assert "Each point is a day" in page


def test_nothing_is_run_or_loaded(pages):
    """The page has no script and no address but the anchors of its own parts."""
    links = re.findall(r'(?:href|src)="(.*?)"', pages[1])
    ids = set(re.findall(r' id="(.*?)"', pages[1]))

    assert "<script" not in pages[1]
    assert links
    assert all(link[0] == "#" and link[1:] in ids for link in links)


@pytest.mark.parametrize(("payload", "has_example"), [("full", True), ("off", False)])
def test_stored_reply_is_an_example(folder, payload, has_example):
    """A card has one failed reply, folded and escaped, only if the store keeps texts."""
    url = f"sqlite:///{folder}/r.db"
    with stopped_clock() as clock, open_store(url, payload=payload) as store:
        Production(store, clock, folder).calls(40, 4, HOSTILE)
        store.flush(60.0)
        page = command("report", "--format", "html", "--store", url)[1]

    assert ("&lt;script&gt;alert(1)&lt;/script&gt;" in page) == has_example
    assert len(re.findall(r"<details>\s*<summary>Example of ", page)) == has_example
    assert "<script" not in page


@needs("traces", "transfer")
def test_imported_failures_have_no_headline_rate(folder):
    """Calls that are not a fair sample have no rate, in the headline as in the card."""
    url = f"sqlite:///{folder}/r.db"
    rows = [{"id": n, "reply": "{}", "started_at": f"2026-11-02T10:0{n}:00Z"} for n in range(5)]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "s.json").write_text(json.dumps({"title": "t", "type": "object", "required": ["a"]}))
    status, _, err = command(
        "store", "import", "--from", "auto", f"{folder}/log.jsonl", "--schema", f"{folder}/s.json", "--traffic", "failures",
        "--store", url,
    )  # fmt: skip
    assert status == 0, err
    page = command("report", "--format", "html", "--store", url)[1]

    assert headline(page) == "The calls are not a fair sample of the traffic, so they have no failure rate"
    assert "5 of 5 calls failed, which is not the failure rate of your traffic" in page


def test_tokens_and_time_are_on_the_card(folder):
    """A card has the mean tokens of an attempt and the time that half of them take at most."""
    url = f"sqlite:///{folder}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        Production(store, clock, folder).calls(20, 0, good=reply('{"team": "a"}', tokens=(900, 60)))
        store.flush(60.0)
        page = command("report", "--format", "html", "--store", url)[1]

    assert (
        "On average, an attempt uses 900 input tokens and 60 output tokens. Half of the attempts take at most 0.50 s"
        in page
    )


@pytest.fixture
def production(folder):
    with stopped_clock() as clock, open_store(f"sqlite:///{folder}/r.db", payload="off") as store:
        yield Production(store, clock, folder)


def aimed_headline(production, *names):
    for name in names:
        command("decide", "--function", name, "--max-failure-rate", "5%", "--store", production.store.url)
    return headline(command("report", "--format", "html", "--store", production.store.url)[1])


def test_calls_of_unknown_cause_are_in_the_headline(production):
    """A function that raises unknown exceptions does not meet its target, and both headlines say so."""
    for name, raised in (("shop.extract", 100), ("shop.triage", 0)):
        production.calls(400, 0, name=name)
        production.calls(raised, 0, name=name, raises=KeyError("team"))

    assert aimed_headline(production, "shop.extract", "shop.triage") == (
        "1 of 2 functions meets the 5% target; the others need more data; "
        "extract: 100 of 500 calls raised KeyError (cause unknown)"
    )
    assert production.run("report")[1].startswith(
        "No call of 2 functions failed since 2026-05-28; shop.extract: 100 of 500 calls raised KeyError\n"
    )


def test_rate_is_that_of_the_strategy_that_misses(production):
    """A missed target has the rate of the model that misses it, even if that is not the main one."""
    for _ in range(20):
        production.calls(100, 0)
        production.calls(10, 2, SHAPE, model="m2")

    assert aimed_headline(production, "shop.extract") == (
        "extract misses the 5% target: 50% of 200 calls with system_prompt m2 failed"
    )


def test_rate_of_one_of_several_models_names_it(production):
    """After a switch, the rate is of the present model, and the headline names that model."""
    production.calls(400, 4, SHAPE, model="m2")
    production.calls(600, 0)

    assert aimed_headline(production, "shop.extract") == (
        "extract meets the 5% target: 0% of 600 calls with system_prompt m1 failed"
    )


def test_rounding_does_not_reach_the_target(folder):
    """A share just below its target is not written as the target."""
    evidence = {"strategies": [strategy("few_shot", 2_000, 199)], "config": {"target": 0.1}}
    (folder / "e.json").write_text(json.dumps(evidence))

    assert "9.95% of calls failed (199 of 2,000" in command("decide", "--evidence", f"{folder}/e.json")[1]


@pytest.fixture(scope="module")
def newly_failing(tmp_path_factory):
    """The first lines about ten days of one function that fails more often, and at another place, on the last day."""
    folder = tmp_path_factory.mktemp("newly_failing")
    url = f"sqlite:///{folder}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        production = Production(store, clock, folder)
        for day in range(10):
            start = production.now
            failing = (2, ENUM) if day == 9 else (10, SHAPE)
            production.calls(100, *failing, name="crm.enrich", after_s=60.0)
            production.clock.now = start + DAY
        store.flush(60.0)
        text = " ".join(command("report", "--store", url)[1].split("\n\n")[0].split())
        found = json.loads(command("report", "--format", "json", "--store", url)[1])
        return text, found["groups"][0]


def test_first_line_has_the_rate_of_the_last_day(newly_failing):
    """The rate of the whole time hides a rise of today, so the newest calls are counted beside it."""
    assert newly_failing[0].startswith(
        "crm.enrich: 50% of calls failed in the 24 hours before the last call (50 of 100; at least 34% with "
        "95% confidence). Of all 1,000 calls since "
    )


def test_failing_place_is_that_of_the_last_day(newly_failing):
    """An earlier failure that has ended is not the place to look at."""
    assert "fails at /team (enum) in 50 of 50 failed replies in the 24 hours" in newly_failing[0]


def test_json_has_the_counts_of_the_last_day(newly_failing):
    """Each group has its newest calls."""
    day = newly_failing[1]["last_day"]
    assert (day["failed"]["count"], day["failed"]["n"]) == (50, 100)


def first_lines(production, *options):
    """Return the first lines of the report's text, up to the lost records."""
    text = production.run("report", *options)[1]
    return " ".join(text.partition("lost records")[0].split())


def test_first_lines_after_a_switch_are_about_the_new_model(production):
    """2% of the calls of a week failed. Since noon, another model fails every third call."""
    production.calls(2_000, 50, after_s=300.0)
    production.calls(150, 3, model="m2", after_s=120.0)

    assert first_lines(production) == (
        "shop.extract: 33% of calls with system_prompt (model m2) since 2026-06-04 19:06 failed "
        "(50 of 150; at least 21% with 95% confidence) "
        "switched on 2026-06-04 19:06 UTC, from system_prompt (model m1). Before, 2% of calls failed "
        "(40 of 2,000; at least 1% with 95% confidence) "
        "fails at /team (required) in 50 of 50 failed replies"
    )


def test_first_lines_after_a_good_switch_have_no_old_failure(production):
    """A third of the calls of a week failed. Since noon, no call of another model did."""
    production.calls(2_000, 3, after_s=300.0)
    production.calls(150, 0, model="m2", after_s=120.0)

    lines = first_lines(production)

    assert lines.startswith("shop.extract: 0% of calls with system_prompt (model m2) since ")
    assert "switched on 2026-06-04 19:06 UTC, from system_prompt (model m1). Before, 33%" in lines
    assert "fails at" not in lines


def test_first_lines_after_a_new_schema_are_about_its_calls(production):
    """Half of the calls with the first content of a schema failed. The new content takes all replies."""
    production.calls(100, 2)
    production.calls(50, 0, schema={"title": "ticket", "type": "object"})

    lines = first_lines(production)

    assert lines.startswith("shop.extract: 0% of calls with system_prompt since 2026-05-28 22:06 failed")
    assert "switched on 2026-05-28 22:06 UTC, from another schema" in lines


def test_first_lines_name_the_canary_that_fails(production):
    """One call in ten is the canary's, and half of these fail."""
    for number in range(40):
        production.calls(9, 0)
        production.calls(1, number % 2, model="m2")

    assert "in use system_prompt (model m2) 50% of 40, system_prompt (model m1) 0% of 360" in first_lines(
        production
    )


def test_stopped_canary_is_not_in_the_rate_of_the_last_day(production):
    """A canary failed for some hours of a week, and was stopped."""
    production.calls(1_000, 0, after_s=600.0)
    production.calls(20, 1, model="m2", after_s=60.0)
    production.calls(100, 0, after_s=60.0)

    assert first_lines(production).startswith(
        "shop.extract: 0% of calls failed in the 24 hours before the last call"
    )


def test_calls_of_an_outage_replace_no_configuration(production):
    """The last 50 calls raise before a reply names a model, so the rate is still that of the model before."""
    production.calls(200, 4)
    production.calls(50, 0, version="v2", raises=KeyError("team"))

    assert first_lines(production).startswith(
        "shop.extract: 25% of calls since 2026-05-28 failed (50 of 200; at least 15% with 95% confidence); "
        "shop.extract: 50 of 250 calls raised KeyError"
    )


def test_function_that_is_no_longer_called_is_not_the_worst(production):
    """Half of the calls of a function failed that was last called a month ago."""
    production.calls(100, 2, name="shop.old")
    production.clock.now += 30 * DAY
    production.calls(100, 10, name="shop.new")

    assert first_lines(production) == (
        "shop.new: 10% of calls failed in the 24 hours before the last call (10 of 100; at least 2.9% with "
        "95% confidence) idle shop.old: last called on 2026-05-28 fails at shop.new: /team (required) in 10 of 10 failed replies in the 24 hours before the last call"
    )


@pytest.fixture
def renamed(production):
    """Return a function that records calls, renames their schema, and records more calls that many days later."""

    def record(days):
        production.calls(100, 2)
        production.clock.now += days * DAY
        production.calls(100, 0, schema={**TICKET, "title": "report"})
        return first_lines(production)

    return record


def test_a_function_with_a_new_schema_had_calls_in_the_last_day(renamed):
    """Only the calls with the earlier schema have ended."""
    assert renamed(5).startswith(
        "shop.extract (schema ticket): 50% of calls since 2026-05-28 failed (50 of 100; at least 34% with 95% "
        "confidence). It had no calls in the 24 hours before the last call"
    )


def test_a_function_with_a_new_schema_is_not_idle(renamed):
    """Only the calls with the earlier schema have ended."""
    assert renamed(20).endswith(" idle shop.extract (schema ticket): last called on 2026-05-28")


def test_outage_is_not_a_day_without_calls(production):
    """The provider answered no call of the last day."""
    production.calls(100, 2)
    production.clock.now += 3 * DAY
    production.calls(10, 0, raises=ConnectionError("down"))

    assert first_lines(production).startswith(
        "shop.extract: 50% of calls since 2026-05-28 failed (50 of 100; at least 34% with 95% confidence). None "
        "of the calls in the 24 hours before the last call has a reply that can be validated"
    )
