"""Rows of exports in the documented formats of the tools, written by hand on 2026-11-26 and of no real traffic.

The first argument of each is the text that the model wrote; the rest of a row is as its documentation has it.
"""

import json

SCHEMA = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"enum": ["billing", "tech"]}, "urgent": {"type": "boolean"}},
    "required": ["team", "urgent"],
    "additionalProperties": False,
}
GOOD = '{"team":"billing","urgent":true}'
BAD = '{"team":"sales","urgent":true}'
MODEL = "MODEL-2026-08-06"


def prompt(number):
    """Give what was sent for a ticket."""
    return [
        {"role": "system", "content": "Sort tickets."},
        {"role": "user", "content": f"I was billed twice, ticket {number}."},
    ]


PROMPT = prompt(1)


# Langfuse, "Export from UI", langfuse.com/docs as of November 2026: an array of objects in camel case.


def langfuse_ui(text=GOOD, number=1, **more):
    """A row of the table of generations."""
    return {
        "id": f"obs_{number}",
        "traceId": f"trace_{number}",
        "traceName": "triage",
        "parentObservationId": f"span_{number}",
        "name": "openai-chat",
        "type": "GENERATION",
        "model": MODEL,
        "startTime": f"2026-11-02T10:{number % 60:02d}:00.512Z",
        "endTime": f"2026-11-02T10:{number % 60:02d}:01.762Z",
        "input": prompt(number),
        "output": {"role": "assistant", "content": text},
        "usage": {"input": 412, "output": 87, "total": 499, "unit": "TOKENS"},
        "totalCost": 0.000183,
        "level": "DEFAULT",
        "statusMessage": None,
        "version": None,
        "promptName": "triage",
        "promptVersion": 3,
        "metadata": {"customer_tier": "pro"},
        "tags": ["prod"],
        **more,
    }


# Langfuse, "Blob Storage Export Field Reference", `observations_v2/`, as of November 2026: snake case, times with a blank,
# input and output as texts, empty texts for what is not set.


def langfuse_blob(text=GOOD, number=1, **more):
    """A line of the export to blob storage."""
    return {
        "id": f"obs_{number}",
        "trace_id": f"trace_{number}",
        "project_id": "p",
        "environment": "production",
        "type": "GENERATION",
        "parent_observation_id": "",
        "start_time": f"2026-11-02 10:{number % 60:02d}:00.512000",
        "end_time": f"2026-11-02 10:{number % 60:02d}:01.762000",
        "name": "openai-chat",
        "metadata": {},
        "level": "DEFAULT",
        "status_message": "",
        "version": "",
        "input": json.dumps(prompt(number)),
        "output": json.dumps({"role": "assistant", "content": text}),
        "provided_model_name": MODEL,
        "model_parameters": '{"temperature":0}',
        "usage_details": {"input": 400, "input_cached_tokens": 12, "output": 80, "output_reasoning_tokens": 7, "total": 499},
        "cost_details": {},
        "prompt_name": "",
        "prompt_version": None,
        "total_cost": 0,
        "latency": 1.25,
        "tool_calls": [],
        "trace_name": "triage",
        **more,
    }  # fmt: skip


# Arize Phoenix, `Client.spans.get_spans_dataframe` of arize-phoenix-client 1.x as of November 2026, written by
# `to_json(orient="records", lines=True)`: a column for each attribute of OpenInference, times in milliseconds.


def phoenix_frame(text=GOOD, number=1, **more):
    """A row of the data frame: a call of a model."""
    return {
        "name": "ChatCompletion",
        "span_kind": "LLM",
        "parent_id": f"parent{number}",
        "start_time": 1793268000000 + 60_000 * number,
        "end_time": 1793268000000 + 60_000 * number + 1250,
        "status_code": "OK",
        "status_message": "",
        "events": [],
        "context.span_id": f"span{number}",
        "context.trace_id": f"trace{number}",
        "attributes.openinference.span.kind": "LLM",
        "attributes.llm.model_name": MODEL,
        "attributes.llm.token_count.prompt": 412.0,
        "attributes.llm.token_count.completion": 87.0,
        "attributes.llm.token_count.total": 499.0,
        "attributes.llm.token_count.prompt_details.cache_read": 12.0,
        "attributes.llm.input_messages": [
            {"message.role": one["role"], "message.content": one["content"]} for one in prompt(number)
        ],
        "attributes.llm.output_messages": [{"message.role": "assistant", "message.content": text}],
        "attributes.output.value": text,
        "attributes.output.mime_type": "text/plain",
        "attributes.llm.prompt_template.version": "v7",
        **more,
    }


