"""The ollama package: chat and generate."""

from tests.public.ext.sdks.case import BUSY, MODEL, WRONG, Invoice, Sdk, turns
from tests.public.ext.sdks.servers import serve_ollama

SDK = Sdk("ollama", serve_ollama)
SDKS = [SDK]


def sync_client(url):
    from ollama import Client

    return Client(host=url)


def async_client(url):
    from ollama import AsyncClient

    return AsyncClient(host=url)


@SDK.case("`chat()`", wrong=[WRONG, BUSY])
def chat(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat(model=MODEL, messages=turns(prompt), format=Invoice.model_json_schema())

    return extract


@SDK.case("`chat()`", "async")
def chat_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat(model=MODEL, messages=turns(prompt), format=Invoice.model_json_schema())

    return extract


@SDK.case("`chat()`", "streamed")
def chat_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat(model=MODEL, messages=turns(prompt), stream=True)

    return extract


@SDK.case("`chat()`", "async streamed")
def chat_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat(model=MODEL, messages=turns(prompt), stream=True)

    return extract


@SDK.case("`generate()`")
def generate(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.generate(model=MODEL, prompt=prompt)

    return extract


@SDK.case("`generate()`", "async")
def generate_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.generate(model=MODEL, prompt=prompt)

    return extract


@SDK.case("`generate()`", "streamed")
def generate_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.generate(model=MODEL, prompt=prompt, stream=True)

    return extract


@SDK.case("`generate()`", "async streamed")
def generate_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.generate(model=MODEL, prompt=prompt, stream=True)

    return extract


@SDK.case("`chat()`, `Invoice.model_validate_json(...)` of its text")
def validated(url):
    client = sync_client(url)

    def extract(prompt: str):
        response = client.chat(model=MODEL, messages=turns(prompt), format=Invoice.model_json_schema())
        return Invoice.model_validate_json(response.message.content)

    return extract
