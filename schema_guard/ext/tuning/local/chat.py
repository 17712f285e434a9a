# SPDX-License-Identifier: Apache-2.0
"""A row as the tokens that the model sees when it is served, and the tokens that it shall answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.local.llama_server import OUTPUT_TOKENS, SLOT_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.tuning.training_rows import SftRow

__all__ = ["Encoded", "encode", "encode_all", "served_prompt"]


class Encoded(NamedTuple):
    """A row in tokens.

    Attributes:
        prompt: What is before the answer; nothing of it is learned.
        answer: The answer and the token that ends the turn, by which the model learns to stop.
    """

    prompt: list[int]
    answer: list[int]

    @property
    def tokens(self) -> int:
        """How many there are."""
        return len(self.prompt) + len(self.answer)


def served_prompt(tokenizer: Any, messages: Sequence[dict[str, str]]) -> str:
    """Return the text that llama.cpp's server makes of messages, up to where the answer begins.

    Both read the template out of the GGUF file, each with an engine of its own.

    Args:
        tokenizer: Of transformers.
        messages: Each with `role` and `content`, texts.
    """
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def encode(tokenizer: Any, row: SftRow) -> Encoded:
    """Return a row in tokens.

    Prompt and answer are taken apart before they are made tokens, as in serving: no token goes over the seam.

    Raises:
        InvalidArgument: The model's template does not put an answer behind its prompt.
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
    """Return rows in tokens.

    Raises:
        InvalidArgument: Some are longer than what is served, or hold no answer of the template.
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
