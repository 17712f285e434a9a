"""The same figures in text, Markdown, HTML and JSON: rates, bounds, counts, tokens, seconds and money."""

import json

import pytest

from schema_guard import open_store
from schema_guard.testing import serve
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.desk import PRICES, lay_out, tasks
from tests.public.commands.figures import fill, is_shown_as, missing, plain, rate
from tests.public.decide.examples import economics, feasibility

FORMS = ("text", "markdown", pytest.param("html", marks=pytest.mark.costly))
ECONOMICS = {
    "economics": economics(),
    "feasibility": feasibility(),
    "calls_per_month": 40_000,
    "content": {"n": 200, "right": 188},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a store, prices, and the files of a desk."""
    folder = tmp_path_factory.mktemp("figures")
    lay_out(folder)
    table = {**PRICES, "m1": {"p_in": 3.0, "p_cached": 0.3, "p_out": 15.0}}
    (folder / "prices.json").write_text(json.dumps(table))
    (folder / "with.json").write_text(json.dumps(ECONOMICS))
    with stopped_clock() as clock, open_store(f"sqlite:///{folder}/r.db", payload="full") as store:
        fill(store, clock)
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    """That folder, as the one to work in."""
    monkeypatch.chdir(place)
    return place


def shown(form, *arguments):
    """Return what a command prints in a form: JSON as data, other forms as one line of words."""
    status, out, err = command(*arguments, "--format", form)
    assert status in (0, 1), err
    return json.loads(out) if form == "json" else plain(out, form)


def of_group(name, group):
    """Yield what a report tells of a group of one configuration."""
    rates = [group[one] for one in ("exact", "first_pass", "reasked", "unhandled")]
    yield f"{name} ", [group["calls"], *(x for one in rates for x in rate(one)), group["transport"]]
    told = [group["attempts"], group["input_tokens"], group["output_tokens"]]
    told += [group["attempts"] - group["unknown_usage"]] if group["unknown_usage"] else []
    told += [group["elapsed_p50_s"], group["elapsed_p95_s"]]
    yield f"{name} asked {group['model']} by {group['strategies']}:", told
    if group["repaired"]["count"]:
        yield f"{name} repaired", [group["repaired"]["count"], *rate(group["repaired"])]
    for one in group["failures"]:
        yield f" {one['kind']} {one['code']}", [one["attempts"]]
    for one in group["violations"]:
        yield f"{one['location'] or '(root)'} {one['keyword']}", [one["attempts"]]
    for one in group["outside"]:
        yield f"({one['exception']}", [one["calls"]]


REPORTED = {
    "function": lambda group: group["function"],
    "model": lambda group: group["model"],
    "version": lambda group: f"{group['function']} {group['version']}",
}


def test_no_two_figures_of_the_store_are_equal():
    """A figure in the place of another one is then seen."""
    for group in shown("json", "report", "--store", "r.db")["groups"]:
        rates = [group[one]["count"] for one in ("exact", "first_pass", "reasked", "unhandled")]
        told = [*rates, group["calls"], group["attempts"], group["input_tokens"], group["output_tokens"]]
        told += [group["elapsed_p50_s"], group["elapsed_p95_s"], group["elapsed_s"]]

        assert len({*told}) == len(told)
        assert 0 not in told


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by", REPORTED)
def test_report_tells_the_same_figures_in_every_form(form, by):
    """Each group's row and lines have the figures of the JSON."""
    asked = ("report", "--store", "r.db", "--by", by)
    groups = shown("json", *asked)["groups"]
    facts = [fact for group in groups for fact in of_group(REPORTED[by](group), group)]

    assert len(facts) > 20
    assert missing(shown(form, *asked), facts) == []


@pytest.mark.parametrize("form", FORMS)
def test_report_by_segment_tells_the_figures_of_its_parts(form):
    """A segment's row adds up the functions below it, each of which has its own row."""
    asked = ("report", "--store", "r.db", "--by", "segment")
    found = shown("json", *asked)
    facts = []
    for group in found["groups"]:
        rates = [group[one] for one in ("exact", "first_pass", "reasked", "unhandled")]
        row = [group["calls"], *(x for one in rates for x in rate(one)), group["transport"]]
        facts.append((f"{group['segment']} ", row))
    for one in found["configurations"]:
        part = f"system_prompt (function {one['function']}, model {one['model']}, settings {one['settings']})"
        row, *lines = of_group(part, one)
        facts += [
            row,
            *((f"{one['segment']} {label}" if part in label else label, told) for label, told in lines),
        ]

    assert len(facts) > 20
    assert missing(shown(form, *asked), facts) == []


def test_report_counts_what_the_calls_were():
    """The JSON itself is right: counts, tokens and seconds are those of the calls that were made."""
    sort, pack = sorted(
        shown("json", "report", "--store", "r.db")["groups"], key=lambda group: -group["calls"]
    )

    counts = [(one[name]["count"], one[name]["n"]) for one in (sort,) for name in
              ("exact", "first_pass", "repaired", "reasked", "unhandled")]  # fmt: skip
    assert counts == [(83, 137), (100, 137), (11, 137), (12, 137), (14, 137)]
    attempts = sort["attempts"]
    assert (attempts, sort["unknown_usage"]) == (83 + 17 + 11 + 14 + 15 + 42 + 5, 5)
    seconds = sorted(
        0.25 + 0.05 * (number % 29) + (6 if number % 13 == 0 else 0) for number in range(attempts)
    )
    assert sort["elapsed_s"] == pytest.approx(sum(seconds))
    assert sort["elapsed_p50_s"] == pytest.approx(seconds[attempts // 2], rel=0.03)
    assert sort["elapsed_p95_s"] == pytest.approx(seconds[int(0.95 * attempts)], rel=0.03)
    assert pack["transport"] == 1


def of_verdict(found):
    """Yield what a verdict on a prompt tells in numbers."""
    ((name, rated),) = found["rates"].items()
    (hazards,) = found["hazards"].values()
    retry = rated["retry"]
    percents = [100 * one for one in hazards]
    yield "best prompt " + name, [rated["k"], rated["n"], *rate(rated)]
    yield (
        f"unhandled calls rate bounds state odds below odds above {name}",
        [rated["k"], rated["n"], *rate(rated)],
    )
    yield "f =", percents
    yield "geometric would claim", [100 * retry["geometric"], 100 * retry["residual"]]
    attempts = [retry["rho"], 100 * retry["geometric"], 100 * retry["residual"], retry["E_attempts"]]
    yield f"recorded attempts/call {name}", [*percents, *attempts]
    for kind, count in found["failure_kinds"][name].items():
        yield f"{name} {kind}", [count]
    for one in found["outside"][name]:
        yield f"{one['code']} {one['exception']}", [one["calls"]]
    for one in found["segments"]:
        yield f"{one['name']} ", [100 * one["share"], *(100 * x for x in one["prompt"])]
    right = found["content_right"]
    yield "values that equal a known answer:", [right["k"], right["n"], *rate(right)]
    (wrong,) = found["breach"]
    yield (
        "wrong now " + name,
        [wrong["k"], wrong["n"], 100 * wrong["k"] / wrong["n"], 100 * wrong["lower"], 100 * wrong["limit"]],
    )
    yield "calls", [found["calls"]]
    yield from of_costs(found["economics"], found["cost"])


def of_costs(money, cost):
    """Yield what a verdict tells of money."""
    columns = ("pess", "point", "opt")
    for label, key in (
        ("a prompted call", "prompt_per_call"),
        ("a tuned call", "tuned_per_call"),
        ("saving a month", "saving_per_month"),
    ):
        yield label, [money[column][key] for column in columns]
    yield "payback", [money[column]["payback_months"] for column in columns]
    pess = money["pess"]
    yield "saving", [pess["saving_per_month"], cost["calls_per_month"], money["upfront"]]
    yield "cost/call prompt", [
        cost["prompt_tokens_per_call"], 100 * cost["prompt_rate"]["pess"], cost["failure_cost"], pess["prompt_per_call"],
    ]  # fmt: skip
    yield "; tuned", [
        cost["tuned_tokens_per_call"], 100 * cost["tuned_rate"]["pess"], cost["failure_cost"], pess["tuned_per_call"],
    ]  # fmt: skip
    yield "the tuned model must leave <=", [100 * money["max_tuned_residual_for_horizon"]]
    yield "volume must stay >=", [money["break_even_calls_per_month"]]
    yield "upfront may reach", [cost["largest_upfront"]]
    yield "base model must live >=", [cost["base_model_must_live_months"]]
    tokens = cost["tokens_per_month"]
    yield "hosting and refresh", [
        money["hosting_plus_refresh"], cost["calls_per_month"], tokens["tuned"], tokens["prompt"]
    ]  # fmt: skip
    for one in cost["flips"]:
        yield one["change"], [one["payback_months"]]
    told = cost["independent_retries"]
    yield "independent retries would promise", [told["promised_per_month"], told["failures_per_month"]]


DECIDE = ("decide", "--store", "r.db", "--function", "sort", "--prices", "prices.json", "--with", "with.json")


@pytest.mark.parametrize("form", FORMS)
def test_decide_tells_the_same_figures_in_every_form(form):
    """Rates, retries, failures, segments and all of the costs."""
    facts = list(of_verdict(shown("json", *DECIDE)))

    assert len(facts) > 30
    # Words around a label differ by form where a label begins a line.
    text = shown(form, *DECIDE, *(["--full"] if form == "text" else []))
    text = text.replace("wrong now:", "wrong now").replace(
        "wrong now system_prompt:", "wrong now system_prompt"
    )
    assert missing(text, facts) == []


def test_decide_tells_its_answer_with_the_same_figures():
    """The 25 lines of the default text have the JSON's figures too."""
    found = shown("json", *DECIDE)
    (wrong,) = found["breach"]
    pess = found["economics"]["pess"]
    facts = [
        (
            "wrong now system_prompt:",
            [wrong["k"], wrong["n"], 100 * wrong["k"] / wrong["n"], 100 * wrong["lower"], 1],
        ),
        ("tuning costs", [found["economics"]["upfront"]]),
        ("once and saves", [pess["saving_per_month"]]),
        ("it pays back in", [pess["payback_months"], found["config"]["horizon_months"]]),
        ("volume", [found["calls_per_month"]]),
        ("calls", [found["calls"]]),
    ]

    assert missing(shown("text", *DECIDE), facts) == []


@pytest.mark.parametrize("form", FORMS)
def test_decide_on_several_tells_the_same_figures_in_every_form(form):
    """A row for each function."""
    asked = ("decide", "--store", "r.db")
    facts = [
        (f"{one['function']} {one['verdict']}", [rated["n"], *rate(rated)])
        for one in shown("json", *asked)["verdicts"]
        for rated in one["rates"].values()
    ]

    assert len(facts) == 2
    assert missing(shown(form, *asked), facts) == []


@pytest.mark.parametrize("slo", ["0.02", "0.06", "0.3"])
def test_watch_tells_the_same_figures_in_both_forms(slo):
    """Each line has what is proved, or what was counted."""
    asked = ("watch", "--store", "r.db", "--slo", slo)
    facts = []
    for one in shown("json", *asked)["watched"]:
        proved = {"pass": [100 * one["upper"]], "fail": [100 * one["lower"]]}.get(one["state"], [])
        counted = [one["k"], one["n"], 100 * one["rate"], *proved, 100 * float(slo)]
        facts.append((f"{one['function']} (schema ticket), system_prompt:", counted))

    assert len(facts) == 2
    assert missing(shown("text", *asked), facts) == []


def test_store_info_tells_the_same_figures_in_both_forms():
    """Attempts, bytes and the version."""
    found = shown("json", "store", "info", "--store", "r.db")
    facts = [
        ("attempts", [found["rows"]]),
        ("size", [found["size_bytes"]]),
        ("version", [found["schema_version"]]),
    ]

    assert found["rows"] > 200
    assert missing(shown("text", "store", "info", "--store", "r.db"), facts) == []


BENCH = (
    "bench",
    "suite.jsonl",
    "--strategy",
    "bare",
    "--sample",
    "all",
    "--concurrency",
    "1",
    "--store",
    "none",
)
SCRIPTED = ("--model", "scripted:good.jsonl", "--model", "scripted:bad.jsonl")


def of_column(one, *, money):
    """Yield what a result tells of a column."""
    name, rates = one["name"], ("exact", "first_pass", "reasked", "unhandled")
    yield f"{name} ", [one["unhandled"]["n"], *(x for key in rates for x in rate(one[key]))]
    yield f"{name} ", [one["right"]["n"], *rate(one["right"]), *rate(one["leaf_share"])]
    took = [one["attempts"], one["input_tokens"], one["output_tokens"]]
    timed = one["elapsed_p50_s"] is not None
    took += [one["elapsed_p50_s"], one["elapsed_p95_s"]] if timed else []
    keys = ("cost", "cost_per_valid", "cost_per_right") if money else (
        "output_tokens_per_valid", "output_tokens_per_right")  # fmt: skip
    yield f"{name} ", [*took, *(one[key] for key in keys)]


@pytest.mark.parametrize("prices", [(), ("--prices", "prices.json")], ids=["tokens", "money"])
@pytest.mark.parametrize("form", [".txt", ".md", pytest.param(".html", marks=pytest.mark.costly)])
def test_bench_tells_the_same_figures_in_every_form(here, form, prices):
    """Rates, right values, tokens, and money where prices are given."""
    status, _, err = command(*BENCH, *SCRIPTED, *prices, "--output", "b.json", "--output", f"b{form}")
    assert status == 0, err
    found = json.loads((here / "b.json").read_text())
    facts = [fact for one in found["columns"] for fact in of_column(one, money=bool(prices))]
    told = (here / f"b{form}").read_text()

    named = {".txt": "text", ".md": "markdown", ".html": "html"}
    assert missing(plain(told, named[form]), facts) == []


def test_bench_tells_seconds_in_every_form(here):
    """The median and the 95th percentile of a model that takes its time."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    replies = {task["input"]: json.dumps(task["gold"]) for task in tasks()}
    with serve(replies) as server:
        asked = (*BENCH, "--model", f"m={server.openai_url}#small", "--output", "s.json", "--output", "s.txt")
        status, _, err = command(*asked, "--output", "s.md")
    assert status == 0, err
    (column,) = json.loads((here / "s.json").read_text())["columns"]

    assert 0 < column["elapsed_p50_s"] < column["elapsed_p95_s"]
    for name, form in (("s.txt", "text"), ("s.md", "markdown")):
        text = plain((here / name).read_text(), form)
        seconds = [column["elapsed_p50_s"], column["elapsed_p95_s"]]
        used = [column["attempts"], column["input_tokens"], column["output_tokens"]]
        assert missing(text, [("a right value bare", [*used, *seconds])]) == []


@pytest.fixture
def results(here):
    """Two results, of which the second one is worse."""
    for name, models in (
        ("before", SCRIPTED),
        ("after", ("--model", "good=scripted:worst.jsonl", "--model", "scripted:bad.jsonl")),
    ):
        assert command(*BENCH, *models, "--output", f"{name}.json")[0] == 0
    return "before.json", "after.json"


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_compare_tells_the_same_figures_in_every_form(results, form):
    """Rates of both sides, the difference, and its bounds."""
    asked = ("bench", "compare", *results)
    found = shown("json", *asked)
    text = shown(form, *asked)

    assert [one["a"] for one in found["columns"]] == ["good bare", "bad bare"]
    facts = []
    for column in found["columns"]:
        for measure in ("format", "content"):
            one = column[measure]
            facts.append((f"{column['a']}: {MEASURES[measure]}", compared(one)))
    assert missing(text, facts) == []


MEASURES = {"format": "valid", "content": "right"}


def compared(one):
    points = [100 * one[name] for name in ("difference", "lower", "upper")]
    return [one["tasks"], 100 - 100 * one["rate_a"], 100 - 100 * one["rate_b"], *points]


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_gate_tells_the_same_figures_in_every_form(results, form):
    """The drop of each column and measure, with both rates."""
    before, after = results
    asked = ("bench", "gate", after, "--baseline", before)
    found = shown("json", *asked)
    facts = [
        (
            f"{one['column']}: {one['measure']}",
            [one["tasks"], *(100 * one[name] for name in ("baseline", "current", "drop", "lower", "upper"))],
        )
        for one in found["drops"]
    ]

    assert len(facts) == 4
    assert missing(shown(form, *asked), facts) == []


CLIMB = (
    "climb", "--schema", "item.json", "--inputs", "inputs.txt", "--model", "scripted:climber.jsonl", "--max-calls", "400",
    "--concurrency", "1", "--target", "0.1", "--store", "none", "--output", "c.json",
)  # fmt: skip


def test_climb_tells_the_same_figures_in_both_forms(here):
    """Each rung's failures, rate, bounds and tokens."""
    status, out, err = command(*CLIMB)
    assert status == 0, err
    found = json.loads((here / "c.json").read_text())
    facts = [
        (
            f"{one['rung']} ",
            [
                one["k"],
                one["n"],
                *rate(found["verdict"]["rates"][one["rung"]]),
                one["input_tokens"],
                one["output_tokens"],
            ],
        )
        for one in found["rungs"]
    ]
    (compared_to,) = [one["compared"] for one in found["rungs"] if one["compared"]]
    facts.append(("against system_prompt on", [compared_to["n"]]))
    facts.append(("fewer failures by", [100 * compared_to["paired"][name] for name in ("lower", "upper")]))
    facts.append(("inputs", [found["inputs"], found["seed"], found["calls"]]))

    assert len(found["rungs"]) == 2
    assert missing(plain(out, "text"), facts) == []


def test_lint_counts_its_findings_in_both_forms():
    """Each finding's line and place, and the sums of each target."""
    asked = ("lint", "open.json", "item.json", "note.json", "--target", "openai,gemini,xgrammar")
    linted, text = shown("json", *asked)["linted"], shown("text", *asked)

    for target in ("openai", "gemini", "xgrammar"):
        found = [one for one in linted if one["target"] == target]
        severities = [finding["severity"] for one in found for finding in one["findings"]]
        facts = [(f"{target}:", [len(found), severities.count("error"), severities.count("warning")])]
        assert missing(text, facts) == []
        for one in found:
            for finding in one["findings"]:
                told = f"{one['file']}:{finding['line']}: {finding['severity']}: {target}" in text
                assert told == (finding["severity"] != "info")


@pytest.mark.parametrize(
    ("value", "shown_as", "fits"),
    [(0.1764, "17.6", False), (17.64, "17.6", True), (17.66, "17.6", False), (1260.9, "$1,261", True),
     (63620553.6, "63.6 million", True), (0.039558417, "$0.039558", True), (3.0, "2.99", False), (2e-7, "$2.0e-07", True)],
)  # fmt: skip
def test_a_figure_fits_what_is_shown_of_it(value, shown_as, fits):
    """Only what rounds to the digits that are shown is taken to be shown."""
    assert is_shown_as(value, shown_as) is fits
