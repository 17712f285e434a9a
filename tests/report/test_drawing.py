"""The plots of all pages: letters large enough, no label upon another or past the edge, whatever names and figures are."""

import re
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema_guard.decide import decide
from schema_guard.report.decision.page import decision_page, rates_plot
from schema_guard.report.drawing import FONT_SIZE, WIDTH, RateRow, plot_rates
from tests.public.decide.examples import failing, strategy
from tests.report.decision.examples import VERDICTS
from tests.thinned import examples

# The mean width of a letter in DejaVu Sans, one of the widest fonts of browsers, and the height of a line, in em.
LETTER, LINE = 0.58, 0.8
RATES = st.floats(0, 1)
NAMES = st.lists(
    st.text("abcdefgmw_-.", min_size=1, max_size=40).map(lambda name: f"shop.{name}"),
    min_size=1,
    max_size=8,
    unique=True,
)


def boxes(svg):
    """Left, right, top, bottom and text of every label, in units of the view box."""
    results = []
    for label in ET.fromstring(svg).iter("text"):  # noqa: S314 - our own
        wide, height = LETTER * FONT_SIZE * len(label.text), LINE * FONT_SIZE
        x, y = float(label.attrib["x"]), float(label.attrib["y"])
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[label.attrib["text-anchor"]]
        results.append((left, left + wide, y - height, y, label.text))
    return results


def faults(svg):
    """Say which labels stand upon each other, or pass the edge."""
    labels = boxes(svg)
    results = [(text, "edge") for left, right, _, _, text in labels if left < 0 or right > WIDTH + 1]
    for one, (left, right, top, bottom, text) in enumerate(labels):
        results += [
            (text, other[4])
            for other in labels[:one]
            if left < other[1] - 1 and other[0] < right - 1 and top < other[3] - 1 and other[2] < bottom - 1
        ]
    return results


def drawn(rows, target):
    rows = [row._replace(target=target) for row in rows]
    return plot_rates("t", "", rows, "calls", name="rates").svg


def test_letters_are_legible_on_a_phone():
    """On a screen of 400 pixels, less the margins, letters are at least 11 pixels high."""
    assert FONT_SIZE * (400 - 2 * 10 - 2 * 6) / WIDTH >= 11


def light_and_dark():
    """The colours of the style sheet, by name, in light and in dark."""
    style = files("schema_guard.report").joinpath("page.css").read_text()
    roots = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#\w+);", root)) for root in roots]


def contrast(one, other):
    """As WCAG 2.2 defines it."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colours", light_and_dark(), ids=["light", "dark"])
def test_colours_are_told_from_their_ground(colours):
    """In light as in dark, every colour of letters and marks stands out from the page and its panels: WCAG AA."""
    shown = set(colours) - {"paper", "panel", "faint"}
    weak = {
        (name, ground)
        for name in shown
        for ground in ("paper", "panel")
        if contrast(colours[name], colours[ground]) < 4.5
    }

    assert shown >= {"ink", "muted", "pass", "fail", "open"}
    assert weak == set()


@pytest.mark.costly
@given(
    st.lists(st.tuples(RATES, RATES, RATES).map(sorted), min_size=1, max_size=6),
    st.sampled_from([None, 0.001, 0.01, 0.05, 0.3]),
)
@examples(8)
def test_rates_stand_clear(found, target):
    """Whatever the rates, their bounds and the target, no mark of the axis stands upon another or past the edge."""
    rows = [
        RateRow(f"row {number}", rate, lower, upper)
        for number, (lower, rate, upper) in enumerate(found)
        if upper > 0
    ]

    assert not rows or faults(drawn(rows, target)) == []


@pytest.mark.costly
@given(NAMES)
@settings(max_examples=3)
def test_names_of_a_verdict_stand_clear(names):
    """However long its names are, no label of a verdict's rates stands past the edge, and no two rows look alike."""
    strategies = [strategy(n=40_000, k=4_321) | {"id": name} for name in names]
    svg = rates_plot(decide(failing(strategies=strategies)).as_dict()).svg
    messages = [text for *_, text in boxes(svg)]

    assert faults(svg) == []
    assert len(set(messages)) == len(messages)


@pytest.mark.costly
@pytest.mark.parametrize(
    "name",
    [
        "pilot",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("never pays", "no economics", "schemas")),
    ],
)
def test_plots_of_a_verdict_stand_clear(name):
    """Every label of a verdict's plots says how large it is, and none stands upon another or past the edge."""
    plots = re.findall(r"<svg.*?</svg>", decision_page(VERDICTS[name]), re.DOTALL)

    assert plots
    assert [fault for svg in plots for fault in faults(svg)] == []
