"""Text, Markdown, HTML, and JSON show the same rates, bounds, counts, tokens, seconds, and costs."""

import json

import pytest

from schema_guard import open_store, testing
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.desk import PRICES, lay_out, tasks
from tests.public.commands.figures import Lower, Upper, fill, is_shown_as, missing, plain, rate
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
    """A folder with a store, prices, and input files."""
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
    """The same folder as the working directory."""
    monkeypatch.chdir(place)
    return place


def shown(form, *arguments):
    """Return the output in a format: JSON as data, other formats as one line of words."""
    status, out, err = command(*arguments, "--format", form)
    assert status in (0, 1), err
    return json.loads(out) if form == "json" else plain(out, form)


def facts_of_group(name, group):
    """Yield the facts that a report shows for a group of one configuration."""
    rates = [group[one] for one in ("clean", "valid_first_time", "fixed_by_retry", "failed")]
    yield f"{name} ", [group["calls"], *(x for one in rates for x in rate(one)), group["transport"]]
    numbers = [group["attempts"], group["input_tokens"], group["output_tokens"]]
    numbers += [group["attempts"] - group["unknown_usage"]] if group["unknown_usage"] else []
    numbers += [group["elapsed_p50_s"], group["elapsed_p95_s"]]
    yield f"{name}:", numbers
    if group["repaired"]["count"]:
        yield f"{name}: repaired replies:", [group["repaired"]["count"], *rate(group["repaired"])]
    for one in group["failures"]:
        yield f" {one['kind']} ({one['code']})", [one["attempts"]]
    for one in group["violations"]:
        yield f"{one['location'] or '(root)'} ({one['keyword']})", [one["attempts"]]
    for one in group["excluded"]:
        yield f"({one['exception']}", [one["calls"]]


REPORTED = {
    "function": lambda group: group["function"],
    "model": lambda group: group["model"],
    "version": lambda group: f"{group['function']} {group['version']}",
}


def test_no_two_figures_of_the_store_are_equal():
    """All numbers of the store differ, so a mix-up of two numbers is detected."""
    for group in shown("json", "report", "--store", "r.db")["groups"]:
        rates = [group[one]["count"] for one in ("clean", "valid_first_time", "fixed_by_retry", "failed")]
        numbers = [*rates, group["calls"], group["attempts"], group["input_tokens"], group["output_tokens"]]
        numbers += [group["elapsed_p50_s"], group["elapsed_p95_s"], group["elapsed_s"]]

        assert len({*numbers}) == len(numbers)
        assert 0 not in numbers


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by", REPORTED)
def test_report_shows_the_same_figures_in_every_format(form, by):
    """Each group's row and lines have the numbers of the JSON."""
    asked = ("report", "--store", "r.db", "--by", by)
    groups = shown("json", *asked)["groups"]
    facts = [fact for group in groups for fact in facts_of_group(REPORTED[by](group), group)]

    assert len(facts) > 20
    assert missing(shown(form, *asked), facts) == []


@needs("repair")
@pytest.mark.parametrize("form", FORMS)
def test_report_by_segment_shows_sums_and_parts(form):
    """A segment's row is the sum of its functions. Each function has its own row."""
    asked = ("report", "--store", "r.db", "--by", "segment")
    result = shown("json", *asked)
    facts = []
    for group in result["groups"]:
        rates = [group[one] for one in ("clean", "valid_first_time", "fixed_by_retry", "failed")]
        row = [group["calls"], *(x for one in rates for x in rate(one)), group["transport"]]
        facts.append((f"{group['segment']} ", row))
    for one in result["configurations"]:
        # All functions have the same layout, so no name has it.
        settings = " ".join(
            f"{name}={value}" for name, value in json.loads(one["settings"]).items() if name != "layout"
        )
        part = f"system_prompt (function {one['function']}, model {one['model']}, {settings or 'default settings'})"
        row, *lines = facts_of_group(part, one)
        facts += [
            row,
            *((f"{one['segment']} {label}" if part in label else label, values) for label, values in lines),
        ]

    assert len(facts) > 20
    assert missing(shown(form, *asked), facts) == []


@needs("repair")
def test_report_counts_match_the_recorded_calls():
    """The JSON has the counts, tokens, and seconds of the recorded calls."""
    sort, pack = sorted(
        shown("json", "report", "--store", "r.db")["groups"], key=lambda group: -group["calls"]
    )

    counts = [(one[name]["count"], one[name]["n"]) for one in (sort,) for name in
              ("clean", "valid_first_time", "repaired", "fixed_by_retry", "failed")]  # fmt: skip
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


