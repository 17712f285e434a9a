"""The openai package: Chat Completions and Responses."""

import json

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PAGE, PROSE, REFUSED, WRONG, Invoice, Sdk, turns

SDK = Sdk("openai")
SDKS = [SDK]

TOOL = {"type": "function", "function": {"name": "invoice", "parameters": Invoice.model_json_schema()}}


def sync_client(url):
    from openai import OpenAI

    return OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)


def async_client(url):
    from openai import AsyncOpenAI

    return AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)


# Chat Completions.


@SDK.case("`chat.completions.create()`", wrong=[WRONG, PROSE, CUT, REFUSED, BUSY, PAGE])
def create(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.create(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.completions.create()`", "async")
def create_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat.completions.create(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.completions.create()`", "streamed")
def create_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.create(
            model=MODEL, messages=turns(prompt), stream=True, stream_options={"include_usage": True}
        )

    return extract


@SDK.case("`chat.completions.create()`", "async streamed")
def create_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat.completions.create(
            model=MODEL, messages=turns(prompt), stream=True, stream_options={"include_usage": True}
        )

    return extract


@SDK.case("`chat.completions.create()` with a tool", finish_reason="tool_call")
def tool(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.create(
            model=MODEL, messages=turns(prompt), tools=[TOOL], tool_choice="required"
        )

    return extract


@SDK.case("`chat.completions.create()` with a tool", "async", finish_reason="tool_call")
def tool_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat.completions.create(
            model=MODEL, messages=turns(prompt), tools=[TOOL], tool_choice="required"
        )

    return extract


@SDK.case("`chat.completions.create()` with a tool", "streamed", finish_reason="tool_call")
def tool_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        yield from client.chat.completions.create(
            model=MODEL,
            messages=turns(prompt),
            tools=[TOOL],
            tool_choice="required",
            stream=True,
            stream_options={"include_usage": True},
        )

    return extract


@SDK.case("`chat.completions.create()` with a tool", "async streamed", finish_reason="tool_call")
def tool_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=turns(prompt),
            tools=[TOOL],
            tool_choice="required",
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            yield chunk

    return extract


@SDK.case("`chat.completions.create().choices[0].message`")
def message(url):
    client = sync_client(url)

    def extract(prompt: str):
        completion = client.chat.completions.create(model=MODEL, messages=turns(prompt))
        return completion.choices[0].message

    return extract


@SDK.case("`chat.completions.create().choices[0].message.content`")
def content(url):
    client = sync_client(url)

    def extract(prompt: str):
        completion = client.chat.completions.create(model=MODEL, messages=turns(prompt))
        return completion.choices[0].message.content

    return extract


@SDK.case("`chat.completions.create().choices[0].message.content`", "async")
def content_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        completion = await client.chat.completions.create(model=MODEL, messages=turns(prompt))
        return completion.choices[0].message.content

    return extract


@SDK.case("`chat.completions.create().choices[0].message.content`", "streamed")
def content_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        for chunk in client.chat.completions.create(model=MODEL, messages=turns(prompt), stream=True):
            yield chunk.choices[0].delta.content or ""

    return extract


@SDK.case("`chat.completions.create().choices[0].message.content`", "async streamed")
def content_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        stream = await client.chat.completions.create(model=MODEL, messages=turns(prompt), stream=True)
        async for chunk in stream:
            yield chunk.choices[0].delta.content or ""

    return extract


@SDK.case("`chat.completions.parse()`", wrong=[WRONG, PROSE, CUT, REFUSED, BUSY])
def parse(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.parse(model=MODEL, messages=turns(prompt), response_format=Invoice)

    return extract


@SDK.case("`chat.completions.parse()`", "async", wrong=[WRONG, CUT])
def parse_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat.completions.parse(
            model=MODEL, messages=turns(prompt), response_format=Invoice
        )

    return extract


@SDK.case("`chat.completions.parse().choices[0].message.parsed`", wrong=[WRONG, REFUSED])
def parsed(url):
    client = sync_client(url)

    def extract(prompt: str):
        completion = client.chat.completions.parse(
            model=MODEL, messages=turns(prompt), response_format=Invoice
        )
        return completion.choices[0].message.parsed

    return extract


@SDK.case("`chat.completions.parse().choices[0].message.parsed`", "async")
def parsed_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        completion = await client.chat.completions.parse(
            model=MODEL, messages=turns(prompt), response_format=Invoice
        )
        return completion.choices[0].message.parsed

    return extract


@SDK.case("`chat.completions.stream()`", "streamed", wrong=[WRONG, CUT, BUSY])
def stream_manager(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.stream(
            model=MODEL, messages=turns(prompt), stream_options={"include_usage": True}
        )

    return extract


@SDK.case("`chat.completions.stream()`", "async streamed", wrong=[WRONG])
def stream_manager_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return client.chat.completions.stream(
            model=MODEL, messages=turns(prompt), stream_options={"include_usage": True}
        )

    return extract


@SDK.case("`chat.completions.stream()`, its events", "streamed", wrong=[WRONG, CUT])
def stream_events(url):
    client = sync_client(url)

    def extract(prompt: str):
        with client.chat.completions.stream(
            model=MODEL,
            messages=turns(prompt),
            response_format=Invoice,
            stream_options={"include_usage": True},
        ) as stream:
            yield from stream

    return extract


@SDK.case("`chat.completions.stream()`, its events", "async streamed")
def stream_events_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        async with client.chat.completions.stream(
            model=MODEL,
            messages=turns(prompt),
            response_format=Invoice,
            stream_options={"include_usage": True},
        ) as stream:
            async for event in stream:
                yield event

    return extract


@SDK.case("`chat.completions.stream()`, `get_final_completion()`")
def final_completion(url):
    client = sync_client(url)

    def extract(prompt: str):
        with client.chat.completions.stream(
            model=MODEL, messages=turns(prompt), stream_options={"include_usage": True}
        ) as stream:
            return stream.get_final_completion()

    return extract


@SDK.case("`chat.completions.stream()`, `get_final_completion()`", "async")
def final_completion_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        async with client.chat.completions.stream(
            model=MODEL, messages=turns(prompt), stream_options={"include_usage": True}
        ) as stream:
            return await stream.get_final_completion()

    return extract


@SDK.case("`chat.completions.with_raw_response.create()`")
def raw(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.chat.completions.with_raw_response.create(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`chat.completions.with_raw_response.create()`", "async")
def raw_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.chat.completions.with_raw_response.create(model=MODEL, messages=turns(prompt))

    return extract


@SDK.case("`Invoice.model_validate_json()` of the message's content", wrong=[WRONG, PROSE, CUT, BUSY])
def validated(url):
    client = sync_client(url)

    def extract(prompt: str):
        completion = client.chat.completions.create(model=MODEL, messages=turns(prompt))
        return Invoice.model_validate_json(completion.choices[0].message.content)

    return extract


@SDK.case("`Invoice(**json.loads())` of the message's content", wrong=[WRONG, PROSE, CUT])
def loaded_and_made(url):
    client = sync_client(url)

    def extract(prompt: str):
        completion = client.chat.completions.create(model=MODEL, messages=turns(prompt))
        return Invoice(**json.loads(completion.choices[0].message.content))

    return extract


@SDK.case("`json.loads()` of the message's content", wrong=[WRONG, PROSE, CUT])
def loaded(url):
    client = sync_client(url)

    def extract(prompt: str):
        completion = client.chat.completions.create(model=MODEL, messages=turns(prompt))
        return json.loads(completion.choices[0].message.content)

    return extract


@SDK.case("`chat.completions.with_streaming_response.create()`, `json()`")
def streaming_response(url):
    client = sync_client(url)

    def extract(prompt: str):
        with client.chat.completions.with_streaming_response.create(
            model=MODEL, messages=turns(prompt)
        ) as response:
            return response.json()

    return extract


# Responses.


@SDK.case("`responses.create()`")
def response(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.responses.create(model=MODEL, input=prompt)

    return extract


@SDK.case("`responses.create()`", "async")
def response_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.responses.create(model=MODEL, input=prompt)

    return extract


@SDK.case("`responses.create()`", "streamed")
def response_streamed(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.responses.create(model=MODEL, input=prompt, stream=True)

    return extract


@SDK.case("`responses.create()`", "async streamed")
def response_async_streamed(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.responses.create(model=MODEL, input=prompt, stream=True)

    return extract


@SDK.case("`responses.create().output_text`")
def output_text(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.responses.create(model=MODEL, input=prompt).output_text

    return extract


@SDK.case("`responses.parse()`", wrong=[WRONG, PROSE, CUT, BUSY])
def response_parse(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.responses.parse(model=MODEL, input=prompt, text_format=Invoice)

    return extract


@SDK.case("`responses.parse()`", "async")
def response_parse_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.responses.parse(model=MODEL, input=prompt, text_format=Invoice)

    return extract


@SDK.case("`responses.parse().output_parsed`")
def output_parsed(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.responses.parse(model=MODEL, input=prompt, text_format=Invoice).output_parsed

    return extract


@SDK.case("`responses.parse().output_parsed`", "async")
def output_parsed_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        response = await client.responses.parse(model=MODEL, input=prompt, text_format=Invoice)
        return response.output_parsed

    return extract


@SDK.case("`responses.stream()`", "streamed", wrong=[WRONG])
def response_stream_manager(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.responses.stream(model=MODEL, input=prompt)

    return extract


@SDK.case("`responses.stream()`, its events", "streamed")
def response_stream(url):
    client = sync_client(url)

    def extract(prompt: str):
        with client.responses.stream(model=MODEL, input=prompt, text_format=Invoice) as stream:
            yield from stream

    return extract


@SDK.case("`responses.stream()`, its events", "async streamed")
def response_stream_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        async with client.responses.stream(model=MODEL, input=prompt, text_format=Invoice) as stream:
            async for event in stream:
                yield event

    return extract


@SDK.case("`responses.with_raw_response.create()`")
def response_raw(url):
    client = sync_client(url)

    def extract(prompt: str):
        return client.responses.with_raw_response.create(model=MODEL, input=prompt)

    return extract


@SDK.case("`responses.with_raw_response.create()`", "async")
def response_raw_async(url):
    client = async_client(url)

    async def extract(prompt: str):
        return await client.responses.with_raw_response.create(model=MODEL, input=prompt)

    return extract
