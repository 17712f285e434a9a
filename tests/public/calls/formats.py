"""What a model says, in the wire format of every provider: whole, and in pieces of any width."""

import json
from dataclasses import dataclass
from typing import ClassVar

from tests.public.calls import wire

INPUT, OUTPUT = 12, 7


@dataclass(frozen=True)
class Said:
    """What a model says; `stop` is one of stop length tool_call refusal filter."""

    id: str
    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    refusal: str | None = None
    stop: str = "stop"
    thinks: str = ""


def cut(text, width):
    return [text[at : at + width] for at in range(0, len(text), width)]


class Format:
    """One wire format."""

    can_refuse = can_call = can_think = True

    def can(self, said):
        """Tell whether the format has words for it."""
        return (
            (self.can_refuse or said.stop not in ("refusal", "filter"))
            and (self.can_call or not said.calls)
            and (self.can_think or not said.thinks)
        )


class Chat(Format):
    name = "openai chat"
    stops: ClassVar = {
        "stop": "stop",
        "length": "length",
        "tool_call": "tool_calls",
        "refusal": "stop",
        "filter": "content_filter",
    }

    def whole(self, said):
        message = {"refusal": said.refusal, "reasoning_content": said.thinks or None}
        if said.calls:
            message["tool_calls"] = [
                {"id": f"t{n}", "type": "function", "function": {"name": name, "arguments": value}}
                for n, (name, value) in enumerate(said.calls)
            ]
        reply = wire.chat(said.text or None, finish_reason=self.stops[said.stop], **message)
        return {**reply, "usage": self.usage(said)}

    def usage(self, said):
        return wire.CHAT_USAGE

    def pieces(self, said, width):
        yield wire.chunk({"role": "assistant", "content": ""})
        yield from (wire.chunk({"reasoning_content": piece}) for piece in cut(said.thinks, width))
        yield from (wire.chunk({"content": piece}) for piece in cut(said.text, width))
        yield from (wire.chunk({"refusal": piece}) for piece in cut(said.refusal or "", width))
        for n, (name, value) in enumerate(said.calls):
            function = {"name": name, "arguments": ""}
            yield wire.chunk(
                {"tool_calls": [{"index": n, "id": f"t{n}", "type": "function", "function": function}]}
            )
            for piece in cut(value, width):
                yield wire.tool_chunk(n, piece)
        yield wire.chunk({}, self.stops[said.stop])
        yield {**wire.usage_chunk(), "usage": self.usage(said)}


class Legacy(Chat):
    """The function calls of OpenAI's before there were tools."""

    name = "openai functions"
    can_refuse = can_think = False

    def can(self, said):
        return super().can(said) and len(said.calls) == 1

    def whole(self, said):
        name, value = said.calls[0]
        return wire.chat(
            said.text or None, finish_reason="function_call", function_call={"name": name, "arguments": value}
        )

    def pieces(self, said, width):
        name, value = said.calls[0]
        yield from (wire.chunk({"content": piece}) for piece in cut(said.text, width))
        yield wire.chunk({"function_call": {"name": name, "arguments": ""}})
        yield from (wire.chunk({"function_call": {"arguments": piece}}) for piece in cut(value, width))
        yield wire.chunk({}, "function_call")
        yield wire.usage_chunk()


class Groq(Chat):
    name = "groq"

    def pieces(self, said, width):
        *pieces, end, _ = super().pieces(said, width)
        yield from pieces
        yield {**end, "x_groq": {"usage": wire.CHAT_USAGE}}


class Mistral(Chat):
    name = "mistral"

    def pieces(self, said, width):
        yield from ({"data": piece} for piece in super().pieces(said, width))


