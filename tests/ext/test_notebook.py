"""A notebook shows the page of a result."""

import re
import sys
from html import unescape

import pytest

from schema_guard import guard, open_store
from schema_guard.bench.result.figures import result_of
from schema_guard.decide import decide
from schema_guard.report import report_on
from tests.bench.simulated_runs import run_of, scored

pytest.importorskip("jinja2")
HOSTILE = '"><script>alert(1)</script>'
FRAME = re.compile(
    r'<iframe sandbox style="width:100%;height:\d+px;border:0" srcdoc="(?P<page>[^"<>]*)"></iframe>'
)


def outcome(reply):
    """Return the outcome of a function whose name and reply try to leave the frame."""
    ask = guard({"type": "string"}, store=None, name=HOSTILE, max_attempts=1, on_failure="return")
    return ask(lambda prompt: reply).outcome("a")


def report():
    with open_store("sqlite://") as store:
        guard({"type": "string"}, store=store, name=HOSTILE)(lambda prompt: '"a"')("a")
        return report_on(store)


def verdict():
    counts = {"id": "plain", "rung": "system_prompt", "n": 400, "k_final": 30}
    return decide({"strategies": [counts], "calls_per_month": 2000})


def bench_result():
    return result_of(run_of(scored("t1", HOSTILE), scored("t2", HOSTILE, "failed"), suite=HOSTILE))


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (lambda: outcome(f'"{HOSTILE[1:]}"'), "returned a valid value after 1 attempt"),
        (lambda: outcome("no"), "failed after 1 attempt"),
        (report, "schema-guard report"),
        (verdict, "schema-guard"),
        (bench_result, "50%"),
    ],
    ids=["outcome", "failed", "report", "verdict", "bench_result"],
)
def test_a_result_is_a_frame_without_a_script(made, shown):
    """Neither the frame nor its page has a tag of a text, and the page keeps its policy."""
    page = unescape(FRAME.fullmatch(made()._repr_html_())["page"])

    assert shown in page
    assert "Content-Security-Policy" in page
    assert "<script" not in page


def test_without_jinja2_the_notebook_shows_the_text(monkeypatch):
    """None makes it use `repr`."""
    monkeypatch.setitem(sys.modules, "jinja2", None)

    assert outcome("no")._repr_html_() is None
