"""The instructor package, over the clients of openai and anthropic."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, WRONG, Invoice, Sdk, turns

SDK = Sdk("instructor")
SDKS = [SDK]


def sync_client(url):
    import instructor
    from openai import OpenAI

    return instructor.from_openai(OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0))


def async_client(url):
    import instructor
    from openai import AsyncOpenAI

    return instructor.from_openai(AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0))


def json_client(url):
    import instructor
    from openai import OpenAI

    client = OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return instructor.from_openai(client, mode=instructor.Mode.JSON)


def anthropic_client(url):
    import instructor
    from anthropic import Anthropic

    return instructor.from_anthropic(Anthropic(api_key="k", base_url=url, max_retries=0))


@SDK.case("`create()`, over openai", finish_reason="tool_call", wrong=[WRONG, PROSE, CUT, BUSY])
def create(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.create(model=MODEL, messages=turns(prompt), response_model=Invoice)

    return extract


@SDK.case("`create()`, over openai", "async", finish_reason="tool_call", wrong=[WRONG])
def create_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.create(model=MODEL, messages=turns(prompt), response_model=Invoice)

    return extract


@SDK.case("`create()`, over openai in JSON mode", wrong=[WRONG, PROSE, CUT])
def create_json(url):
    client = json_client(url)

    def extract(prompt: str):
        return client.create(model=MODEL, messages=turns(prompt), response_model=Invoice)

    return extract


@SDK.case("`create()`, over anthropic", finish_reason="tool_call", wrong=[WRONG, CUT])
def create_anthropic(url):
    client = anthropic_client(url)

    def extract(prompt: str):
        return client.create(model=MODEL, max_tokens=1024, messages=turns(prompt), response_model=Invoice)

    return extract


@SDK.case("`create(max_retries=0)`, over openai", finish_reason="tool_call", wrong=[WRONG, CUT])
def create_once(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.create(model=MODEL, messages=turns(prompt), response_model=Invoice, max_retries=0)

    return extract


@SDK.case("`create_with_completion()`, over openai", wrong=[WRONG], finish_reason="tool_call")
def with_completion(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.create_with_completion(model=MODEL, messages=turns(prompt), response_model=Invoice)

    return extract


@SDK.case("`create_with_completion()`, over openai", "async", finish_reason="tool_call")
def with_completion_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.create_with_completion(
            model=MODEL, messages=turns(prompt), response_model=Invoice
        )

    return extract


@SDK.case("`create_with_completion()`, over openai in JSON mode")
def with_completion_json(url):
    client = json_client(url)

    def extract(prompt: str):
        return client.create_with_completion(model=MODEL, messages=turns(prompt), response_model=Invoice)

    return extract


@SDK.case("`create_with_completion()`, over anthropic", finish_reason="tool_call")
def with_completion_anthropic(url):
    client = anthropic_client(url)

    def extract(prompt: str):
        return client.create_with_completion(
            model=MODEL, max_tokens=1024, messages=turns(prompt), response_model=Invoice
        )

    return extract


@SDK.case("`create_partial()`, its last value", wrong=[CUT])
def partial(url):
    client = sync_client(url)

    def extract(prompt: str):
        values = client.create_partial(model=MODEL, messages=turns(prompt), response_model=Invoice)
        return list(values)[-1]

    return extract


@SDK.case("`create_partial()`", wrong=[WRONG, CUT])
def partial_returned(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.create_partial(model=MODEL, messages=turns(prompt), response_model=Invoice)

    return extract


@SDK.case("`create_partial()`", "async", wrong=[WRONG])
def partial_returned_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return client.create_partial(model=MODEL, messages=turns(prompt), response_model=Invoice)

    return extract


@SDK.case("`create_partial()`, its values", "streamed", wrong=[WRONG, CUT])
def partial_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        yield from client.create_partial(model=MODEL, messages=turns(prompt), response_model=Invoice)

    return extract
