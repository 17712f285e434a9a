"""The groq package: chat completions."""

from tests.public.ext.sdks.case import BUSY, MODEL, WRONG, Invoice, Sdk, turns
from tests.public.ext.sdks.servers import serve_groq

SDK = Sdk("groq", serve_groq)
SDKS = [SDK]

FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "invoice", "schema": Invoice.model_json_schema()},
}


def sync_client(url):
    from groq import Groq

    return Groq(api_key="k", base_url=url, max_retries=0)


def async_client(url):
    from groq import AsyncGroq

    return AsyncGroq(api_key="k", base_url=url, max_retries=0)


@SDK.case("`chat.completions.create()`", wrong=[WRONG, BUSY])
def create(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.create(model=MODEL, messages=turns(prompt), response_format=FORMAT)

    return extract


@SDK.case("`chat.completions.create()`", "async")
def create_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat.completions.create(
            model=MODEL, messages=turns(prompt), response_format=FORMAT
        )

    return extract


@SDK.case("`chat.completions.create()`", "streamed")
def create_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.create(model=MODEL, messages=turns(prompt), stream=True)

    return extract


@SDK.case("`chat.completions.create()`", "async streamed")
def create_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat.completions.create(model=MODEL, messages=turns(prompt), stream=True)

    return extract


@SDK.case("`chat.completions.with_raw_response.create()`")
def raw(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.with_raw_response.create(model=MODEL, messages=turns(prompt))

    return extract
