"""Servers and workers that are ended under load lose what the table of the chapter says: the real packages."""

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BENCHMARK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "server_ends.py"))
ENDS = {f"{end.server}, {end.name}": end for end in BENCHMARK["ENDS"]}


@pytest.fixture(scope="module")
def redis():
    with BENCHMARK["redis_server"]() as url:
        yield url


@pytest.mark.parametrize(
    ("name", "mode", "calls"),
    [
        ("gunicorn, SIGTERM", "queue", 3),
        ("gunicorn, SIGTERM", "sync", 1),
        ("uvicorn, SIGTERM", "queue", 3),
        ("uvicorn, SIGTERM", "sync", 1),
        # Celery by itself takes half a minute for some of its shutdowns.
        ("celery, warm shutdown (SIGTERM)", "queue, flush", 3),
        ("celery, warm shutdown (SIGTERM)", "sync", 1),
        ("rq, os._exit of each work horse", "queue, flush", 3),
        ("rq, os._exit of each work horse", "sync", 3),
    ],
)
def test_an_end_loses_no_acknowledged_row(redis, name, mode, calls):
    """With `sync`, and in the background where the end runs Python or flushes, every acknowledged row is stored."""
    end = ENDS[name]
    if why := BENCHMARK["missing"](end, redis):
        pytest.skip(why)

    ended = BENCHMARK["run"](end, mode, calls, redis, 0.4)

    assert ended.acknowledged > 0
    assert ended.lost == 0
    assert ended.longest_call_s < 1.0
