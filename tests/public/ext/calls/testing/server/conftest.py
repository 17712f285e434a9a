"""The real clients of OpenAI and Anthropic, aimed at a server on loopback."""

import anthropic
import openai
import pytest

TIMEOUT_S = 10.0
MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def open_clients():
    """One client of each provider; a copy for another address shares its connections."""
    arguments = {"api_key": "secret", "max_retries": 0, "timeout": TIMEOUT_S}
    with openai.OpenAI(**arguments) as of_openai, anthropic.Anthropic(**arguments) as of_anthropic:
        yield of_openai, of_anthropic


@pytest.fixture
def chat(open_clients):
    def ask(server, messages=MESSAGES, **options):
        client = open_clients[0].with_options(base_url=server.openai_url)
        return client.chat.completions.create(model="m", messages=messages, **options)

    return ask


@pytest.fixture
def responses(open_clients):
    return lambda server: open_clients[0].with_options(base_url=server.openai_url).responses


@pytest.fixture
def messages(open_clients):
    return lambda server: open_clients[1].with_options(base_url=server.anthropic_url).messages