def facts_of_verdict(found):
    """Yield the facts of a verdict about rates and failures."""
    ((name, rated),) = found["rates"].items()
    (hazards,) = found["hazards"].values()
    retry = rated["retry"]
    percents = [100 * one for one in hazards]
    yield (
        f"failed calls rate bounds state odds below odds above {name}",
        [rated["k"], rated["n"], *rate(rated)],
    )
    attempts = [retry["rho"], 100 * retry["geometric"], 100 * retry["residual"], retry["E_attempts"]]
    yield f"recorded attempts/call {name}", [*percents, *attempts]
    for kind, count in found["failure_kinds"][name].items():
        yield f"{name} {kind}", [count]
    for one in found["excluded"][name]:
        yield f"{one['code']} {one['exception']}", [one["calls"]]
    for one in found["segments"]:
        yield (
            f"{one['name']} ",
            [100 * one["share"], Lower(100 * one["prompt"][0]), Upper(100 * one["prompt"][1])],
        )
    right = found["content_right"]
    yield "values that equal a known answer:", [right["k"], right["n"], *rate(right)]
    (wrong,) = found["breach"]
    yield (
        "problem " + name,
        numbers_of_breach(wrong),
    )
    yield "calls", [found["calls"]]
    yield from facts_of_costs(found["economics"], found["cost"])


def numbers_of_breach(wrong):
    counted = [100 * wrong["k"] / wrong["n"], wrong["k"], wrong["n"]]
    return [*counted, Lower(100 * wrong["lower"]), 95, 100 * wrong["limit"]]


def facts_of_costs(money, cost):
    """Yield the facts of a verdict about costs."""
    columns = ("pess", "point", "opt")
    for label, key in (
        ("a prompted call", "prompt_per_call"),
        ("a tuned call", "tuned_per_call"),
        ("saving a month", "saving_per_month"),
    ):
        yield label, [money[column][key] for column in columns]
    yield "payback", [money[column]["payback_months"] for column in columns]
    pess = money["pess"]
    yield "pess: prompt", [
        cost["prompt_tokens_per_call"], 100 * cost["prompt_rate"]["pess"], cost["failure_cost"], pess["prompt_per_call"],
    ]  # fmt: skip
    yield "; tuned", [
        cost["tuned_tokens_per_call"], 100 * cost["tuned_rate"]["pess"], cost["failure_cost"], pess["tuned_per_call"],
    ]  # fmt: skip
    yield "base model must be available for at least", [cost["base_model_must_live_months"]]
    tokens = cost["tokens_per_month"]
    yield "hosting and refresh", [
        money["hosting_plus_refresh"], cost["calls_per_month"], tokens["tuned"], tokens["prompt"]
    ]  # fmt: skip
    for one in cost["flips"]:
        yield one["change"], [one["payback_months"]]


DECIDE = ("decide", "--store", "r.db", "--function", "sort", "--prices", "prices.json", "--with", "with.json")


@pytest.mark.parametrize("form", FORMS)
def test_decide_shows_the_same_figures_in_every_format(form):
    """Rates, retries, failures, segments, and all costs equal the JSON."""
    facts = list(facts_of_verdict(shown("json", *DECIDE)))

    assert len(facts) > 20
    # The words around a label differ by form if the label begins a line.
    text = shown(form, *DECIDE, *(["--full"] if form == "text" else []))
    text = text.replace("problem:", "problem").replace("problem system_prompt:", "problem system_prompt")
    assert missing(text, facts) == []


def test_short_text_of_decide_shows_the_figures_of_the_json():
    """The 25 lines of the default text have the numbers of the JSON."""
    result = shown("json", *DECIDE)
    (wrong,) = result["breach"]
    pess = result["economics"]["pess"]
    facts = [
        (
            "problem system_prompt:",
            numbers_of_breach(wrong),
        ),
        ("tuning costs", [result["economics"]["upfront"]]),
        ("once and saves", [pess["saving_per_month"]]),
        ("it pays back in", [pess["payback_months"], result["config"]["horizon_months"]]),
        ("volume", [result["calls_per_month"]]),
        ("calls", [result["calls"]]),
    ]

    assert missing(shown("text", *DECIDE), facts) == []


