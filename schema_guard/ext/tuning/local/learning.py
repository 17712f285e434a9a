# SPDX-License-Identifier: Apache-2.0
"""LoRA on the local model's weights: the code of the process that loads torch.

Rules:
1. Torch uses one thread, because two threads spin and take four times as long.
2. The same rows and settings give the same adapter to the byte, even after an interruption. The seed and the number of
   an epoch decide its order, and nothing after the first weights is random.
3. Only the answer is learned, and only its positions go through the output layer. Its 49,152 columns per token would
   take as much memory as everything else.
4. At most PASS_TOKENS go through the model at once, so that memory doesn't depend on any setting.
"""

from __future__ import annotations

import math
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.local.gguf_file import ADAPTER_BASE
from schema_guard.ext.local.llama_server import OUTPUT_TOKENS, SLOT_TOKENS
from schema_guard.ext.tuning.training_rows import SftRow

if TYPE_CHECKING:
    from collections.abc import Mapping

PASS_TOKENS: Final = 1024
"""Most tokens that go through the model at once, padding included. A single row can have more."""
ALPHA_OF_RANK: Final = 2.0
"""The scale of a LoRA: its alpha divided by its rank."""
CHECKPOINT_S: Final = 30.0
_WARM_UP: Final = 0.1
_MOST_NORM: Final = 1.0

Tell = Callable[[dict[str, Any]], None]


PARTS: Final = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
"""The tuned matrices of a layer: name in transformers -> name in GGUF."""
_TENSOR: Final = re.compile(r"layers\.(\d+)\.\w+\.(\w+)\.lora_([AB])\.weight$")


class _Progress(NamedTuple):
    """The progress of a training.

    Attributes:
        step: The last completed step; 0 before the first.
        loss: Loss of that step.
        validation_loss: Validation loss at the end of the last epoch; None before it.
    """

    step: int = 0
    loss: float = math.nan
    validation_loss: float | None = None


def learn(settings: Mapping[str, Any], tell: Tell) -> None:
    """Train, and write the adapter.

    Args:
        settings: The settings that `training.train` sends.
        tell: Function that takes a dict for the start, each step, and the end.

    Raises:
        InvalidArgument: The rows can't be learned, or not on these weights.
    """
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(settings["seed"])
    weights = Path(settings["weights"])
    tokenizer = _tokenizer(weights)
    rows = {
        part: encode_all(tokenizer, [SftRow(*row) for row in settings[part]], part)
        for part in ("train", "validation")
    }
    widest = max([PASS_TOKENS, *(row.tokens for part in rows.values() for row in part)])
    tell({"kind": "loading", "pass_tokens": widest})
    model = _model(weights, settings["rank"])
    training = _Training(model, settings, rows)
    training.resume()
    tell({"kind": "start", "done": training.progress.step})
    training.run(tell)
    if not math.isfinite(training.progress.loss):
        raise InvalidArgument(
            f"learning_rate={settings['learning_rate']}: the loss is {training.progress.loss}. Try a tenth of this rate"
        )
    _write(model, Path(settings["adapter"]), settings["rank"], settings["base_sha256"])
    training.checkpoint.unlink(missing_ok=True)
    tell({"kind": "end", **training.progress._asdict()})


def _tokenizer(weights: Path) -> Any:
    from transformers import AutoTokenizer  # type: ignore[import-not-found,unused-ignore]

    return AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)


def _model(weights: Path, rank: int) -> Any:
    """Return the weights as a peft model, in bfloat16 with a LoRA in float32."""
    import peft  # type: ignore[import-not-found,unused-ignore]
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    base = AutoModelForCausalLM.from_pretrained(
        weights.parent,
        gguf_file=weights.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    if base.config.model_type != "llama":
        raise InvalidArgument(
            f"{weights}: the weights have the architecture {base.config.model_type!r}, but only adapters for 'llama' are known to work in llama.cpp. Use weights with that architecture"
        )
    lora = peft.LoraConfig(
        r=rank,
        lora_alpha=ALPHA_OF_RANK * rank,
        lora_dropout=0.0,
        target_modules=list(PARTS),
        task_type="CAUSAL_LM",
    )
    return peft.get_peft_model(base, lora)


def _write(model: Any, path: Path, rank: int, base: str) -> None:
    import peft

    config = model.config
    # Otherwise, it searches the hub for the embeddings of a model with that name.
    tensors = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    write_adapter(
        path,
        {name: tensor.detach().float().numpy() for name, tensor in tensors.items()},
        alpha=ALPHA_OF_RANK * rank,
        heads={"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads},
        base=base,
    )


def passes(rows: Sequence[Encoded]) -> Iterator[list[Encoded]]:
    """Yield rows in groups of at most PASS_TOKENS including padding. Each group has at least one row."""
    group: list[Encoded] = []
    for row in sorted(rows, key=lambda row: row.tokens):
        # The rows are sorted, so this one is the widest so far.
        if group and row.tokens * (len(group) + 1) > PASS_TOKENS:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def rate_at(step: int, steps: int, highest: float) -> float:
    """Return the learning rate of a step, 1-based. It rises for a tenth of the steps, then falls by a half cosine."""
    warm = max(1, round(_WARM_UP * steps))
    if step <= warm:
        return highest * step / warm
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm + 1)))


