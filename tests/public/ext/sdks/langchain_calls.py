"""LangChain: the packages langchain-openai, langchain-anthropic, and langchain."""

from tests.public.ext.sdks.case import BUSY, CUT, MODEL, PROSE, WRONG, Invoice, Sdk

OPENAI = Sdk("langchain-openai")
ANTHROPIC = Sdk("langchain-anthropic")
AGENTS = Sdk("langchain")
SDKS = [OPENAI, ANTHROPIC, AGENTS]


def openai_chat(url):
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=MODEL, api_key="k", base_url=f"{url}/v1", max_retries=0, stream_usage=True)


def anthropic_chat(url):
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(model=MODEL, api_key="k", base_url=url, max_retries=0, max_tokens=1024)


SIDES = ((OPENAI, openai_chat), (ANTHROPIC, anthropic_chat))


def both(returns, how="whole", *, finish_reason="stop", wrong=()):
    """Give a decorator that keeps a case for both packages: LangChain calls all models alike."""

    def keep(make):
        for sdk, chat in SIDES:
            sdk.case(returns, how, finish_reason=finish_reason, wrong=wrong)(
                lambda url, chat=chat: make(chat(url))
            )
        return make

    return keep


@both("`invoke()`")
def invoke(model):
    def extract(prompt: str):
        return model.invoke(prompt)

    return extract


@both("`invoke()`", "async")
def ainvoke(model):
    async def extract(prompt: str):
        return await model.ainvoke(prompt)

    return extract


@both("`invoke()`", "streamed")
def stream(model):
    def extract(prompt: str):
        return model.stream(prompt)

    return extract


@both("`invoke()`", "async streamed")
def astream(model):
    async def extract(prompt: str):
        async for chunk in model.astream(prompt):
            yield chunk

    return extract


@both("`invoke().content`")
def content(model):
    def extract(prompt: str):
        return model.invoke(prompt).content

    return extract


@both("`bind_tools()`, `invoke()`", finish_reason="tool_call")
def bound(model):
    bound = model.bind_tools([Invoice], tool_choice="any")

    def extract(prompt: str):
        return bound.invoke(prompt)

    return extract


@both("`with_structured_output()` by a tool", wrong=[WRONG, CUT, BUSY], finish_reason="tool_call")
def structured_tool(model):
    structured = model.with_structured_output(Invoice, method="function_calling")

    def extract(prompt: str):
        return structured.invoke(prompt)

    return extract


@both("`with_structured_output()` by a tool", "async", finish_reason="tool_call")
def structured_tool_async(model):
    structured = model.with_structured_output(Invoice, method="function_calling")

    async def extract(prompt: str):
        return await structured.ainvoke(prompt)

    return extract


@both("`with_structured_output()` by the schema", wrong=[WRONG, PROSE, CUT])
def structured_schema(model):
    structured = model.with_structured_output(Invoice, method="json_schema")

    def extract(prompt: str):
        return structured.invoke(prompt)

    return extract


@both("`with_structured_output(include_raw=True)` by a tool", wrong=[WRONG], finish_reason="tool_call")
def raw_tool(model):
    structured = model.with_structured_output(Invoice, method="function_calling", include_raw=True)

    def extract(prompt: str):
        return structured.invoke(prompt)

    return extract


@both("`with_structured_output(include_raw=True)` by a tool", "async", finish_reason="tool_call")
def raw_tool_async(model):
    structured = model.with_structured_output(Invoice, method="function_calling", include_raw=True)

    async def extract(prompt: str):
        return await structured.ainvoke(prompt)

    return extract


@both("`with_structured_output(include_raw=True)` by the schema")
def raw_schema(model):
    structured = model.with_structured_output(Invoice, method="json_schema", include_raw=True)

    def extract(prompt: str):
        return structured.invoke(prompt)

    return extract


@both("`with_structured_output(include_raw=True)` by the schema", "async")
def raw_schema_async(model):
    structured = model.with_structured_output(Invoice, method="json_schema", include_raw=True)

    async def extract(prompt: str):
        return await structured.ainvoke(prompt)

    return extract


@both("`with_structured_output()` of a JSON Schema")
def structured_dict(model):
    structured = model.with_structured_output(Invoice.model_json_schema(), method="json_schema")

    def extract(prompt: str):
        return structured.invoke(prompt)

    return extract


# Agents of the package langchain.


def agent_of(url, strategy):
    from langchain import agents

    kind = getattr(agents.structured_output, strategy)
    return agents.create_agent(openai_chat(url), [], response_format=kind(Invoice), name="reader")


def given(prompt):
    return {"messages": [("user", prompt)]}


@AGENTS.case("`create_agent()` with `ProviderStrategy`, `invoke()`", wrong=[WRONG, PROSE, CUT, BUSY])
def agent_by_schema(url):
    agent = agent_of(url, "ProviderStrategy")

    def extract(prompt: str):
        return agent.invoke(given(prompt))

    return extract


@AGENTS.case("`create_agent()` with `ProviderStrategy`, `invoke()`", "async", wrong=[WRONG])
def agent_by_schema_async(url):
    agent = agent_of(url, "ProviderStrategy")

    async def extract(prompt: str):
        return await agent.ainvoke(given(prompt))

    return extract


@AGENTS.case("`create_agent()` with `ToolStrategy`, `invoke()`", finish_reason="tool_call")
def agent_by_tool(url):
    agent = agent_of(url, "ToolStrategy")

    def extract(prompt: str):
        return agent.invoke(given(prompt))

    return extract


@AGENTS.case("`create_agent()`, its `structured_response`", wrong=[WRONG])
def structured_response(url):
    agent = agent_of(url, "ProviderStrategy")

    def extract(prompt: str):
        return agent.invoke(given(prompt))["structured_response"]

    return extract


@AGENTS.case("`create_agent()`, its last message")
def last_message(url):
    agent = agent_of(url, "ProviderStrategy")

    def extract(prompt: str):
        return agent.invoke(given(prompt))["messages"][-1]

    return extract


@AGENTS.case("`create_agent()`, `stream()` of messages", "streamed")
def agent_stream(url):
    agent = agent_of(url, "ProviderStrategy")

    def extract(prompt: str):
        for message, _ in agent.stream(given(prompt), stream_mode="messages"):
            yield message

    return extract
