"""The openai-agents package, over OpenAI's Chat Completions and Responses."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, REFUSED, WRONG, Invoice, Sdk

SDK = Sdk("openai-agents")
SDKS = [SDK]


def agent_of(url, output=Invoice, api="OpenAIChatCompletionsModel"):
    import agents
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)
    client = AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return agents.Agent("billing", model=getattr(agents, api)(MODEL, client), output_type=output)


def run_sync_of(agent):
    from agents import Runner

    def extract(prompt: str):
        return Runner.run_sync(agent, prompt)

    return extract


@SDK.case("`Runner.run()`, over openai", wrong=[WRONG, PROSE, CUT, REFUSED, BUSY])
def run_sync(url):
    return run_sync_of(agent_of(url))


@SDK.case("`Runner.run()`, over openai", "async", wrong=[WRONG])
def run(url):
    from agents import Runner

    agent = agent_of(url)

    async def extract(prompt: str):
        return await Runner.run(agent, prompt)

    return extract


@SDK.case("`Runner.run()`, over openai's Responses", wrong=[WRONG, CUT, BUSY])
def run_responses(url):
    return run_sync_of(agent_of(url, api="OpenAIResponsesModel"))


@SDK.case("`Runner.run()` with text, over openai")
def run_text(url):
    return run_sync_of(agent_of(url, None))


@SDK.case("`Runner.run().final_output`", wrong=[WRONG])
def final_output(url):
    from agents import Runner

    agent = agent_of(url)

    def extract(prompt: str):
        return Runner.run_sync(agent, prompt).final_output

    return extract


@SDK.case("`Runner.run().raw_responses[-1]`")
def raw_response(url):
    from agents import Runner

    agent = agent_of(url)

    def extract(prompt: str):
        return Runner.run_sync(agent, prompt).raw_responses[-1]

    return extract


@SDK.case("`Runner.run_streamed()`, its result", "async", wrong=[WRONG, BUSY])
def run_streamed(url):
    from agents import Runner

    agent = agent_of(url)

    async def extract(prompt: str):
        result = Runner.run_streamed(agent, prompt)
        async for _ in result.stream_events():
            pass
        return result

    return extract


@SDK.case("`Runner.run_streamed()`, its events", "async streamed", wrong=[WRONG])
def stream_events(url):
    from agents import Runner

    agent = agent_of(url)

    async def extract(prompt: str):
        async for event in Runner.run_streamed(agent, prompt).stream_events():
            yield event

    return extract


@SDK.case("`Runner.run_streamed()`, its deltas", "async streamed")
def stream_deltas(url):
    from agents import Runner

    agent = agent_of(url, None)

    async def extract(prompt: str):
        async for event in Runner.run_streamed(agent, prompt).stream_events():
            if getattr(getattr(event, "data", None), "type", None) == "response.output_text.delta":
                yield event.data.delta

    return extract
