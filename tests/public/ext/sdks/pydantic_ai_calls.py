"""The pydantic-ai package, over OpenAI's Chat Completions, Responses and Anthropic's Messages."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, REFUSED, WRONG, Invoice, Sdk

SDK = Sdk("pydantic-ai-slim")
SDKS = [SDK]


def agent_of(url, output=Invoice):
    from openai import AsyncOpenAI
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    provider = OpenAIProvider(openai_client=client)
    return Agent(OpenAIChatModel(MODEL, provider=provider), output_type=output)


def anthropic_agent(url):
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    provider = AnthropicProvider(api_key="k", base_url=url)
    return Agent(AnthropicModel(MODEL, provider=provider), output_type=Invoice)


def native(url):
    from pydantic_ai import NativeOutput

    return agent_of(url, NativeOutput(Invoice))


@SDK.case("`run()`, over openai", finish_reason="tool_call", wrong=[WRONG, PROSE, CUT, BUSY])
def run_sync(url):
    agent = agent_of(url)

    def extract(prompt: str):
        return agent.run_sync(prompt)

    return extract


@SDK.case("`run()`, over openai", "async", finish_reason="tool_call", wrong=[WRONG])
def run(url):
    agent = agent_of(url)

    async def extract(prompt: str):
        return await agent.run(prompt)

    return extract


@SDK.case("`run()` with `NativeOutput`, over openai", wrong=[WRONG, PROSE])
def run_native(url):
    agent = native(url)

    def extract(prompt: str):
        return agent.run_sync(prompt)

    return extract


@SDK.case("`run()` with `NativeOutput`, over openai", "async")
def run_native_async(url):
    agent = native(url)

    async def extract(prompt: str):
        return await agent.run(prompt)

    return extract


@SDK.case("`run()` with text, over openai")
def run_text(url):
    agent = agent_of(url, str)

    def extract(prompt: str):
        return agent.run_sync(prompt)

    return extract


@SDK.case("`run()`, over anthropic", finish_reason="tool_call")
def run_anthropic(url):
    agent = anthropic_agent(url)

    def extract(prompt: str):
        return agent.run_sync(prompt)

    return extract


@SDK.case("`run().output`", wrong=[WRONG])
def output(url):
    agent = agent_of(url)

    def extract(prompt: str):
        return agent.run_sync(prompt).output

    return extract


@SDK.case("`run().output`", "async")
def output_async(url):
    agent = agent_of(url)

    async def extract(prompt: str):
        return (await agent.run(prompt)).output

    return extract


@SDK.case("`run_stream().stream_output()`, its values", "async streamed")
def stream_output(url):
    agent = agent_of(url)

    async def extract(prompt: str):
        async with agent.run_stream(prompt) as result:
            async for invoice in result.stream_output(debounce_by=None):
                yield invoice

    return extract


@SDK.case("`run_stream()`, its `get_output()`", "async")
def get_output(url):
    agent = agent_of(url)

    async def extract(prompt: str):
        async with agent.run_stream(prompt) as result:
            return await result.get_output()

    return extract


@SDK.case("`run_stream().stream_text(delta=True)`, its pieces", "async streamed")
def stream_text(url):
    agent = agent_of(url, str)

    async def extract(prompt: str):
        async with agent.run_stream(prompt) as result:
            async for piece in result.stream_text(delta=True):
                yield piece

    return extract


@SDK.case("`model_request()`", wrong=[WRONG, PROSE, CUT, REFUSED])
def model_response(url):
    from pydantic_ai.direct import model_request_sync
    from pydantic_ai.messages import ModelRequest

    asked = agent_of(url).model

    def extract(prompt: str):
        return model_request_sync(asked, [ModelRequest.user_text_prompt(prompt)])

    return extract


@SDK.case("`model_request()`", "async")
def model_response_async(url):
    from pydantic_ai.direct import model_request
    from pydantic_ai.messages import ModelRequest

    asked = agent_of(url).model

    async def extract(prompt: str):
        return await model_request(asked, [ModelRequest.user_text_prompt(prompt)])

    return extract