class Responses(Format):
    name = "openai responses"

    def whole(self, said):
        output = []
        if said.thinks:
            output.append({"type": "reasoning", "id": "g1", "summary": []})
        if said.text:
            output.append(wire.output_message(wire.output_text(said.text)))
        if said.refusal:
            output.append(wire.output_message({"type": "refusal", "refusal": said.refusal}))
        output += [
            {"type": "function_call", "id": f"f{n}", "call_id": f"k{n}", "name": name, "arguments": value}
            for n, (name, value) in enumerate(said.calls)
        ]
        if said.stop in ("length", "filter"):
            reason = {"length": "max_output_tokens", "filter": "content_filter"}[said.stop]
            return wire.response(*output, status="incomplete", incomplete_details={"reason": reason})
        return wire.response(*output)

    def pieces(self, said, width):
        whole = self.whole(said)
        yield wire.output_event("created", response=wire.response(status="in_progress", usage=None))
        for index, item in enumerate(whole["output"]):
            bare = {**item, "content": []} if item["type"] == "message" else {**item, "arguments": ""}
            yield wire.output_event("output_item.added", item=bare, output_index=index)
            if item["type"] == "function_call":
                for piece in cut(item["arguments"], width):
                    yield wire.output_event("function_call_arguments.delta", delta=piece, output_index=index)
            elif item["type"] == "message":
                part = item["content"][0]
                kind = "output_text" if part["type"] == "output_text" else "refusal"
                for piece in cut(part.get("text") or part.get("refusal"), width):
                    yield wire.output_event(f"{kind}.delta", delta=piece, output_index=index)
            yield wire.output_event("output_item.done", item=item, output_index=index)
        yield {"type": f"response.{whole['status']}", "sequence_number": 9, "response": whole}


class Messages(Format):
    name = "anthropic"
    stops: ClassVar = {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_call": "tool_use",
        "refusal": "refusal",
    }

    def can(self, said):
        return said.stop != "filter"

    def blocks(self, said):
        if said.thinks:
            yield {"type": "thinking", "thinking": said.thinks, "signature": "s"}
        if said.text:
            yield wire.text_block(said.text)
        for n, (name, value) in enumerate(said.calls):
            yield {"type": "tool_use", "id": f"t{n}", "name": name, "input": json.loads(value)}

    def more(self, said):
        return {"stop_details": {"explanation": said.refusal}} if said.refusal else {}

    def whole(self, said):
        return wire.message(*self.blocks(said), stop_reason=self.stops[said.stop], **self.more(said))

    def pieces(self, said, width):
        yield wire.message_start()
        for index, block in enumerate(self.blocks(said)):
            if block["type"] == "tool_use":
                yield wire.block_start({**block, "input": {}}, index)
                text, delta = (
                    json.dumps(block["input"], separators=(",", ":"), ensure_ascii=False),
                    ("input_json_delta", "partial_json"),
                )
            elif block["type"] == "text":
                yield wire.block_start(wire.text_block(""), index)
                text, delta = block["text"], ("text_delta", "text")
            else:
                yield wire.block_start({**block, "thinking": ""}, index)
                text, delta = block["thinking"], ("thinking_delta", "thinking")
            for piece in cut(text, width):
                yield wire.block_delta(index, type=delta[0], **{delta[1]: piece})
            yield wire.block_stop(index)
        yield {"type": "ping"}
        yield from wire.message_end(self.stops[said.stop], **self.more(said))


class Gemini(Format):
    name = "gemini"
    stops: ClassVar = {"stop": "STOP", "length": "MAX_TOKENS", "tool_call": "STOP", "filter": "SAFETY"}

    def can(self, said):
        return said.stop != "refusal"

    def whole(self, said):
        return self.chunk([*self.texts(said, 10**6), *self.given(said)], said.stop)

    def texts(self, said, width):
        yield from ({"text": piece, "thought": True} for piece in cut(said.thinks, width))
        yield from ({"text": piece} for piece in cut(said.text, width))

    def given(self, said):
        return [{"functionCall": {"name": name, "args": json.loads(value)}} for name, value in said.calls]

    def chunk(self, parts, stop=None):
        candidate = {"content": {"role": "model", "parts": parts}}
        if stop is not None:
            candidate["finishReason"] = self.stops[stop]
        usage = (
            {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT}
            if stop
            else {"promptTokenCount": INPUT}
        )
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-x"}

    def pieces(self, said, width):
        for part in [*self.texts(said, width), *self.given(said)]:
            yield self.chunk([part])
        yield self.chunk([], said.stop)


