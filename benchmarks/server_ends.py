"""Measure the records that survive each kind of end of servers and workers, in rows and seconds.

    python benchmarks/server_ends.py [--only gunicorn] [--seconds 1.2] [--output FILE]

The script needs gunicorn, uvicorn, celery, rq, redis, and a redis-server or fakeredis with `lua`. Packages that are not
installed are omitted and reported. A server works under load, with one or three calls per request or job, and is ended
meanwhile. A call is acknowledged when it returned its value. An acknowledged call that is not in the file is lost. The
seconds are those of the longest call, except the first call of a process, and those from the start of the end to the
end of the process.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MODES = ("queue", "queue, flush", "sync")
CALLS = (1, 3)

APP = """
import os, time
import schema_guard
from schema_guard import guard

ACKS = os.open(os.environ["ACKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
FIRST = set()  # of which processes the first call, which imports, was made
CALLS, FLUSHES = int(os.environ["CALLS"]), bool(os.environ.get("FLUSHES"))

@guard({"type": "object"}, strategy="bare", max_attempts=1)
def extract(prompt: str):
    return "{}"

def acknowledge(call_id, seconds):
    os.write(ACKS, f"{call_id} {seconds if os.getpid() in FIRST else 0.0:.3f}\\n".encode())
    FIRST.add(os.getpid())

def work():
    for number in range(CALLS):
        begun = time.monotonic()
        outcome = extract.outcome("a")
        acknowledge(outcome.call.id, time.monotonic() - begun)

def wsgi(environ, start_response):
    work()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        if FLUSHES: schema_guard.flush()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await acall()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

@guard({"type": "object"}, strategy="bare", max_attempts=1)
async def aextract(prompt: str):
    return "{}"

async def acall():
    for number in range(CALLS):
        begun = time.monotonic()
        outcome = await aextract.outcome("a")
        acknowledge(outcome.call.id, time.monotonic() - begun)

def job():
    work()
    if FLUSHES: schema_guard.flush()
"""
CELERY = """
import os
import schema_guard
from app import FLUSHES, work
from celery import Celery
from celery.signals import worker_process_shutdown
celery = Celery("tasks", broker=os.environ["REDIS"])
celery.conf.task_ignore_result = True
task = celery.task(name="work")(work)
if FLUSHES:
    worker_process_shutdown.connect(lambda **_: schema_guard.flush(), weak=False)
"""
GUNICORN = """
import schema_guard
def worker_exit(server, worker): schema_guard.flush()
"""


class End(NamedTuple):
    """An end of a server.

    Attributes:
        server: Name of the server's package.
        name: Name of the end.
        signal: Signal to its main process. None if the process ends after its jobs.
        options: Options of its command.
    """

    server: str
    name: str
    signal: signal.Signals | None
    options: tuple[str, ...] = ()


ENDS = (
    End("gunicorn", "SIGTERM", signal.SIGTERM),
    End("gunicorn", "SIGINT", signal.SIGINT),
    End("gunicorn", "max-requests restarts", signal.SIGTERM, ("--max-requests", "10")),
    End("uvicorn", "SIGTERM", signal.SIGTERM),
    End("uvicorn", "SIGINT", signal.SIGINT),
    End("uvicorn", "max-requests restarts", signal.SIGTERM, ("--limit-max-requests", "10")),
    End("celery", "warm shutdown (SIGTERM)", signal.SIGTERM),
    End("celery", "warm shutdown (SIGINT)", signal.SIGINT),
    End("celery", "cold shutdown (SIGQUIT)", signal.SIGQUIT),
    End("celery", "max-tasks restarts", signal.SIGTERM, ("--max-tasks-per-child", "5")),
    End("rq", "os._exit of each work horse", None),
    End("rq", "warm shutdown (SIGTERM)", signal.SIGTERM),
    End("rq", "warm shutdown (SIGINT)", signal.SIGINT),
)


class Ended(NamedTuple):
    """The records of one server after its end."""

    acknowledged: int
    lost: int
    longest_call_s: float
    end_s: float


def free_port() -> int:
    """Return a port on which no program listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


@contextmanager
def redis_server() -> Iterator[str | None]:
    """Run redis-server or fakeredis within the block, and yield its URL. Yield None if neither is installed."""
    port = free_port()
    if shutil.which("redis-server"):
        command = [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
    elif importlib.util.find_spec("fakeredis"):
        serving = f"import fakeredis; fakeredis.TcpFakeServer(('127.0.0.1', {port})).serve_forever()"
        command = [sys.executable, "-c", serving]
    else:
        yield None
        return
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port))
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    """Return whether a program listens on a port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def wait_until(holds: object, timeout_s: float = 30.0) -> None:
    """Wait until a function returns a true value."""
    assert callable(holds)
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


class Trial:
    """One server in its own folder, with its environment."""

    def __init__(self, end: End, mode: str, calls: int, redis: str | None, folder: Path) -> None:
        self.end, self.redis, self.folder = end, redis, folder
        self.flushes = mode.endswith("flush")
        self.port = free_port()
        self.store, self.acks = folder / "records.db", folder / "acks"
        (folder / "app.py").write_text(APP, encoding="utf-8")
        (folder / "tasks.py").write_text(CELERY, encoding="utf-8")
        (folder / "gunicorn_hooks.py").write_text(GUNICORN, encoding="utf-8")
        self.acks.touch()
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
            "SCHEMA_GUARD_STORE": f"sqlite:///{self.store}?durability={mode.partition(',')[0]}",
            "ACKS": str(self.acks),
            "CALLS": str(calls),
            "FLUSHES": "1" if self.flushes else "",
            "REDIS": redis or "",
        }

    def command(self) -> list[str]:
        """Return the command that starts the server."""
        bind = ("127.0.0.1", str(self.port))
        if self.end.server == "gunicorn":
            hooks = ("-c", "python:gunicorn_hooks") if self.flushes else ()
            values = ("gunicorn", "app:wsgi", "--preload", "-w", "2", "-b", ":".join(bind), *hooks)
        elif self.end.server == "uvicorn":
            values = ("uvicorn", "app:asgi", "--workers", "2", "--host", bind[0], "--port", bind[1])
        elif self.end.server == "celery":
            values = ("celery", "-A", "tasks", "worker", "-c", "2", "--without-mingle", "--without-gossip")
        else:
            values = (
                "rq.cli",
                "worker",
                "--url",
                str(self.redis),
                *(("--burst",) if self.end.signal is None else ()),
            )
        return [sys.executable, "-m", *values, *self.end.options]

    def run(self, seconds: float) -> Ended:
        """Run the server for some seconds, end it, and count the records."""
        over = Event()
        if self.redis is not None:
            self.enqueue()
        process = subprocess.Popen(
            self.command(), cwd=self.folder, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        load = [Thread(target=self.load, args=(over,)) for _ in range(2)] if self.redis is None else []
        try:
            for thread in load:
                thread.start()
            if self.end.signal is not None:
                wait_until(lambda: self.acks.stat().st_size)
                time.sleep(seconds)
                process.send_signal(self.end.signal)
            begun = time.monotonic()
            process.wait(60)
            end_s = time.monotonic() - begun
        finally:
            over.set()
            process.kill()
            for thread in load:
                thread.join()
        return self.counted(end_s)

    def enqueue(self) -> None:
        """Enqueue more jobs than the worker can do before its end."""
        many = 12 if self.end.signal is None else 400
        if self.end.server == "rq":
            script = (
                "import os, redis, rq\n"
                "queue = rq.Queue(connection=redis.Redis.from_url(os.environ['REDIS'])); queue.empty()\n"
                f"for _ in range({many}): queue.enqueue('app.job')"
            )
        else:
            script = f"from tasks import celery, task\ncelery.control.purge()\nfor _ in range({many * 5}): task.delay()"
        subprocess.run(
            [sys.executable, "-c", script], cwd=self.folder, env=self.environment, check=True, timeout=60
        )

    def load(self, over: Event) -> None:
        """Send requests to the server until the event is set."""
        while not over.is_set():
            with (
                suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer,
            ):
                answer.read()
                continue
            time.sleep(0.01)

    def counted(self, end_s: float) -> Ended:
        """Compare the acknowledged calls with the rows in the file."""
        items = dict(line.split() for line in self.acks.read_text(encoding="utf-8").splitlines())
        connection = sqlite3.connect(self.store)
        stored = {call_id for (call_id,) in connection.execute("SELECT lower(hex(call_id)) FROM attempts")}
        connection.close()
        return Ended(
            len(items), len(items.keys() - stored), max(map(float, items.values()), default=0.0), end_s
        )


def run(end: End, mode: str, calls: int, redis: str | None, seconds: float) -> Ended:
    """Run one end of one server."""
    with tempfile.TemporaryDirectory() as folder:
        needs_redis = end.server in ("celery", "rq")
        return Trial(end, mode, calls, redis if needs_redis else None, Path(folder)).run(seconds)


def missing(end: End, redis: str | None) -> str | None:
    """Return the reason why an end cannot be tried. None if it can."""
    if importlib.util.find_spec(end.server) is None:
        return f"{end.server} is not installed"
    if end.server in ("celery", "rq") and redis is None:
        return "neither redis-server nor fakeredis is installed"
    if end.server == "rq" and not tells_clients(str(redis)):
        return "this Redis does not answer CLIENT INFO as rq reads it: install redis-server"
    return None


def tells_clients(url: str) -> bool:
    """Return whether a Redis supports CLIENT INFO, which not every version of fakeredis does."""
    import redis

    try:
        with redis.Redis.from_url(url) as connection:
            return "addr" in connection.client_info()
    except (ValueError, redis.RedisError):
        return False


def row(end: End, mode: str, redis: str | None, seconds: float) -> str:
    """Return the line of one end in one mode."""
    results = [run(end, mode, calls, redis, seconds) for calls in CALLS]
    cells = "".join(f"{f'{ended.lost}/{ended.acknowledged}':>14}" for ended in results)
    longest, ended = max(e.longest_call_s for e in results), max(e.end_s for e in results)
    return f"{end.server:10}{end.name:30}{mode:14}{cells}{longest:>12.3f}{ended:>10.2f}"


def main() -> None:
    """Print a row for each end and mode."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=sorted({end.server for end in ENDS}))
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    results = [
        name for name in ("gunicorn", "uvicorn", "celery", "rq", "redis") if importlib.util.find_spec(name)
    ]
    lines = [
        f"python benchmarks/server_ends.py --seconds {arguments.seconds}",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, "
            + ", ".join(f"{name} {version(name)}" for name in results)
        ),
        "rows lost / acknowledged, with one and three calls a request or job; the longest call and the end in seconds",
        "",
        f"{'server':10}{'end':30}{'durability':14}{'1 call':>14}{'3 calls':>14}{'longest s':>12}{'end s':>10}",
    ]
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        for end in ENDS:
            if arguments.only not in (None, end.server):
                continue
            if why := missing(end, redis):
                lines.append(f"{end.server:10}{end.name:30}left out: {why}")
                continue
            for mode in MODES:
                lines.append(row(end, mode, redis, arguments.seconds))
                print(lines[-1], file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
