"""The mistralai package: chat."""

from tests.public.ext.sdks.case import BUSY, MODEL, PROSE, WRONG, Invoice, Sdk, turns
from tests.public.ext.sdks.servers import serve_mistral

SDK = Sdk("mistralai", serve_mistral)
SDKS = [SDK]


def client_of(url):
    from mistralai.client import Mistral

    return Mistral(api_key="k", server_url=url)


@SDK.case("`chat.complete()`")
def complete(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.chat.complete(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.complete()`", "async")
def complete_async(url):
    client = client_of(url)

    async def extract(prompt: str):
        return await client.chat.complete_async(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.stream()`, its events", "streamed")
def stream(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.chat.stream(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.stream()`, its events", "async streamed")
def stream_async(url):
    client = client_of(url)

    async def extract(prompt: str):
        return await client.chat.stream_async(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.parse()`", wrong=[WRONG, PROSE, BUSY])
def parse(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.chat.parse(Invoice, model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.parse()`", "async")
def parse_async(url):
    client = client_of(url)

    async def extract(prompt: str):
        return await client.chat.parse_async(Invoice, model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.parse().choices[0].message.parsed`")
def parsed(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.chat.parse(Invoice, model=MODEL, messages=turns(prompt)).choices[0].message.parsed

    return extract


@SDK.case("`chat.parse().choices[0].message.parsed`", "async")
def parsed_async(url):
    client = client_of(url)

    async def extract(prompt: str):
        response = await client.chat.parse_async(Invoice, model=MODEL, messages=turns(prompt))
        return response.choices[0].message.parsed

    return extract
