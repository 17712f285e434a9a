"""What a URL of a PostgreSQL store says, and that nobody is told its password."""

import pytest

from schema_guard.ext.postgres import address
from schema_guard.records import resolve_store, urls

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'schema-guard[postgres]'")
HUSH = "hu%40sh-9381"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgres://db/app", "postgresql://db/app?schema=schema_guard"),
        (f"postgresql://me:{HUSH}@db:5432/app", "postgresql://me@db:5432/app?schema=schema_guard"),
        ("postgresql:///app?host=/tmp/x&schema=mine", "postgresql:///app?host=/tmp/x&schema=mine"),
        (
            f"postgresql://me@a,b/app?password={HUSH}&sslmode=require",
            "postgresql://me@a,b/app?sslmode=require&schema=schema_guard",
        ),
    ],
)
def test_a_url_is_told_without_its_password(url, told):
    """What libpq knows goes on to it; the schema has a name of its own unless the URL says another."""
    backend = urls.connect(url)

    assert backend.url == told
    assert "sh-9381" not in repr(backend) + repr(vars(backend))


def test_durability_is_said_beside_what_libpq_knows():
    """`?durability=` is ours, wherever it stands."""
    store = resolve_store("postgresql://db/app?connect_timeout=3&durability=sync&sslmode=require")

    assert store.is_sync
    assert store.url == "postgresql://db/app?connect_timeout=3&sslmode=require&schema=schema_guard"


def test_a_short_password_garbles_no_error():
    """A password of one letter occurs in ordinary words; a longer one is hidden."""
    error = "the key of sesame is broken"

    assert address.parsed("postgresql://me:k@db/app").error_text(error) == error
    assert address.parsed("postgresql://me:sesame@db/app").error_text(error) == "the key of *** is broken"