class Bedrock(Format):
    name = "bedrock"
    stops: ClassVar = {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_call": "tool_use",
        "filter": "guardrail_intervened",
    }
    usage: ClassVar = {"inputTokens": INPUT, "outputTokens": OUTPUT}

    def can(self, said):
        return said.stop != "refusal"

    def parts(self, said):
        if said.thinks:
            yield {"reasoningContent": {"reasoningText": {"text": said.thinks}}}
        if said.text:
            yield {"text": said.text}
        for n, (name, value) in enumerate(said.calls):
            yield {"toolUse": {"toolUseId": f"t{n}", "name": name, "input": json.loads(value)}}

    def whole(self, said):
        message = {"role": "assistant", "content": list(self.parts(said))}
        return {"output": {"message": message}, "stopReason": self.stops[said.stop], "usage": self.usage}

    def pieces(self, said, width):
        yield {"messageStart": {"role": "assistant"}}
        for index, part in enumerate(self.parts(said)):
            ((kind, content),) = part.items()
            if kind == "toolUse":
                start = {"toolUse": {key: content[key] for key in ("toolUseId", "name")}}
                yield {"contentBlockStart": {"contentBlockIndex": index, "start": start}}
                deltas = [
                    {"toolUse": {"input": piece}}
                    for piece in cut(
                        json.dumps(content["input"], separators=(",", ":"), ensure_ascii=False), width
                    )
                ]
            elif kind == "text":
                deltas = [{"text": piece} for piece in cut(content, width)]
            else:
                deltas = [{"reasoningContent": {"text": piece}} for piece in cut(said.thinks, width)]
            for delta in deltas:
                yield {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}
            yield {"contentBlockStop": {"contentBlockIndex": index}}
        yield {"messageStop": {"stopReason": self.stops[said.stop]}}
        yield {"metadata": {"usage": self.usage}}


class Cohere(Format):
    name = "cohere"
    can_refuse = False
    stops: ClassVar = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_call": "TOOL_CALL"}
    usage: ClassVar = {"tokens": {"input_tokens": INPUT, "output_tokens": OUTPUT}}

    def whole(self, said):
        content = [{"type": "thinking", "thinking": said.thinks}] if said.thinks else []
        content += [{"type": "text", "text": said.text}] if said.text else []
        calls = [
            {"id": f"t{n}", "type": "function", "function": {"name": name, "arguments": value}}
            for n, (name, value) in enumerate(said.calls)
        ]
        message = {"role": "assistant", "content": content, "tool_calls": calls}
        return {"id": "c", "finish_reason": self.stops[said.stop], "message": message, "usage": self.usage}

    def pieces(self, said, width):
        yield {"type": "message-start", "id": "c"}
        for kind, text in (("thinking", said.thinks), ("text", said.text)):
            for piece in cut(text, width):
                yield self.event("content-delta", content={kind: piece})
        for n, (name, value) in enumerate(said.calls):
            function = {"name": name, "arguments": ""}
            yield self.event(
                "tool-call-start", n, tool_calls={"id": f"t{n}", "type": "function", "function": function}
            )
            for piece in cut(value, width):
                yield self.event("tool-call-delta", n, tool_calls={"function": {"arguments": piece}})
            yield {"type": "tool-call-end", "index": n}
        yield {"type": "message-end", "delta": {"finish_reason": self.stops[said.stop], "usage": self.usage}}

    def event(self, kind, index=0, **message):
        return {"type": kind, "index": index, "delta": {"message": message}}


