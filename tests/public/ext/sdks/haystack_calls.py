"""The haystack-ai package, with its generators of OpenAI's two APIs."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, WRONG, Invoice, Sdk

SDK = Sdk("haystack-ai")
SDKS = [SDK]

FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "Invoice", "schema": Invoice.model_json_schema(), "strict": True},
}


def generator(url, name="OpenAIChatGenerator", **options):
    from haystack.components.generators import chat
    from haystack.utils import Secret

    made = getattr(chat, name)
    return made(
        model=MODEL, api_key=Secret.from_token("k"), api_base_url=f"{url}/v1", max_retries=0, **options
    )


def messages(prompt):
    from haystack.dataclasses import ChatMessage

    return [ChatMessage.from_user(prompt)]


def tool():
    from haystack.tools import Tool

    schema = Invoice.model_json_schema()
    return Tool(name="Invoice", description="An invoice.", parameters=schema, function=dict)


@SDK.case("`run()`", wrong=[WRONG, PROSE, CUT, BUSY])
def run(url):
    chat = generator(url)

    def extract(prompt: str):
        return chat.run(messages(prompt))

    return extract


@SDK.case("`run()`", "async")
def run_async(url):
    chat = generator(url)

    async def extract(prompt: str):
        return await chat.run_async(messages(prompt))

    return extract


@SDK.case('`run()["replies"][0]`', wrong=[WRONG])
def message(url):
    chat = generator(url)

    def extract(prompt: str):
        return chat.run(messages(prompt))["replies"][0]

    return extract


@SDK.case('`run()["replies"][0].text`')
def text(url):
    chat = generator(url)

    def extract(prompt: str):
        return chat.run(messages(prompt))["replies"][0].text

    return extract


@SDK.case("`run()` with a schema", wrong=[WRONG, CUT])
def run_schema(url):
    chat = generator(url, generation_kwargs={"response_format": FORMAT})

    def extract(prompt: str):
        return chat.run(messages(prompt))

    return extract


@SDK.case("`run()` with a Pydantic class", wrong=[WRONG, CUT])
def run_class(url):
    chat = generator(url, generation_kwargs={"response_format": Invoice})

    def extract(prompt: str):
        return chat.run(messages(prompt))

    return extract


@SDK.case("`run()` with a tool", finish_reason="tool_call", wrong=[WRONG])
def run_tool(url):
    chat = generator(url, tools=[tool()], generation_kwargs={"tool_choice": "required"})

    def extract(prompt: str):
        return chat.run(messages(prompt))

    return extract


@SDK.case("the chunks of its callback", "streamed", wrong=[WRONG])
def chunks(url):
    usage = {"stream_options": {"include_usage": True}}
    chat = generator(url, generation_kwargs=usage)

    def extract(prompt: str):
        pieces = []
        chat.run(messages(prompt), streaming_callback=pieces.append)
        yield from pieces

    return extract


@SDK.case("`run()`, over the Responses API", wrong=[WRONG])
def run_responses(url):
    chat = generator(url, "OpenAIResponsesChatGenerator")

    def extract(prompt: str):
        return chat.run(messages(prompt))

    return extract


@SDK.case("the chunks of its callback, over the Responses API", "streamed")
def chunks_responses(url):
    chat = generator(url, "OpenAIResponsesChatGenerator")

    def extract(prompt: str):
        pieces = []
        chat.run(messages(prompt), streaming_callback=pieces.append)
        yield from pieces

    return extract


def pipeline_of(url):
    from haystack import Pipeline

    pipeline = Pipeline()
    pipeline.add_component("llm", generator(url))
    return pipeline


@SDK.case("`Pipeline.run()`", wrong=[WRONG, BUSY])
def run_pipeline(url):
    pipeline = pipeline_of(url)

    def extract(prompt: str):
        return pipeline.run({"llm": {"messages": messages(prompt)}})

    return extract


@SDK.case("`Agent.run()`", wrong=[WRONG])
def run_agent(url):
    from haystack.components.agents import Agent

    agent = Agent(chat_generator=generator(url), tools=[tool()])

    def extract(prompt: str):
        return agent.run(messages=messages(prompt))

    return extract
