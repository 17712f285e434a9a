"""A result as a document: all figures, within a terminal, and nothing of a stranger's unescaped."""

import re

import pytest
from hypothesis import given

from schema_guard import __version__
from schema_guard.bench.result.document import document_of
from schema_guard.bench.result.figures import result_of
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.words import BOUNDS
from tests.bench.simulated_runs import FAILURES, RUNS, content, run_of, runs, scored, simulated

HOSTILE = "\x1b[2J\x9b\r\n\u202e|<b>[l](x)"
CALLS = (
    scored("t1", "bare"),
    scored("t2", "bare", "fixed_by_retry", content=content(3)),
    scored("t3", "bare", "failed", failures=FAILURES[:2], schema="t", group="t"),
    scored("t1", "few_shot"),
    scored("t2", "few_shot", "unwrapped"),
    scored("t3", "few_shot", schema="t", group="t", output_tokens=None),
)


def result_as_text(result):
    return as_text(document_of(result))


def result_as_markdown(result):
    return as_markdown(document_of(result))


def hostile():
    failed = FAILURES[1]._replace(
        code=HOSTILE, keyword=HOSTILE, location=f"/{HOSTILE}", message=HOSTILE, reply=HOSTILE
    )
    return result_of(
        run_of(
            scored("t1", HOSTILE, "failed", schema=HOSTILE, group=HOSTILE, failures=(failed,)),
            scored(HOSTILE, "b", "lost", error=HOSTILE),
            suite=HOSTILE,
            currency=HOSTILE,
            stopped=(HOSTILE,),
            left_out=(HOSTILE,),
            suite_tasks=9,
        )
    )


def test_text_of_a_result():
    """The text shows suite and model, format, failures, content, cost, differences, schemas, and what is missing."""
    assert result_as_text(result_of(run_of(*CALLS))).split("\n") == [
        "The data does not show which variant fails least often. The lowest failure rate is 0% (few_shot), and the",
        "highest is 33% (bare), with 3 tasks each.",
        "right        With few_shot, 100% of the calls return the right value (at least 22%).",
        "power        the data does not show whether few_shot (100% right) is better than bare (33% right). Of 3 tasks,",
        "             few_shot is better on 2, and bare on 0. The odds are 2:1, and a decision needs 40:1. With about",
        "             15 more tasks, the probability of a decision is 80%.",
        "suite        small (eeeeeeeeeeeeeeee): 2 schemas, 3 tasks",
        "model        m1",
        "calls        6 calls, none of them lost; at most 2 attempts per call",
        f"plan         ffffffffffffffff, seed 0, schema-guard {__version__}",
        "began        2026-11-01T00:00:00+00:00",
        "differences  none of 2 comparisons shows a difference, and at most 5% of reported differences are expected to",
        "             be wrong (e-BH)",
        f"bounds       {BOUNDS}. In the first",
        "             line, the bounds of all variants together are correct with this confidence",
        "next         about 39 more tasks would show whether few_shot or bare is better. Add tasks to the suite,",
        "             because the run used all of its tasks",
        "",
        "Format",
        "  n: number of calls with a model reply",
        "  variant   n            clean  valid first time  fixed by retry          failed",
        "  bare      3   33% [0.32, 94]    33% [0.32, 94]  33% [0.32, 94]  33% [0.32, 94]",
        "  few_shot  3  67% [6.3, 99.7]    100% [28, 100]      0% [0, 72]      0% [0, 72]",
        "",
        "Failed attempts",
        "  - bare: failed attempts by kind: syntax (no_json) 2, structure (required) 1",
        "  - bare: schema violations by location: /lines/* (required) 1",
        "",
        "Content",
        "  A valid value can be wrong. A right value equals the known answer. A call without a valid value has no right",
        "  leaves (single values).",
        "  variant   n            valid           right  wrong but valid    right leaves",
        "  bare      3  67% [6.3, 99.7]  33% [0.32, 94]   33% [0.32, 94]   58% [10, 100]",
        "  few_shot  3   100% [28, 100]  100% [28, 100]       0% [0, 72]  100% [22, 100]",
        "",
        "Tokens, time, and cost",
        "  variant   attempts  tokens in/out  s/call p50/p95  output tokens per valid value  per right value",
        "  bare             4         300/60         0.5/0.5                             30               60",
        "  few_shot         3         300/40         0.5/0.5                           13.3             13.3",
        "",
        "Differences",
        "  Each difference is the rate of A minus that of B, in percentage points. It counts only the tasks that both",
        "  answered. Both bounds hold with 95% confidence, at any time.",
        "  A minus B                                   tasks             points  odds     better",
        "  failed calls: bare minus few_shot               3     +33 [-74, +98]   1:1  undecided",
        "  wrong or failed calls: bare minus few_shot      3  +67 [-67, +99.93]   2:1  undecided",
        "",
        "Calls without a valid value, by difficulty",
        "  difficulty  bare  few_shot",
        "  easy         1/3       0/3",
        "",
        "Calls without a valid value, by schema",
        "  schema  bare  few_shot",
        "  t        1/1       0/1",
        "  s        0/2       0/2",
        "",
        "Not measured",
        "  - the cost is unknown, because you gave no prices",
        "  - the variation of a model on one task is unknown, because each task ran once",
        "  - few_shot: the tokens of 1 call are unknown, so the sums omit them",
    ]