class OllamaChat(Format):
    name = "ollama"
    can_refuse = False
    end: ClassVar = {"done": True, "prompt_eval_count": INPUT, "eval_count": OUTPUT}

    def stop(self, said):
        return {**self.end, "done_reason": "length" if said.stop == "length" else "stop"}

    def line(self, **message):
        return {"model": "qwen", "message": {"role": "assistant", "content": "", **message}, "done": False}

    def given(self, said):
        return [{"function": {"name": name, "arguments": json.loads(value)}} for name, value in said.calls]

    def whole(self, said):
        more = {"tool_calls": self.given(said)} if said.calls else {}
        more |= {"thinking": said.thinks} if said.thinks else {}
        return {**self.line(content=said.text, **more), **self.stop(said)}

    def pieces(self, said, width):
        yield from (self.line(thinking=piece) for piece in cut(said.thinks, width))
        yield from (self.line(content=piece) for piece in cut(said.text, width))
        yield from (self.line(tool_calls=[call]) for call in self.given(said))
        yield {**self.line(), **self.stop(said)}


class OllamaGenerate(OllamaChat):
    name = "ollama generate"
    can_call = False

    def line(self, content="", **more):
        return {"model": "qwen", "response": content, "done": False, **more}


class LangChain(Format):
    name = "langchain"
    stops: ClassVar = Chat.stops
    usage: ClassVar = {"input_tokens": INPUT, "output_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}

    def message(self, kind, content="", **more):
        message = {"type": kind, "content": content, "additional_kwargs": {}, "response_metadata": {}}
        return {**message, "tool_calls": [], "usage_metadata": None, **more}

    def end(self, said):
        texts = {"finish_reason": self.stops[said.stop], "model_name": "m"}
        return {"response_metadata": texts, "usage_metadata": self.usage}

    def whole(self, said):
        more = {"refusal": said.refusal, "reasoning_content": said.thinks}
        calls = [
            {"name": name, "args": json.loads(value), "id": f"t{n}", "type": "tool_call"}
            for n, (name, value) in enumerate(said.calls)
        ]
        return self.message("ai", said.text, tool_calls=calls, additional_kwargs=more, **self.end(said))

    def pieces(self, said, width):
        kind = "AIMessageChunk"
        yield from (
            self.message(kind, additional_kwargs={"reasoning_content": piece})
            for piece in cut(said.thinks, width)
        )
        yield from (self.message(kind, piece) for piece in cut(said.text, width))
        yield from (
            self.message(kind, additional_kwargs={"refusal": piece})
            for piece in cut(said.refusal or "", width)
        )
        for n, (name, value) in enumerate(said.calls):
            first = {"name": name, "args": "", "id": f"t{n}", "index": n, "type": "tool_call_chunk"}
            yield self.message(kind, tool_call_chunks=[first])
            for piece in cut(value, width):
                more = {"name": None, "args": piece, "id": None, "index": n, "type": "tool_call_chunk"}
                yield self.message(kind, tool_call_chunks=[more])
        yield self.message(kind, **self.end(said))


class LlamaCpp(Format):
    name = "llama.cpp"
    can_call = can_refuse = can_think = False

    def end(self, said):
        stop = {"stop_type": "limit" if said.stop == "length" else "eos"}
        return {"stop": True, "tokens_predicted": OUTPUT, "tokens_evaluated": INPUT, **stop}

    def whole(self, said):
        return {"content": said.text, **self.end(said)}

    def pieces(self, said, width):
        yield from ({"content": piece, "stop": False} for piece in cut(said.text, width))
        yield {"content": "", **self.end(said)}


class Text(Format):
    name = "text"
    can_call = can_refuse = can_think = False

    def can(self, said):
        return super().can(said) and said.stop == "stop"

    def whole(self, said):
        return said.text

    def pieces(self, said, width):
        yield from cut(said.text, width)


class Bytes(Text):
    name = "bytes"

    def whole(self, said):
        return said.text.encode()

    def pieces(self, said, width):
        yield from cut(said.text.encode(), width)


FORMATS = [
    Chat(), Legacy(), Groq(), Mistral(), Responses(), Messages(), Gemini(), Bedrock(), Cohere(), OllamaChat(),
    OllamaGenerate(), LangChain(), LlamaCpp(), Text(), Bytes(),
]  # fmt: skip
