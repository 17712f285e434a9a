"""Replies that call tools, as each provider sends them: from calls `(id, name, arguments)`, the last one cut off or not."""

import json

CHAT_WORDS = {"tool_call": "tool_calls", "length": "length", "stop": "stop"}
ANTHROPIC_WORDS = {"tool_call": "tool_use", "length": "max_tokens", "stop": "end_turn"}


def chat(*calls, finish="tool_call", text=None, usage=None):
    return {
        "id": "x",
        "object": "chat.completion",
        "model": "m",
        "usage": usage,
        "choices": [
            {"index": 0, "finish_reason": CHAT_WORDS[finish], "message": chat_message(*calls, text=text)}
        ],
    }


def chat_message(*calls, text=None):
    message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": key, "type": "function", "function": {"name": name, "arguments": text_of(value)}}
            for key, name, value in calls
        ]
    return message


def responses(*calls, finish="tool_call", text=None, usage=None):
    output = [
        {
            "type": "function_call",
            "id": f"fc_{key}",
            "call_id": key,
            "name": name,
            "arguments": text_of(value),
        }
        for key, name, value in calls
    ]
    if text is not None:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        output.append({"type": "message", "role": "assistant", "content": content})
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    shown = cut if finish == "length" else {"status": "completed", "incomplete_details": None}
    return {"id": "x", "object": "response", "model": "m", "output": output, "usage": usage, **shown}


def anthropic(*calls, finish="tool_call", text=None, usage=None):
    content = [] if text is None else [{"type": "text", "text": text}]
    content += [{"type": "tool_use", "id": key, "name": name, "input": value} for key, name, value in calls]
    stopped = ANTHROPIC_WORDS[finish]
    return {
        "id": "x",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": stopped,
        "usage": usage,
    }


def gemini(*calls, finish="tool_call", text=None, usage=None):
    parts = [] if text is None else [{"text": text}]
    parts += [{"functionCall": {"id": key, "name": name, "args": value}} for key, name, value in calls]
    stopped = "MAX_TOKENS" if finish == "length" else "STOP"
    content = {"role": "model", "parts": parts}
    return {
        "candidates": [{"content": content, "finishReason": stopped}],
        "usageMetadata": usage,
        "modelVersion": "m",
    }


def bedrock(*calls, finish="tool_call", text=None, usage=None):
    content = [] if text is None else [{"text": text}]
    content += [{"toolUse": {"toolUseId": key, "name": name, "input": value}} for key, name, value in calls]
    message = {"role": "assistant", "content": content}
    return {"output": {"message": message}, "stopReason": ANTHROPIC_WORDS[finish], "usage": usage}


def ollama(*calls, finish="tool_call", text=None, usage=None):
    message = {"role": "assistant", "content": text or ""}
    if calls:
        message["tool_calls"] = [{"function": {"name": name, "arguments": value}} for _, name, value in calls]
    return {
        "model": "m",
        "message": message,
        "done": True,
        "done_reason": "length" if finish == "length" else "stop",
    }


def cohere(*calls, finish="tool_call", text=None, usage=None):
    words = {"tool_call": "TOOL_CALL", "length": "MAX_TOKENS", "stop": "COMPLETE"}
    return {
        "id": "x",
        "finish_reason": words[finish],
        "message": chat_message(*calls, text=text),
        "usage": usage,
    }


def text_of(given):
    return given if isinstance(given, str) else json.dumps(given)


PROVIDERS = {made.__name__: made for made in (chat, responses, anthropic, gemini, bedrock, ollama, cohere)}
