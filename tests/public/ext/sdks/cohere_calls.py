"""The cohere package: chat of its second version."""

from tests.public.ext.sdks.case import MODEL, WRONG, Invoice, Sdk, turns
from tests.public.ext.sdks.servers import serve_cohere

SDK = Sdk("cohere", serve_cohere)
SDKS = [SDK]

FORMAT = {"type": "json_object", "json_schema": Invoice.model_json_schema()}


def sync_client(url):
    import cohere

    return cohere.ClientV2(api_key="k", base_url=url)


def async_client(url):
    import cohere

    return cohere.AsyncClientV2(api_key="k", base_url=url)


@SDK.case("`chat()`", wrong=[WRONG])
def chat(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat(model=MODEL, messages=turns(prompt), response_format=FORMAT)

    return extract


@SDK.case("`chat()`", "async")
def chat_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat(model=MODEL, messages=turns(prompt), response_format=FORMAT)

    return extract


@SDK.case("`chat_stream()`, its events", "streamed")
def chat_stream(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat_stream(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat_stream()`, its events", "async streamed")
def chat_stream_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        async for event in client.chat_stream(model=MODEL, messages=turns(prompt)):
            yield event

    return extract