@pytest.mark.parametrize("form", FORMS)
def test_decide_on_several_functions_shows_a_row_for_each(form):
    """Each function has a row with the numbers of the JSON."""
    asked = ("decide", "--store", "r.db")
    facts = [
        (f"{one['function']} {one['verdict']}", [rated["n"], *rate(rated)])
        for one in shown("json", *asked)["verdicts"]
        for rated in one["rates"].values()
    ]

    assert len(facts) == 2
    assert missing(shown(form, *asked), facts) == []


@pytest.mark.parametrize("slo", ["0.02", "0.06", "0.3"])
def test_watch_shows_the_same_figures_in_both_formats(slo):
    """Each line has the counts, and the bound if it is on one side of the limit."""
    asked = ("watch", "--store", "r.db", "--max-failure-rate", slo)
    facts = []
    for one in shown("json", *asked)["watched"]:
        bounds = {"pass": [Upper(100 * one["upper"]), 95], "fail": [Lower(100 * one["lower"]), 95]}
        counted = [100 * one["rate"], one["k"], one["n"], *bounds.get(one["state"], []), 100 * float(slo)]
        facts.append((f"{one['function']} (schema ticket), system_prompt:", counted))

    assert len(facts) == 2
    assert missing(shown("text", *asked), facts) == []


def test_store_info_shows_the_same_figures_in_both_formats():
    """Attempts, bytes, and the version equal the JSON."""
    result = shown("json", "store", "info", "--store", "r.db")
    facts = [
        ("attempts", [result["rows"]]),
        ("size", [result["size_bytes"]]),
        ("version", [result["schema_version"]]),
    ]

    assert result["rows"] > 200
    assert missing(shown("text", "store", "info", "--store", "r.db"), facts) == []