def order(rows: int, seed: int, epoch: int) -> list[int]:
    """Return the order of the rows in an epoch."""
    indices = list(range(rows))
    random.Random(f"{seed}:{epoch}").shuffle(indices)
    return indices


class _Training:
    """The steps of one training."""

    def __init__(self, model: Any, settings: Mapping[str, Any], rows: Mapping[str, list[Encoded]]) -> None:
        import torch

        self.model, self.settings, self.rows = model, settings, rows
        self.checkpoint = Path(settings["checkpoint"])
        self.progress = _Progress()
        self.learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(self.learned, weight_decay=0.0)

    def run(self, tell: Tell) -> None:
        steps, batch = self.settings["steps"], self.settings["batch"]
        in_epoch = math.ceil(len(self.rows["train"]) / batch)
        saved = time.monotonic()
        for step in range(self.progress.step + 1, steps + 1):
            epoch, position = divmod(step - 1, in_epoch)
            chosen = order(len(self.rows["train"]), self.settings["seed"], epoch)
            at = chosen[position * batch : (position + 1) * batch]
            loss = self._step([self.rows["train"][index] for index in at], step)
            is_last = position + 1 == in_epoch or step == steps
            validation = self._validated() if is_last else self.progress.validation_loss
            self.progress = _Progress(step, loss, validation)
            tell({"kind": "step", **self.progress._asdict()})
            if time.monotonic() - saved >= self.settings["checkpoint_s"]:
                self._save()
                saved = time.monotonic()

    def _step(self, rows: Sequence[Encoded], step: int) -> float:
        import torch

        answered = sum(len(row.answer) for row in rows)
        total = 0.0
        for group in passes(rows):
            loss = self._loss(group) / answered
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self.learned, _MOST_NORM)
        for group_of in self.optimizer.param_groups:
            group_of["lr"] = rate_at(step, self.settings["steps"], self.settings["learning_rate"])
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total

    def _validated(self) -> float | None:
        import torch

        rows = self.rows["validation"]
        if not rows:
            return None
        with torch.no_grad():
            lost = sum(self._loss(group).item() for group in passes(rows))
        return float(lost / sum(len(row.answer) for row in rows))

    def _loss(self, rows: Sequence[Encoded]) -> Any:
        """Return the cross-entropy of the tokens of the answers, summed, in nats."""
        import torch

        width = max(row.tokens for row in rows)
        tokens = torch.zeros((len(rows), width), dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        scored = torch.zeros((len(rows), width), dtype=torch.bool)
        for number, row in enumerate(rows):
            tokens[number, : row.tokens] = torch.tensor([*row.prompt, *row.answer])
            mask[number, : row.tokens] = 1
            # The position before a token predicts it.
            scored[number, len(row.prompt) - 1 : row.tokens - 1] = True
        base = self.model.base_model.model
        states = base.model(input_ids=tokens, attention_mask=mask, use_cache=False).last_hidden_state
        wanted = torch.tensor([token for row in rows for token in row.answer])
        return torch.nn.functional.cross_entropy(
            base.lm_head(states[scored]).float(), wanted, reduction="sum"
        )

    def resume(self) -> None:
        """Resume from the checkpoint if it has these rows and settings."""
        import torch

        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        if state["key"] != self.settings["key"]:
            return
        with torch.no_grad():
            for parameter, saved in zip(self.learned, state["learned"], strict=True):
                parameter.copy_(saved)
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = _Progress(**state["progress"])

    def _save(self) -> None:
        import torch

        beside = self.checkpoint.with_name(f".{self.checkpoint.name}.part")
        state = {
            "key": self.settings["key"],
            "learned": [parameter.detach() for parameter in self.learned],
            "optimizer": self.optimizer.state_dict(),
            "progress": self.progress._asdict(),
        }
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.checkpoint)


