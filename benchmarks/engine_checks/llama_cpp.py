# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's own grammars: the GBNF that its server makes of a schema, in the matcher of the same library.

xllamacpp gives Python the server but not the matcher, and its `json_schema_to_grammar` hands the schema on to
llguidance. A chat with `response_format` does not: the server writes a GBNF grammar, which it shows in its answers
when it is verbose, and llama.cpp's matcher is part of the C interface that the wheel's library exports.
"""

from __future__ import annotations

import ctypes
import http.client
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.engine_checks.adapter import CompiledGrammar, Refused

if TYPE_CHECKING:
    from benchmarks.engine_checks.vocabulary import Vocabulary

# The rule of a chat's grammar that is the schema; around it stand the template's prefix and a fence.
_RULE = "response-format"
# From here on an answer has the settings that it was made with, the grammar among them.
_VERBOSE = 10
_READY_S = 60.0


class _Parameters(ctypes.Structure):
    """llama.cpp's parameters of a model, larger than any version's: taken from it and handed back unread."""

    _fields_ = (("opaque", ctypes.c_byte * 512),)


class _Candidate(ctypes.Structure):
    """A token that could come next; the matcher sets the logit of one that may not to minus infinity."""

    _fields_ = (("id", ctypes.c_int32), ("logit", ctypes.c_float), ("p", ctypes.c_float))


class _Candidates(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.POINTER(_Candidate)),
        ("size", ctypes.c_size_t),
        ("selected", ctypes.c_int64),
        ("sorted", ctypes.c_bool),
    )


class _Library:
    """The functions of llama.cpp that are used, with their types."""

    def __init__(self, path: str) -> None:
        library = ctypes.CDLL(path)

        def declared(name: str, result: Any, *arguments: Any) -> Any:
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            return function

        handle = ctypes.c_void_p
        self.default_parameters = declared("llama_model_default_params", _Parameters)
        self.load = declared("llama_model_load_from_file", handle, ctypes.c_char_p, _Parameters)
        self.vocabulary = declared("llama_model_get_vocab", handle, handle)
        self.grammar = declared(
            "llama_sampler_init_grammar", handle, handle, ctypes.c_char_p, ctypes.c_char_p
        )
        self.apply = declared("llama_sampler_apply", None, handle, ctypes.POINTER(_Candidates))
        self.accept = declared("llama_sampler_accept", None, handle, ctypes.c_int32)
        self.clone = declared("llama_sampler_clone", handle, handle)
        self.free = declared("llama_sampler_free", None, handle)


class _Matcher:
    def __init__(self, library: _Library, compiled: int, adapter: _Adapter) -> None:
        self._library = library
        self._compiled = compiled
        self._adapter = adapter
        self._at = library.clone(compiled)

    def start(self) -> None:
        self._library.free(self._at)
        self._at = self._library.clone(self._compiled)

    def advance(self, token: int) -> bool:
        if not self._allows(token):
            return False
        self._library.accept(self._at, token)
        return True

    def may_end(self) -> bool:
        return self._allows(self._adapter.eos)

    def mask(self) -> None:
        # What was masked before stays so in this array: the work is the same for every candidate.
        self._apply(self._adapter.candidates)

    def _allows(self, token: int) -> bool:
        one = (_Candidate * 1)(_Candidate(token, 0.0, 0.0))
        self._apply(one)
        return bool(one[0].logit == 0.0)

    def _apply(self, candidates: ctypes.Array[_Candidate]) -> None:
        pointer = ctypes.cast(candidates, ctypes.POINTER(_Candidate))
        listed = _Candidates(pointer, len(candidates), -1, False)
        self._library.apply(self._at, ctypes.byref(listed))

    def __del__(self) -> None:
        self._library.free(self._at)
        self._library.free(self._compiled)


class _Adapter:
    def __init__(self, vocabulary: Vocabulary) -> None:
        # An extra, imported in the process that measures it.
        import xllamacpp  # type: ignore[import-not-found,import-untyped,unused-ignore]

        assert vocabulary.path is not None
        path = str(vocabulary.path)
        self.eos = vocabulary.eos
        self.candidates = (_Candidate * len(vocabulary.tokens))(
            *(_Candidate(number, 0.0, 0.0) for number in range(len(vocabulary.tokens)))
        )
        self._server = xllamacpp.Server(_server_parameters(xllamacpp, path))
        self._address = urlsplit(self._server.listening_address).netloc
        self._await_ready()
        self._library = _Library(xllamacpp.xllamacpp.__file__)
        model = self._library.load(path.encode(), self._library.default_parameters())
        self._vocabulary = self._library.vocabulary(model)

    def compile(self, schema: str) -> CompiledGrammar:
        chat = _chat(json.loads(schema))
        grammar = self._grammar(chat)
        start = time.process_time()
        # Makes the grammar once more, and no text: the answer above took a model's work, which is no compiling.
        self._post("/apply-template", chat)
        compiled = self._library.grammar(self._vocabulary, grammar.encode(), _RULE.encode())
        cpu_s = time.process_time() - start
        if not compiled:
            raise Refused("its own parser does not take the grammar that it made")
        return CompiledGrammar(_Matcher(self._library, compiled, self), cpu_s)

    def _grammar(self, chat: dict[str, Any]) -> str:
        status, answer = self._post("/v1/chat/completions", chat)
        if status != http.client.OK:
            message = str(answer["error"]["message"])
            raise Refused(message.partition("JSON schema error ")[2] or message)
        grammar = str(answer["__verbose"]["generation_settings"]["grammar"])
        if f"{_RULE} ::=" not in grammar:
            raise Refused("the server makes no grammar of it")
        return grammar

    def _post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(self._address)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def _await_ready(self) -> None:
        """Ask for one token until there is one; while the model loads the server answers 503."""
        deadline = time.monotonic() + _READY_S
        while self._post("/completion", {"prompt": "x", "n_predict": 1})[0] != http.client.OK:
            if time.monotonic() > deadline:
                raise TimeoutError(f"llama.cpp's server was not ready within {_READY_S:g} s")
            time.sleep(0.05)


def _server_parameters(library: Any, path: str) -> Any:
    chosen = library.CommonParams()
    chosen.model.path = path
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = 0
    chosen.n_parallel = 1
    chosen.n_ctx = 2048
    chosen.cpuparams.n_threads = chosen.cpuparams_batch.n_threads = 1
    chosen.cache_ram_mib = 0
    chosen.verbosity = _VERBOSE
    return chosen


def _chat(schema: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": "x"}],
        "max_tokens": 1,
        "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
    }


def load(vocabulary: Vocabulary) -> _Adapter:
    """Load llama.cpp's server and its matcher, both with the model's own vocabulary."""
    return _Adapter(vocabulary)
