"""The Compose file on the page about stores is valid YAML, and agrees with the command and the rest of the page."""

import re
from pathlib import Path

import pytest

from schema_guard.cli.command import command

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which mkdocs installs")
PAGE = Path(__file__).parents[2].joinpath("schema_guard", "docs", "stores.md").read_text("utf-8")
(TEXT,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SERVICES = yaml.safe_load(TEXT)["services"]


def test_each_port_is_open_on_this_machine_only():
    """Nothing listens on an address that another machine reaches."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_report_is_a_command_that_exists():
    """The arguments are those of the installed command."""
    program, name, *arguments = SERVICES["report"]["command"]
    report = command.get_command(None, name)
    # click keeps the help option of a command's first context.
    context = report.make_context(name, list(arguments), help_option_names=["-h", "--help"])

    assert program == "schema-guard"
    assert context.params["port"] == 8000


@pytest.mark.parametrize("name", ["app", "report"])
def test_the_app_and_the_report_use_the_same_store(name):
    """Both have the address of the database, and the key of the hashes."""
    environment = SERVICES[name]["environment"]
    database = SERVICES["db"]["environment"]
    user, place = f"postgresql://{database['POSTGRES_USER']}@", f"/{database['POSTGRES_DB']}"

    assert environment["SCHEMA_GUARD_STORE"].startswith(user)
    assert environment["SCHEMA_GUARD_STORE"].endswith(place)
    assert environment["PGPASSWORD"] == database["POSTGRES_PASSWORD"]
    assert "SCHEMA_GUARD_HASH_KEY" in environment


def test_no_secret_is_written_in_the_file():
    """A password comes from the environment, and Compose stops without it."""
    values = [value for one in SERVICES.values() for value in one.get("environment", {}).items()]
    secrets = [text for name, text in values if "PASSWORD" in name or name.endswith("KEY")]

    assert secrets
    assert all(text.startswith("${") and ":?" in text for text in secrets)
