"""llama-index: the packages llama-index-llms-openai and llama-index-llms-anthropic."""

from tests.public.ext.sdks.case import BUSY, CUT, PROSE, WRONG, Invoice, Sdk

OPENAI = Sdk("llama-index-llms-openai", model="gpt-4o-mini")
ANTHROPIC = Sdk("llama-index-llms-anthropic", model="claude-sonnet-4-5")
SDKS = [OPENAI, ANTHROPIC]


def openai_model(url, **more):
    from llama_index.llms.openai import OpenAI

    usage = {"stream_options": {"include_usage": True}}
    return OpenAI(
        model=OPENAI.model, api_key="k", api_base=f"{url}/v1", max_retries=0, additional_kwargs=usage, **more
    )


def tool_model(url):
    return openai_model(url, pydantic_program_mode="function")


def anthropic_model(url):
    from llama_index.llms.anthropic import Anthropic

    return Anthropic(model=ANTHROPIC.model, api_key="k", base_url=url, max_retries=0)


SIDES = ((OPENAI, openai_model), (ANTHROPIC, anthropic_model))


def both(returns, how="whole", *, wrong=()):
    """Return a decorator that adds a case for both packages, because llama-index calls all models alike."""

    def keep(make):
        for sdk, model in SIDES:
            sdk.case(returns, how, wrong=wrong)(lambda url, model=model: make(model(url)))
        return make

    return keep


def prompt_of(text):
    from llama_index.core.prompts import PromptTemplate

    return PromptTemplate(text)


def messages(text):
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(role="user", content=text)]


@both("`chat()`", wrong=[WRONG, PROSE, CUT, BUSY])
def chat(model):
    def extract(prompt: str):
        return model.chat(messages(prompt))

    return extract


@both("`chat()`", "async")
def achat(model):
    async def extract(prompt: str):
        return await model.achat(messages(prompt))

    return extract


@both("`stream_chat()`", "streamed", wrong=[WRONG])
def stream_chat(model):
    def extract(prompt: str):
        yield from model.stream_chat(messages(prompt))

    return extract


@both("`stream_chat()`", "async streamed")
def astream_chat(model):
    async def extract(prompt: str):
        async for chunk in await model.astream_chat(messages(prompt)):
            yield chunk

    return extract


@both("`complete()`", wrong=[WRONG])
def complete(model):
    def extract(prompt: str):
        return model.complete(prompt)

    return extract


@both("`complete()`", "async")
def acomplete(model):
    async def extract(prompt: str):
        return await model.acomplete(prompt)

    return extract


@both("`stream_complete()`", "streamed")
def stream_complete(model):
    def extract(prompt: str):
        yield from model.stream_complete(prompt)

    return extract


@both("`chat().message.content`")
def content(model):
    def extract(prompt: str):
        return model.chat(messages(prompt)).message.content

    return extract


def predicts(method, how="whole", wrong=()):
    """Return a decorator that adds the cases of one way to fill a class: by the schema, and by a forced tool."""

    def keep(make):
        for sdk, model in SIDES:
            sdk.case(f"`{method}()` by the schema", how, wrong=wrong)(
                lambda url, model=model: make(model(url))
            )
        OPENAI.case(f"`{method}()` by a tool", how, wrong=wrong)(lambda url: make(tool_model(url)))
        return make

    return keep


@predicts("structured_predict", wrong=[WRONG, PROSE, CUT, BUSY])
def predict(model):
    def extract(prompt: str):
        return model.structured_predict(Invoice, prompt_of(prompt))

    return extract


@predicts("structured_predict", "async")
def apredict(model):
    async def extract(prompt: str):
        return await model.astructured_predict(Invoice, prompt_of(prompt))

    return extract


@predicts("stream_structured_predict", "streamed", wrong=[WRONG])
def stream_predict(model):
    def extract(prompt: str):
        yield from model.stream_structured_predict(Invoice, prompt_of(prompt))

    return extract


@both("`LLMTextCompletionProgram()`", wrong=[WRONG, PROSE])
def program(model):
    from llama_index.core.program import LLMTextCompletionProgram

    def extract(prompt: str):
        return LLMTextCompletionProgram.from_defaults(
            output_cls=Invoice, llm=model, prompt_template_str=prompt
        )()

    return extract


@OPENAI.case("`as_structured_llm().chat()`", wrong=[WRONG])
def structured(url):
    llm = openai_model(url).as_structured_llm(Invoice)

    def extract(prompt: str):
        return llm.chat(messages(prompt))

    return extract


def agent_of(url, output):
    from llama_index.core.agent.workflow import FunctionAgent

    def is_paid(number: str) -> bool:
        """Return whether an invoice is paid."""
        return number == "A-7"

    return FunctionAgent(
        tools=[is_paid], llm=openai_model(url), name="reader", output_cls=output, streaming=False
    )


@OPENAI.case("`FunctionAgent.run()`", "async")
def run(url):
    agent = agent_of(url, None)

    async def extract(prompt: str):
        return await agent.run(prompt)

    return extract


@OPENAI.case("`FunctionAgent.run()` with `output_cls`", "async")
def run_structured(url):
    agent = agent_of(url, Invoice)

    async def extract(prompt: str):
        return await agent.run(prompt)

    return extract