BENCH = (
    "bench",
    "run",
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


def facts_of_variant(one, *, money):
    """Yield the facts that a benchmark result shows for a variant."""
    name, rates = one["name"], ("clean", "valid_first_time", "fixed_by_retry", "failed")
    yield f"{name} ", [one["failed"]["n"], *(x for key in rates for x in rate(one[key]))]
    content = ("valid", "right", "wrong_valid", "leaf_share")
    yield f"{name} ", [one["right"]["n"], *(x for key in content for x in rate(one[key]))]
    took = [one["attempts"], one["input_tokens"], one["output_tokens"]]
    timed = one["elapsed_p50_s"] is not None
    took += [one["elapsed_p50_s"], one["elapsed_p95_s"]] if timed else []
    keys = ("cost", "cost_per_valid", "cost_per_right") if money else (
        "output_tokens_per_valid", "output_tokens_per_right")  # fmt: skip
    yield f"{name} ", [*took, *(one[key] for key in keys)]


@pytest.mark.parametrize("prices", [(), ("--prices", "prices.json")], ids=["tokens", "money"])
@pytest.mark.parametrize("form", [".txt", ".md", pytest.param(".html", marks=pytest.mark.costly)])
def test_bench_shows_the_same_figures_in_every_format(here, form, prices):
    """Rates, right values, and tokens equal the JSON, and costs if prices are set."""
    status, _, err = command(*BENCH, *SCRIPTED, *prices, "--output", "b.json", "--output", f"b{form}")
    assert status == 0, err
    document = json.loads((here / "b.json").read_text())
    facts = [fact for one in document["variants"] for fact in facts_of_variant(one, money=bool(prices))]
    output = (here / f"b{form}").read_text()

    named = {".txt": "text", ".md": "markdown", ".html": "html"}
    assert missing(plain(output, named[form]), facts) == []


@needs("loopback")
def test_bench_shows_seconds_in_every_format(here):
    """A result from a real server has the median and the p95 of the latency."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    replies = {task["input"]: json.dumps(task["gold"]) for task in tasks()}
    with testing.serve(replies) as server:
        asked = (*BENCH, "--model", f"m={server.openai_url}#small", "--output", "s.json", "--output", "s.txt")
        status, _, err = command(*asked, "--output", "s.md")
    assert status == 0, err
    (variant,) = json.loads((here / "s.json").read_text())["variants"]

    assert 0 < variant["elapsed_p50_s"] < variant["elapsed_p95_s"]
    for name, form in (("s.txt", "text"), ("s.md", "markdown")):
        text = plain((here / name).read_text(), form)
        seconds = [variant["elapsed_p50_s"], variant["elapsed_p95_s"]]
        used = [variant["attempts"], variant["input_tokens"], variant["output_tokens"]]
        assert missing(text, [("per right value bare", [*used, *seconds])]) == []


@pytest.fixture
def results(here):
    """Two results. The second one is worse."""
    for name, models in (
        ("before", SCRIPTED),
        ("after", ("--model", "good=scripted:worst.jsonl", "--model", "scripted:bad.jsonl")),
    ):
        assert command(*BENCH, *models, "--output", f"{name}.json")[0] == 0
    return "before.json", "after.json"


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_compare_shows_the_same_figures_in_every_format(results, form):
    """The rates of both sides, the difference, and its bounds equal the JSON."""
    asked = ("bench", "compare", *results)
    result = shown("json", *asked)
    text = shown(form, *asked)

    facts = facts_of(result)
    assert [name for name, _ in facts[::2]] == ["good bare: valid", "bad bare: valid"]
    assert missing(text, facts) == []


MEASURES = {"format": "valid", "content": "right"}


def facts_of(result):
    """Return the name and the numbers of each difference."""
    compared = [one["compared"] for one in result["differences"]]
    return [(f"{one['a']}: {MEASURES[one['measure']]}", numbers_of_comparison(one)) for one in compared]


def numbers_of_comparison(one):
    rates = [100 - 100 * one["rate_a"], 100 - 100 * one["rate_b"]]
    bounds = [Lower(100 * one["lower"]), Upper(100 * one["upper"])]
    return [one["tasks"], *rates, 100 * one["difference"], *bounds]


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_gate_shows_the_same_figures_in_every_format(results, form):
    """The drop of each variant and measure, with both rates, equals the JSON."""
    before, after = results
    asked = ("bench", "compare", before, after, "--gate")
    facts = facts_of(shown("json", *asked))

    assert len(facts) == 4
    assert missing(shown(form, *asked), facts) == []


PLAYBOOK = (
    "bench", "run", "--playbook", "--schema", "item.json", "--inputs", "inputs.txt", "--model", "scripted:improver.jsonl", "--max-calls", "400",
    "--concurrency", "1", "--max-failure-rate", "10%", "--store", "none", "--output", "c.json",
)  # fmt: skip


@needs("playbook")
def test_playbook_shows_the_same_figures_in_both_formats(here):
    """The failures, rate, bounds, and tokens of each step equal the JSON."""
    status, out, err = command(*PLAYBOOK)
    assert status == 0, err
    document = json.loads((here / "c.json").read_text())
    facts = [
        (
            f"{one['step']} ",
            [
                one["k"],
                one["n"],
                *rate(document["verdict"]["rates"][one["step"]]),
                one["input_tokens"],
                one["output_tokens"],
            ],
        )
        for one in document["steps"]
    ]
    facts.append(("inputs", [document["inputs"], document["seed"], document["calls"]]))

    assert len(document["steps"]) == 2
    assert missing(plain(out, "text"), facts) == []


@needs("fitting")
def test_lint_counts_findings_in_both_formats():
    """The line and place of each finding, and the counts of each provider, equal the JSON."""
    asked = ("schema", "lint", "open.json", "item.json", "note.json", "--provider", "openai,gemini,xgrammar")
    linted, text = shown("json", *asked)["linted"], shown("text", *asked)

    for provider in ("openai", "gemini", "xgrammar"):
        result = [one for one in linted if one["provider"] == provider]
        severities = [finding["severity"] for one in result for finding in one["findings"]]
        facts = [(f"{provider}:", [len(result), severities.count("error"), severities.count("warning")])]
        assert missing(text, facts) == []
        for one in result:
            for finding in one["findings"]:
                place = finding["location"] or "(root)"
                start = f"{one['file']}:{finding['line']}: {finding['severity']}: at {place}: {provider}"
                assert (start in text) == (finding["severity"] != "info")


@pytest.mark.parametrize(
    ("value", "shown_as", "fits"),
    [(0.1764, "17.6", False), (17.64, "17.6", True), (17.66, "17.6", False), (1260.9, "$1,261", True),
     (63620553.6, "63.6 million", True), (0.039558417, "$0.039558", True), (3.0, "2.99", False), (2e-7, "$2.0e-07", True)],
)  # fmt: skip
def test_is_shown_as_compares_rounded_numbers(value, shown_as, fits):
    """A number matches only if it rounds to the shown digits."""
    assert is_shown_as(value, shown_as) is fits
