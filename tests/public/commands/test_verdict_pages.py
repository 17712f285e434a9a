"""The pages of `schema-guard decide`: one rate first, colors by meaning, and the next command to copy."""

import json
import re

import pytest

from schema_guard import open_store
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.decide.examples import ladder, strategy
from tests.public.decide.production import DAY, SHAPE, Production

pytest.importorskip("jinja2", reason="needs the extra 'report'")


@pytest.fixture(scope="module")
def risen(tmp_path_factory):
    """The page of a function whose failures rose after four weeks."""
    folder = tmp_path_factory.mktemp("risen")
    url = f"sqlite:///{folder}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        production = Production(store, clock, folder)
        production.calls(1_400, 200, SHAPE, after_s=DAY / 50)
        production.calls(200, 4, SHAPE, version="v2", after_s=DAY / 50)
        store.flush(60.0)
        return command("decide", "--max-failure-rate", "1%", "--format", "html", "--store", url)[1]


def page_of(folder, evidence):
    (folder / "e.json").write_text(json.dumps(evidence))
    return command("decide", "--evidence", f"{folder}/e.json", "--format", "html")[1]


def first_screen(page):
    return page.partition('<details class="rest"')[0]


def test_first_screen_has_the_rate_that_counts(risen):
    """The first screen has the current rate with its target, and says when failures rose."""
    facts = re.search(r"</h1>(.*?)<figure", first_screen(risen), re.DOTALL)[1]

    assert len(re.findall(r"% of calls failed \(.*?\)\. Target: 1%", facts)) == 1
    assert "failures rose between" in facts or "failures rose on" in facts


def test_next_command_is_a_block_of_code(risen):
    """The command of the next step is the whole block, so that a reader can copy it."""
    (code,) = re.findall(r'<pre class="command" tabindex="0"><code>(.*?)</code>', first_screen(risen))

    assert code.startswith("schema-guard decide --function shop.extract --since ")
    assert "#" not in code


def test_steps_that_are_not_measured_are_not_in_the_chart(folder):
    """The chart lists only measured steps."""
    steps = ladder(temperature="untested", larger_model="untested")
    page = first_screen(page_of(folder, {"strategies": [strategy(n=2000, k=120)], "ladder": steps}))

    assert "larger_model" not in re.search(r"<figcaption>.*?</figcaption>", page)[0]


def test_a_label_stands_at_its_mark(folder):
    """The label of a rate is centered at its mark, and the line of the target is not drawn through labels."""
    strategies = [strategy("few_shot", 2_000, 120), strategy("strict_schema", 2_000, 60)]
    page = page_of(folder, {"strategies": strategies, "ladder": ladder()})
    (svg,) = re.findall(r"<svg(?:(?!</svg>).)*rates-title.*?</svg>", page, re.DOTALL)
    labels = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>\w+: \d', svg)
    squares = re.findall(r'<polygon points="([\d.]+),[\d.]+ ([\d.]+),', svg)
    lines = re.findall(r'points="[\d.]+,([\d.]+) [\d.]+,([\d.]+)"[^>]*stroke-dasharray="4 3"', svg)

    assert len(labels) == len(squares) == len(lines) == 2
    assert all(
        abs(float(x) - (float(left) + float(right)) / 2) < 40
        for (x, _), (left, right) in zip(labels, squares, strict=True)
    )
    assert all(float(y) <= float(top) for (_, y), (top, _) in zip(labels, lines, strict=True))


@pytest.mark.parametrize(("k", "tone"), [(0, "pass"), (120, "fail")])
def test_color_follows_the_verdict(folder, k, tone):
    """A verdict to keep prompting is green, and one against it is red."""
    steps = ladder(larger_model="untested")
    page = page_of(folder, {"strategies": [strategy(n=2_000, k=k)], "ladder": steps})

    assert f'<h1 class="{tone}">' in page


def test_a_switch_is_amber(folder):
    """PROMPTING_ENOUGH that means a switch is neither green nor red."""
    url = f"sqlite:///{folder}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        production = Production(store, clock, folder)
        production.calls(600, 10, SHAPE, after_s=600.0)
        production.calls(1_500, 0, name="playbook:1:few_shot:shop.extract", strategy="few_shot",
                         examples=[("a", {"team": "a"})], after_s=60.0)  # fmt: skip
        store.flush(60.0)
        arguments = ("decide", "--max-failure-rate", "1%", "--store", url)
        verdict = json.loads(command(*arguments, "--format", "json")[1])
        page = command(*arguments, "--format", "html")[1]

    assert (verdict["verdict"], "switch_to" in verdict) == ("PROMPTING_ENOUGH", True)
    assert '<h1 class="open">' in page


def test_outlines_have_enough_contrast(risen):
    """Every line and outline of a drawing has a contrast of at least 3:1 with its ground, in light and in dark."""
    strokes = set(re.findall(r'stroke="var\(--(\w+)\)"', risen))
    roots = re.findall(r":root \{(.*?)\}", risen, re.DOTALL)

    assert {"series1", "muted", "ink"} <= strokes
    assert len(roots) == 2
    for root in roots:
        colors = dict(re.findall(r"--(\w+): (#\w{6});", root))
        weak = {name for name in strokes if contrast(colors[name], colors["panel"]) < 3}
        assert weak == set()


def contrast(one, other):
    """Return the contrast of two colors, as WCAG 2.2 defines it."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color):
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