def phoenix_step(number=1):
    """The step around it."""
    return {
        "name": "triage",
        "span_kind": "CHAIN",
        "parent_id": None,
        "context.span_id": f"parent{number}",
        "context.trace_id": f"trace{number}",
        "attributes.openinference.span.kind": "CHAIN",
        "start_time": 1793268000000 + 60_000 * number,
    }


# Arize Phoenix, `Client.spans.get_spans` (GET /v1/projects/{}/spans) as of November 2026: attributes in an object, flat.


def phoenix_api(text=GOOD, number=1, **more):
    """A span of the API, with a tool that was called."""
    return {
        "id": "U3Bhbjox",
        "name": "ChatCompletion",
        "context": {"trace_id": f"trace{number}", "span_id": f"span{number}"},
        "span_kind": "LLM",
        "parent_id": None,
        "start_time": f"2026-11-02T10:{number % 60:02d}:00+00:00",
        "end_time": f"2026-11-02T10:{number % 60:02d}:01.250000+00:00",
        "status_code": "OK",
        "status_message": "",
        "attributes": {
            "openinference.span.kind": "LLM",
            "llm.model_name": MODEL,
            "llm.token_count.prompt": 412,
            "llm.token_count.completion": 87,
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "ticket",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": text,
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "I was billed twice.",
        },
        "events": [],
        **more,
    }


# MLflow, `Trace.to_json` of mlflow 3.x (span version 4) as of November 2026: attributes are JSON in texts.


def mlflow_span(text=GOOD, number=1, **more):
    """A span that called a model through OpenAI's SDK."""
    completion = openai_completion(text)
    attributes = {
        "mlflow.traceRequestId": f"tr-{number}",
        "mlflow.spanType": "CHAT_MODEL",
        "mlflow.spanInputs": {"model": "MODEL", "messages": prompt(number)},
        "mlflow.spanOutputs": completion,
        "mlflow.chat.tokenUsage": {"input_tokens": 412, "output_tokens": 87, "total_tokens": 499},
        "mlflow.llm.model": "MODEL",
        "mlflow.llm.cost": {"input_cost": 0.0001, "output_cost": 0.0002, "total_cost": 0.0003},
    }
    return {
        "trace_id": f"tr-{number}",
        "span_id": f"llm{number}",
        "parent_span_id": f"root{number}",
        "name": "Completions",
        "start_time_unix_nano": 1793268000000000000 + 60_000_000_000 * number,
        "end_time_unix_nano": 1793268001250000000 + 60_000_000_000 * number,
        "events": [],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {name: json.dumps(value) for name, value in attributes.items()},
        "mlflow.spanDictVersion": 4,
        "otel_trace_id": "0f",
        **more,
    }


def mlflow_root(number=1):
    """The span around it."""
    return {
        "trace_id": f"tr-{number}",
        "span_id": f"root{number}",
        "parent_span_id": None,
        "name": "triage",
        "start_time_unix_nano": 1793268000000000000 + 60_000_000_000 * number,
        "end_time_unix_nano": 1793268002000000000 + 60_000_000_000 * number,
        "events": [],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {"mlflow.spanType": '"CHAIN"', "mlflow.traceRequestId": f'"tr-{number}"'},
    }


def mlflow_trace(*spans, number=1):
    """A line of `trace.to_json()`."""
    return {
        "info": {
            "trace_id": f"tr-{number}",
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}},
            "request_time": "2026-11-02T10:00:00Z",
            "execution_duration": "2s",
            "state": "OK",
            "trace_metadata": {},
            "tags": {"mlflow.linkedPrompts": '[{"name": "triage", "version": "3"}]'},
        },
        "data": {"spans": [mlflow_root(number), *(spans or (mlflow_span(number=number),))]},
    }


