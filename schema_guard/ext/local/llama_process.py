# SPDX-License-Identifier: Apache-2.0
"""The process that runs llama.cpp's server. `schema_guard.ext.local.llama_server` runs it as a script.

It reads one line of settings from stdin, and writes one line with its address to stdout. It runs until stdin ends, so
it ends with the process that started it, however that ends.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def parameters(settings: dict[str, Any]) -> Any:
    """Return llama.cpp's parameters."""
    import xllamacpp  # type: ignore[import-not-found,import-untyped,unused-ignore]

    chosen = xllamacpp.CommonParams()
    chosen.model.path = settings["path"]
    if settings["adapter"] is not None:
        chosen.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(settings["adapter"], 1.0)]
    chosen.model_alias = {settings["name"]}
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = 0
    # A page in a browser can reach loopback. Without the key, it gets a 401.
    chosen.api_keys = [settings["api_key"]]
    chosen.n_parallel = settings["slots"]
    chosen.n_ctx = settings["slots"] * settings["slot_tokens"]
    chosen.n_predict = settings["output_tokens"]
    # One thread, because with two on a busy two-core machine, llama.cpp's spin barriers cost 90% of the speed.
    chosen.cpuparams.n_threads = chosen.cpuparams_batch.n_threads = settings["threads"]
    chosen.cache_ram_mib = settings["cache_mib"]
    # Only errors. They go to the file that the parent reads if the start fails.
    chosen.verbosity = 1
    return chosen


def main() -> None:
    """Serve until stdin ends."""
    # Output of llama.cpp must not be mistaken for the address.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline())
    import xllamacpp  # type: ignore[import-not-found,import-untyped,unused-ignore]

    try:
        server = xllamacpp.Server(parameters(settings))
    except RuntimeError as error:
        sys.exit(str(error))
    answer.write(json.dumps({"address": server.listening_address}) + "\n")
    answer.close()
    sys.stdin.read()
    # Not sys.exit, because stopping the server while it answers a request never returns.
    os._exit(0)


if __name__ == "__main__":
    main()
