"""Facts about the list of providers."""

import sys
from importlib import import_module
from pathlib import Path
from subprocess import run

import schema_guard.providers
from schema_guard.providers.order import PROVIDERS, READERS

FOLDER = Path(schema_guard.providers.__file__).parent
NO_PROVIDERS = {
    "__init__", "failures", "fields", "message_lists", "messages", "model_output", "options", "order",
    "provider", "request_options",
}  # fmt: skip


def test_every_file_of_a_provider_has_its_row():
    """What stands in the folder is asked for, each once."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NO_PROVIDERS)
    results = [import_module(f"schema_guard.providers.{name}").PROVIDER for name in names]

    assert sorted(map(id, results)) == sorted(map(id, PROVIDERS))


def test_a_stop_word_means_the_same_to_all():
    """No provider's stop word means something else to another: a gateway passes on foreign ones."""
    lines = [
        (word, reason)
        for provider in PROVIDERS
        for reason, known in provider.stop_words.items()
        for word in known.split()
    ]

    assert dict(lines) == READERS.finish_reasons
    assert len(set(lines)) == len(READERS.finish_reasons)


def test_a_stop_word_that_rejects_is_an_error():
    """What says that the provider could not use what the model wrote is among the errors."""
    assert {READERS.finish_reasons[word] for word in READERS.rejecting} == {"error"}


def test_the_type_of_an_event_is_one_providers():
    """No two providers claim one type of event."""
    kinds = [kind for provider in PROVIDERS for kind in provider.events]

    assert len(kinds) == len(set(kinds))


def test_texts_need_no_provider():
    """Reading a text, or a stream of texts and bytes, imports no file of a provider."""
    code = (
        "import sys\n"
        "from schema_guard.received.replies import read\n"
        "from schema_guard.received.streams import StreamReader\n"
        "reader = StreamReader()\n"
        "read('{}'), read(b'{}'), reader.feed('{'), reader.feed(b'}'), reader.feed(None), reader.end()\n"
        "shared = {'', 'failures', 'fields', 'model_output'}\n"
        "loaded = {name.partition('schema_guard.providers')[2].strip('.') for name in sys.modules if 'guard.providers' in name}\n"
        "assert loaded <= shared, loaded\n"
    )

    assert run([sys.executable, "-c", code], check=False).returncode == 0
