# SPDX-License-Identifier: Apache-2.0
"""Progress on a pipe: at most one line every ten seconds."""

import pytest

from schema_guard.cli.shared import progress as module
from schema_guard.cli.shared.progress import phases, progress, steps


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def lines(capsys):
    """The printed lines without bars, which rich prints at the end of a task."""
    return [line for line in capsys.readouterr().err.splitlines() if line and "━" not in line]


def test_line_has_counts_rate_and_time_left(clock, capsys):
    """After ten seconds, a run prints its calls, their rate, and the time left."""
    with progress(100) as on_call:
        for _ in range(20):
            clock[0] += 1
            on_call("few_shot", clock[0] > 5)

    assert lines(capsys) == [
        "few_shot, 5 failed: 10 of 100, 1 a second, 0:01:30 left",
        "few_shot, 5 failed: 20 of 100, 1 a second, 0:01:20 left",
    ]


@pytest.mark.parametrize("task", [steps, None])
def test_tasks_with_steps_print_lines(task, clock, capsys):
    """Exports, imports, and checks print lines too."""
    with steps("exported", 30) if task else phases() as on_step:
        for number in range(1, 4):
            clock[0] += 5
            on_step(10) if task else on_step("checked", 10 * number, None)

    expected = "exported: 20 of 30, 2 a second, 0:00:05 left" if task else "checked: 20, 2 a second"
    assert lines(capsys) == [expected]


def test_phase_prints_its_facts_and_the_time_left(clock, capsys):
    """Tuning prints a line every ten seconds. Steps before a resume don't count for the time left."""
    with phases() as on_step:
        on_step("the host checks train.jsonl", 0, None)
        for number in range(20, 25):
            clock[0] += 5
            on_step(f"steps, loss {number}", number, 50)

    assert lines(capsys) == [
        "steps, loss 21: 21 of 50, 0.2 a second, 0:02:25 left",
        "steps, loss 23: 23 of 50, 0.2 a second, 0:02:15 left",
    ]


def test_short_task_prints_no_line(clock, capsys):
    """A task of nine seconds prints no line."""
    with steps("exported", 9) as on_step:
        for _ in range(9):
            clock[0] += 1
            on_step(1)

    assert lines(capsys) == []