def widest(text):
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("variants", [3, 12])
def test_text_fits_a_terminal(variants):
    """With three strategies, and with twelve variants of long names, no line is wider than 110 columns."""
    name = "system_prompt" if variants == 3 else "http://localhost:8000/v1#some-model strict_schema"
    names = {f"{name}{n}": 0.05 * n for n in range(variants)}

    assert widest(result_as_text(result_of(simulated(1, names, tasks=60, schemas=24)))) <= 110


def test_schemas_are_listed_the_hardest_first_and_thirty_of_them():
    """Of many schemas the thirty hardest are shown, and how many more there are."""
    calls = [
        scored(f"t{n}", how="failed" if n % 40 >= epoch else "clean", schema=f"s{n % 40:02}", epoch=epoch)
        for n in range(40)
        for epoch in range(40)
    ]
    text = result_as_text(result_of(run_of(*calls)))
    listed = re.findall(r"^  (s\d\d) +\d+/40$", text, re.MULTILINE)

    assert listed == [f"s{n:02}" for n in range(39, 9, -1)]
    assert "  - The table has the 30 worst rows. 10 more are not shown." in text


def test_groups_are_told_where_they_are_not_the_schemas():
    """With groups of schemas there is a table of them, group by variant."""
    text = result_as_text(result_of(simulated(1, {"a": 0.5}, tasks=30, schemas=6)))

    assert "Calls without a valid value, by group\n  group" in text


def test_of_many_comparisons_those_that_are_called_are_listed():
    """Beyond three variants only what is called different is listed, the surest first, and the number of all is told."""
    result = result_of(simulated(1, {"a": 0.01, "b": 0.02, "c": 0.5, "d": 0.5}, tasks=200))
    text = result_as_text(result)
    listed = re.findall(r"^  (?:failed calls|wrong or failed calls): . minus . .*$", text, re.MULTILINE)

    assert len(listed) == sum(one.called for one in result.comparisons)
    assert all(line.rstrip().endswith((" a", " b")) for line in listed)
    assert f"{len(listed)} of 12 comparisons show a difference" in text


def test_epochs_are_told():
    """With several epochs the table has the number of tasks beside that of calls, and says what counts."""
    text = result_as_text(result_of(simulated(1, {"a": 0.5}, tasks=7, epochs=3)))

    assert "; at most 2 attempts per call, each task 3 times\n" in text
    assert re.search(r"^  a +21 +7  ", text, re.MULTILINE)
    assert "  - Rates are means over tasks, so each task counts once.\n" in text


def test_money_is_told_where_there_are_prices():
    """With prices the costs are told in their currency, of all calls, of a valid and of a right value."""
    text = result_as_text(result_of(run_of(scored("t1", cost=0.5), scored("t2", cost=0.25), currency="EUR")))

    assert re.search(r"EUR  EUR per valid value  per right value\n  a .*  0\.75 +0\.375 +0\.375\n", text)


@pytest.mark.costly
@RUNS
@given(runs())
def test_no_strangers_text_is_unescaped(run):
    """Whatever a run names, every line of its text can be printed."""
    text = result_as_text(result_of(run))

    assert all(line.isprintable() for line in text.split("\n"))


def test_hostile_names_are_escaped():
    """Names, codes, keywords, locations and errors of strangers are shown escaped."""
    result = hostile()
    text, markdown = result_as_text(result), result_as_markdown(result)

    assert all(line.isprintable() for line in [*text.split("\n"), *markdown.split("\n")])
    assert text.count(r"\x1b[2J\x9b\r\n\u202e") >= 8
    assert "<b>" not in markdown
    assert "[l](x)" not in markdown.replace("\\[l](x)", "")


@pytest.mark.parametrize(
    ("name", "told"),
    [("http://x.org/a", r"http\://x.org/a"), ("www.x.org", r"www\.x.org"), ("a: b.c", "a: b.c")],
)
def test_address_is_no_link(name, told):
    """GitHub makes links of bare addresses; in a name that a model made up they stay text."""
    failed = FAILURES[1]._replace(code=name)

    assert f"structure ({told}) 1\n" in result_as_markdown(
        result_of(run_of(scored("t1", how="failed", failures=(failed,))))
    )


def test_markdown_has_the_tables_of_the_text():
    """The Markdown has the same numbers in the same words, as tables of GitHub's."""
    result = result_of(run_of(*CALLS))
    markdown = result_as_markdown(result)

    assert "| bare | 3 | 33% \\[0.32, 94] | 33% \\[0.32, 94] |" in markdown
    assert "| failed calls: bare minus few_shot | 3 | +33 \\[-74, +98] | 1:1 | undecided |" in markdown
    assert re.findall("^## (.*)$", markdown, re.MULTILINE) == [
        "Format",
        "Failed attempts",
        "Content",
        "Tokens, time, and cost",
        "Differences",
        "Calls without a valid value, by difficulty",
        "Calls without a valid value, by schema",
        "Not measured",
    ]


def test_names_come_with_their_variants_in_any_width():
    """Where names are too long for a table, variants have numbers, and a list says which is which."""
    text = result_as_text(result_of(run_of(scored("t1", "a" * 30), scored("t1", "b"))))

    assert f"\nvariant #1   {'a' * 30}\nvariant #2   b\n" in text
    assert "failed calls: #1 minus #2" in text