class Encoded(NamedTuple):
    """A row as tokens.

    Attributes:
        prompt: Tokens before the answer, which aren't learned.
        answer: The answer and the token that ends the turn, from which the model learns to stop.
    """

    prompt: list[int]
    answer: list[int]

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return len(self.prompt) + len(self.answer)


def served_prompt(tokenizer: Any, messages: Sequence[dict[str, str]]) -> str:
    """Return the text that llama.cpp's server builds from messages, up to the beginning of the answer.

    Both read the template from the GGUF file, each with its own template engine.

    Args:
        tokenizer: Tokenizer of transformers.
        messages: Messages, each with the texts `role` and `content`.
    """
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def encode(tokenizer: Any, row: SftRow) -> Encoded:
    """Return a row as tokens.

    Prompt and answer are converted separately, as in serving, so that no token crosses the boundary between them.

    Raises:
        InvalidArgument: The model's template does not put an answer after its prompt.
    """
    prompt = served_prompt(tokenizer, row.prompt)
    turns = [*row.prompt, {"role": "assistant", "content": row.answer}]
    whole: str = tokenizer.apply_chat_template(turns, tokenize=False)
    if not whole.startswith(prompt + row.answer):
        raise InvalidArgument(
            "the chat template of these weights changes the prompt when an answer follows it. The model would learn from prompts that it never receives later. Use other weights"
        )

    def tokens(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False).input_ids)

    return Encoded(tokens(prompt), [*tokens(row.answer), tokenizer.eos_token_id])


def encode_all(tokenizer: Any, rows: Sequence[SftRow], part: str) -> list[Encoded]:
    """Return rows as tokens.

    Raises:
        InvalidArgument: Rows are longer than the server allows, or the template doesn't put an answer after its prompt.
    """
    encoded = [encode(tokenizer, row) for row in rows]
    long = [
        number
        for number, row in enumerate(encoded, start=1)
        if row.tokens > SLOT_TOKENS or len(row.answer) > OUTPUT_TOKENS
    ]
    if long:
        raise InvalidArgument(
            f"{part}.jsonl: {len(long)} of {len(encoded)} rows are too long for model 'local'. A row can have "
            f"{SLOT_TOKENS} tokens, {OUTPUT_TOKENS} of them in the answer. The first long row is row {long[0]}, with "
            f"{encoded[long[0] - 1].tokens} tokens, {len(encoded[long[0] - 1].answer)} of them in the answer. Remove these rows"
        )
    return encoded


def write_adapter(
    path: Path, tensors: Mapping[str, Any], *, alpha: float, heads: Mapping[str, int], base: str
) -> None:
    """Write a LoRA of a model of the architecture `llama`, either completely or not at all.

    Args:
        path: Path of the file. An older file is replaced.
        tensors: NumPy arrays by their names in peft's state.
        alpha: Factor that llama.cpp applies, divided by the rank.
        heads: The number of heads of `q_proj` and `k_proj`.
        base: SHA-256 of the weights that it was trained on, in hex.
    """
    import gguf  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import numpy as np

    beside = path.with_name(f".{path.name}.part")
    # Created for the owner only, before the writer opens it, because a tuned model may reveal its training data.
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    writer = gguf.GGUFWriter(beside, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    writer.add_string(ADAPTER_BASE, base)
    for name, tensor in sorted(tensors.items()):
        match = _TENSOR.search(name)
        assert match is not None, name
        block, part, side = match.groups()
        rows = rope_order(tensor, heads[part]) if side == "B" and part in heads else tensor
        writer.add_tensor(
            f"blk.{block}.{PARTS[part]}.weight.lora_{side.lower()}",
            np.ascontiguousarray(rows, dtype=np.float16),
        )
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(path)


def rope_order(rows: Any, heads: int) -> Any:
    """Return rows of a query or key matrix in llama.cpp's order.

    transformers rotates the first half of a head against its second half, llama.cpp neighboring rows.
    Source: `LlamaModel.permute` in llama.cpp's `convert_hf_to_gguf.py`.
    """
    return rows.reshape(heads, 2, len(rows) // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)
