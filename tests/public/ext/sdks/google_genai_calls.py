"""The google-genai package: models.generate_content."""

from tests.public.ext.sdks.case import BUSY, MODEL, PROSE, WRONG, Invoice, Sdk
from tests.public.ext.sdks.servers import serve_gemini

SDK = Sdk("google-genai", serve_gemini)
SDKS = [SDK]

CONFIG = {"response_mime_type": "application/json", "response_json_schema": Invoice.model_json_schema()}
PARSED = {"response_mime_type": "application/json", "response_schema": Invoice}


def client_of(url):
    from google import genai

    return genai.Client(api_key="k", http_options={"base_url": url})


@SDK.case("`models.generate_content()`", wrong=[WRONG, BUSY])
def generate(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.models.generate_content(model=MODEL, contents=prompt, config=CONFIG)

    return extract


@SDK.case("`models.generate_content()`", "async")
def generate_async(url):
    client = client_of(url)

    async def extract(prompt: str):
        return await client.aio.models.generate_content(model=MODEL, contents=prompt, config=CONFIG)

    return extract


@SDK.case("`models.generate_content_stream()`", "streamed")
def generate_streamed(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.models.generate_content_stream(model=MODEL, contents=prompt, config=CONFIG)

    return extract


@SDK.case("`models.generate_content_stream()`", "async streamed")
def generate_async_streamed(url):
    client = client_of(url)

    async def extract(prompt: str):
        return await client.aio.models.generate_content_stream(model=MODEL, contents=prompt, config=CONFIG)

    return extract


@SDK.case("`models.generate_content().text`")
def text(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.models.generate_content(model=MODEL, contents=prompt, config=CONFIG).text

    return extract


@SDK.case("`models.generate_content().parsed`", wrong=[WRONG, PROSE])
def parsed(url):
    client = client_of(url)

    def extract(prompt: str):
        return client.models.generate_content(model=MODEL, contents=prompt, config=PARSED).parsed

    return extract


@SDK.case("`models.generate_content().parsed`", "async")
def parsed_async(url):
    client = client_of(url)

    async def extract(prompt: str):
        response = await client.aio.models.generate_content(model=MODEL, contents=prompt, config=PARSED)
        return response.parsed

    return extract
