"""The anthropic package: Messages."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, REFUSED, WRONG, Invoice, Sdk, turns

SDK = Sdk("anthropic")
SDKS = [SDK]

TOOL = {"name": "invoice", "input_schema": Invoice.model_json_schema()}
CHOICE = {"type": "tool", "name": "invoice"}


def sync_client(url):
    from anthropic import Anthropic

    return Anthropic(api_key="k", base_url=url, max_retries=0)


def async_client(url):
    from anthropic import AsyncAnthropic

    return AsyncAnthropic(api_key="k", base_url=url, max_retries=0)


@SDK.case("`messages.create()`", wrong=[WRONG, CUT, REFUSED, BUSY])
def create(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.messages.create(model=MODEL, max_tokens=1024, messages=turns(prompt))

    return extract


@SDK.case("`messages.create()`", "async")
def create_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.messages.create(model=MODEL, max_tokens=1024, messages=turns(prompt))

    return extract


@SDK.case("`messages.create()`", "streamed")
def create_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.messages.create(model=MODEL, max_tokens=1024, messages=turns(prompt), stream=True)

    return extract


@SDK.case("`messages.create()`", "async streamed")
def create_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.messages.create(model=MODEL, max_tokens=1024, messages=turns(prompt), stream=True)

    return extract


@SDK.case("`messages.create()` with a tool", finish_reason="tool_call")
def tool(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.messages.create(
            model=MODEL, max_tokens=1024, messages=turns(prompt), tools=[TOOL], tool_choice=CHOICE
        )

    return extract


@SDK.case("`messages.create()` with a tool", "async", finish_reason="tool_call")
def tool_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.messages.create(
            model=MODEL, max_tokens=1024, messages=turns(prompt), tools=[TOOL], tool_choice=CHOICE
        )

    return extract


@SDK.case("`messages.create()` with a tool", "streamed", finish_reason="tool_call")
def tool_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.messages.create(
            model=MODEL,
            max_tokens=1024,
            messages=turns(prompt),
            tools=[TOOL],
            tool_choice=CHOICE,
            stream=True,
        )

    return extract


@SDK.case("`messages.create()` with a tool", "async streamed", finish_reason="tool_call")
def tool_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.messages.create(
            model=MODEL,
            max_tokens=1024,
            messages=turns(prompt),
            tools=[TOOL],
            tool_choice=CHOICE,
            stream=True,
        )

    return extract


@SDK.case("`messages.create()`, the `input` of its tool call")
def tool_input(url):
    client = sync_client(url)

    def extract(prompt: str):
        message = client.messages.create(
            model=MODEL, max_tokens=1024, messages=turns(prompt), tools=[TOOL], tool_choice=CHOICE
        )
        return next(block.input for block in message.content if block.type == "tool_use")

    return extract


@SDK.case("`messages.create().content[0].text`")
def text(url):
    client = sync_client(url)

    def extract(prompt: str):
        message = client.messages.create(model=MODEL, max_tokens=1024, messages=turns(prompt))
        return message.content[0].text

    return extract


@SDK.case("`messages.parse()`", wrong=[WRONG, PROSE, CUT, REFUSED, BUSY])
def parse(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.messages.parse(
            model=MODEL, max_tokens=1024, messages=turns(prompt), output_format=Invoice
        )

    return extract


@SDK.case("`messages.parse()`", "async")
def parse_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.messages.parse(
            model=MODEL, max_tokens=1024, messages=turns(prompt), output_format=Invoice
        )

    return extract


@SDK.case("`messages.parse().parsed_output`", wrong=[WRONG, REFUSED])
def parsed(url):
    client = sync_client(url)

    def extract(prompt: str):
        message = client.messages.parse(
            model=MODEL, max_tokens=1024, messages=turns(prompt), output_format=Invoice
        )
        return message.parsed_output

    return extract


@SDK.case("`messages.parse().parsed_output`", "async")
def parsed_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        message = await client.messages.parse(
            model=MODEL, max_tokens=1024, messages=turns(prompt), output_format=Invoice
        )
        return message.parsed_output

    return extract


@SDK.case("`messages.stream()`", "streamed", wrong=[WRONG, CUT])
def stream_manager(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.messages.stream(model=MODEL, max_tokens=1024, messages=turns(prompt))

    return extract


@SDK.case("`messages.stream()`", "async streamed", wrong=[WRONG])
def stream_manager_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return client.messages.stream(model=MODEL, max_tokens=1024, messages=turns(prompt))

    return extract


@SDK.case("`messages.stream()`, its events", "streamed")
def stream_events(url):
    client = sync_client(url)

    def extract(prompt: str):
        with client.messages.stream(model=MODEL, max_tokens=1024, messages=turns(prompt)) as stream:
            yield from stream

    return extract


@SDK.case("`messages.stream()`, its events", "async streamed")
def stream_events_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        async with client.messages.stream(model=MODEL, max_tokens=1024, messages=turns(prompt)) as stream:
            async for event in stream:
                yield event

    return extract


@SDK.case("`messages.stream()`, its events with a tool", "streamed", finish_reason="tool_call")
def stream_tool_events(url):
    client = sync_client(url)

    def extract(prompt: str):
        with client.messages.stream(
            model=MODEL, max_tokens=1024, messages=turns(prompt), tools=[TOOL], tool_choice=CHOICE
        ) as stream:
            yield from stream

    return extract


@SDK.case("`messages.stream()`, its `text_stream`", "streamed")
def text_stream(url):
    client = sync_client(url)

    def extract(prompt: str):
        with client.messages.stream(model=MODEL, max_tokens=1024, messages=turns(prompt)) as stream:
            yield from stream.text_stream

    return extract


@SDK.case("`messages.stream()`, its `text_stream`", "async streamed")
def text_stream_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        async with client.messages.stream(model=MODEL, max_tokens=1024, messages=turns(prompt)) as stream:
            async for piece in stream.text_stream:
                yield piece

    return extract


@SDK.case("`messages.stream()`, `get_final_message()`")
def final_message(url):
    client = sync_client(url)

    def extract(prompt: str):
        with client.messages.stream(model=MODEL, max_tokens=1024, messages=turns(prompt)) as stream:
            return stream.get_final_message()

    return extract


@SDK.case("`messages.stream()`, `get_final_message()`", "async")
def final_message_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        async with client.messages.stream(model=MODEL, max_tokens=1024, messages=turns(prompt)) as stream:
            return await stream.get_final_message()

    return extract


@SDK.case("`messages.with_raw_response.create()`")
def raw(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.messages.with_raw_response.create(model=MODEL, max_tokens=1024, messages=turns(prompt))

    return extract


@SDK.case("`messages.with_raw_response.create()`", "async")
def raw_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.messages.with_raw_response.create(
            model=MODEL, max_tokens=1024, messages=turns(prompt)
        )

    return extract