def mlflow_frame(*spans, number=1):
    """A row of the data frame of `mlflow.search_traces()`, by `to_json(orient="records", lines=True)`."""
    trace = mlflow_trace(*spans, number=number)
    return {
        "trace_id": f"tr-{number}",
        "trace": json.dumps(trace),
        "client_request_id": None,
        "state": "OK",
        "request_time": 1793268000000,
        "execution_duration": 2000,
        "request": {},
        "response": {},
        "trace_metadata": {},
        "tags": trace["info"]["tags"],
        "spans": trace["data"]["spans"],
        "assessments": [],
    }


def mlflow_2(text=GOOD, number=1):
    """A trace of mlflow 2.18, whose spans have a context."""
    span = {
        "name": "Completions",
        "context": {"span_id": f"0xllm{number}", "trace_id": "0x0f"},
        "parent_id": None,
        "start_time": 1793268000000000000,
        "end_time": 1793268001250000000,
        "status_code": "OK",
        "status_message": "",
        "attributes": {
            "mlflow.traceRequestId": f'"tr-{number}"',
            "mlflow.spanType": '"LLM"',
            "mlflow.spanInputs": json.dumps({"prompt": "I was billed twice."}),
            "mlflow.spanOutputs": json.dumps(text),
        },
        "events": [],
    }
    return {"info": {"request_id": f"tr-{number}", "status": "OK", "tags": {}}, "data": {"spans": [span]}}


# OpenAI, "The chat completion object", API reference as of November 2026; stored completions have `metadata`.


def openai_completion(text=GOOD, number=1, **more):
    """A chat completion."""
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1793268000 + 60 * number,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 412,
            "completion_tokens": 87,
            "total_tokens": 499,
            "prompt_tokens_details": {"cached_tokens": 12},
            "completion_tokens_details": {"reasoning_tokens": 7},
        },
        "metadata": {"function": "triage", "version": "3"},
        **more,
    }


# OpenAI, "The eval run output item object", API reference as of November 2026.


def openai_item(text=GOOD, number=1, **more):
    """An output item of an eval's run."""
    return {
        "object": "eval.run.output_item",
        "id": f"outputitem_{number}",
        "created_at": 1793268000,
        "run_id": "evalrun_1",
        "eval_id": "eval_1",
        "status": "pass",
        "datasource_item_id": number,
        "datasource_item": {"input": "I was billed twice."},
        "results": [{"name": "check", "sample": None, "passed": True, "score": 1.0}],
        "sample": {
            "input": prompt(number),
            "output": [{"role": "assistant", "content": text}],
            "finish_reason": "stop",
            "model": MODEL,
            "usage": {
                "total_tokens": 499,
                "completion_tokens": 87,
                "prompt_tokens": 412,
                "cached_tokens": 12,
            },
            "error": None,
            "temperature": 1.0,
            "max_completion_tokens": 2048,
            "top_p": 1.0,
            "seed": 42,
        },
        **more,
    }


# OpenAI, "Batch API", output file, as of November 2026.


def openai_batch(text=GOOD, number=1, status=200):
    """A line of a batch's output."""
    body = (
        openai_completion(text, number) if status < 400 else {"error": {"message": "overloaded", "code": "x"}}
    )
    return {
        "id": f"batch_req_{number}",
        "custom_id": f"ticket-{number}",
        "response": {"status_code": status, "request_id": "r", "body": body},
        "error": None,
    }


# github.com/openai/evals, `evals/record.py` (LocalRecorder), as of November 2026.


def oaieval_log(*texts):
    """The lines of a log."""
    events = [
        {
            "run_id": "26112610AAAA",
            "event_id": number,
            "sample_id": f"tickets.dev.{number}",
            "type": "sampling",
            "data": {"prompt": prompt(number), "sampled": [text]},
            "created_by": "",
            "created_at": f"2026-11-02 10:{number:02d}:00.512000+00:00",
        }
        for number, text in enumerate(texts)
    ]
    match = {**events[0], "event_id": 99, "type": "match", "data": {"correct": True}}
    spec = {"completion_fns": [MODEL], "eval_name": "tickets.dev", "run_id": "26112610AAAA"}
    return [{"spec": spec}, *events, match, {"final_report": {"accuracy": 1.0}}]
