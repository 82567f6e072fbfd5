# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arguments of Python as the structs of a request, with the memory that these point to."""

from __future__ import annotations

import ctypes as c
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import structs as s
from .answer import Message
from .errors import InvalidError
from .grammar import Grammar
from .library import c_text, default, dump_json, encode

Prompt = Union[str, Sequence[int]]
"""Text, or ids of tokens."""
Messages = Iterable[Union[Message, Mapping[str, Any]]]
"""{"role": ..., "content": ...} and what else the model's template reads."""


@dataclass(frozen=True)
class Sampling:
    """How an answer is picked, as the flags of the command line have it. None: as the model
    asks (generation_config.json)."""

    max_tokens: int | None = None
    """Of the answer."""
    temperature: float | None = None
    """0: the likeliest token always."""
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    repeat_last_n: int | None = None
    """Tokens that the penalties look back on; 0: none, -1: the whole text."""
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] | None = None
    """Tokens, and what is added to their logits."""
    seed: int | None = None
    """0 or more: names an answer. None: from the clock."""
    stop: str | Sequence[str] = ()
    """Strings that end the answer and are no part of it, beside the model's own."""
    logprobs: int | None = None
    """So many likeliest tokens with each token of the answer, 0 to 20; None: no
    log-probabilities."""
    prompt_logprobs: bool = False
    """The same of the prompt's tokens, all of which are then read: `answer.prompt`."""
    logits: bool = False
    """`token.logits` of each token."""
    grammar: Grammar | None = None
    """The form of the answer, which ends where that can do nothing else."""
    ignore_end: bool = False
    """End tokens and the model's own stop strings do not end it."""
    bos: bool = True
    """With the token that the model wants before a text."""
    private: bool = False
    """No state is taken from other requests or kept for them."""


class Prepared:
    """A request, and all that it points to."""

    def __init__(self, sampling: Sampling, extra_flags: int = 0) -> None:
        self.struct = default(s.Request)
        self._set_numbers(sampling)
        self._set_biases(sampling.logit_bias or {})
        self._set_stops(sampling.stop)
        if sampling.grammar is not None:
            self.grammar = sampling.grammar  # as long as this
            self.struct.grammar = sampling.grammar._handle
        flags = extra_flags
        if sampling.logprobs is not None:
            if not 0 <= sampling.logprobs <= s.MAX_TOP:
                raise InvalidError(f"logprobs is {sampling.logprobs}, expected 0 to {s.MAX_TOP}")
            flags |= s.LOGPROBS
            self.struct.top = sampling.logprobs
        flags |= s.PROMPT_LOGPROBS * sampling.prompt_logprobs
        flags |= s.LOGITS * sampling.logits
        flags |= s.IGNORE_END * sampling.ignore_end
        flags |= s.NO_BOS * (not sampling.bos)
        flags |= s.PRIVATE * sampling.private
        self.struct.flags = flags

    def _set_numbers(self, sampling: Sampling) -> None:
        for name in ("temperature", "top_p", "min_p", "repeat_penalty", "top_k", "seed", "max_tokens"):
            value = getattr(sampling, name)
            if value is None:
                continue
            # Negative ones mean "as the model asks" below.
            if not value >= 0:
                raise InvalidError(f"{name} is {value}, expected 0 or more")
            setattr(self.struct, name, _whole(name, value) if name in WHOLE else float(value))
        last = sampling.repeat_last_n
        if last is not None:
            last = _whole("repeat_last_n", last)
            if last < -1:
                raise InvalidError(f"repeat_last_n is {last}, expected -1 or more")
            self.struct.repeat_last_n = MOST if last == -1 else last
        self.struct.presence_penalty = float(sampling.presence_penalty)
        self.struct.frequency_penalty = float(sampling.frequency_penalty)

    def _set_biases(self, biases: Mapping[int, float]) -> None:
        tokens = token_array(list(biases))
        self.struct.biases = (s.LogitBias * max(len(biases), 1))(
            *(s.LogitBias(token, float(value)) for token, value in zip(tokens, biases.values()))
        )
        self.struct.bias_count = len(biases)

    def _set_stops(self, stop: str | Sequence[str]) -> None:
        strings = [stop] if isinstance(stop, str) else list(stop)
        if strings:
            encoded = [_stop(text) for text in strings]
            self.struct.stops = (c.c_char_p * len(encoded))(*encoded)
            self.struct.stop_count = len(encoded)

    def set_prompt(self, prompt: Prompt) -> None:
        if isinstance(prompt, str):
            data = encode(prompt)
            self.struct.text, self.struct.text_bytes = data, len(data)
        else:
            self.struct.tokens = token_array(prompt)
            self.struct.token_count = len(prompt)

    def set_chat(self, chat: s.Chat) -> None:
        self.struct.chat = c.pointer(chat)


WHOLE = ("top_k", "seed", "max_tokens")
MOST = 2**63 - 1


def _whole(name: str, value: Any) -> int:
    number = value.__index__() if hasattr(value, "__index__") else None
    if number is None:
        raise TypeError(f"{name} is {value!r}, expected an int")
    if number > MOST:
        raise InvalidError(f"{name} is {number}, expected at most {MOST}")
    return int(number)


def _stop(text: str) -> bytes:
    data = encode(text)
    if b"\0" in data:
        raise InvalidError("a stop string has a NUL, which no text has")
    return data


def token_array(tokens: Sequence[int]) -> c.Array[c.c_int32]:
    """Error: an id that no int32 holds."""
    ids = [int(token) for token in tokens]
    for at, token in enumerate(ids):
        if not 0 <= token < 2**31:
            raise InvalidError(f"token {at} is {token}, which is no id")
    return (c.c_int32 * max(len(ids), 1))(*ids)


def _is_plain(message: Message | Mapping[str, Any]) -> bool:
    return isinstance(message, Message) or (
        message.keys() == {"role", "content"} and isinstance(message["content"], str)
    )


def _message(message: Message | Mapping[str, Any]) -> s.MessageStruct:
    if not isinstance(message, Message):
        message = Message(message["role"], message["content"])
    content = encode(message.content)
    if message.marks is not None and len(message.marks) != len(content):
        raise InvalidError(
            f"a message has {len(message.marks)} marks, expected one for each of its "
            f"{len(content)} bytes"
        )
    return s.MessageStruct(c_text(message.role), content, len(content), message.marks)


def _object(message: Message | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(message, Message):
        return {"role": message.role, "content": message.content}
    return message


def make_chat(
    messages: Messages,
    tools: Sequence[Mapping[str, Any]] | None,
    thinking: bool | None,
) -> s.Chat:
    chat = default(s.Chat)
    chat.thinking = -1 if thinking is None else int(thinking)
    given = list(messages)
    if all(map(_is_plain, given)):
        chat.messages = (s.MessageStruct * max(len(given), 1))(*map(_message, given))
        chat.message_count = len(given)
    else:
        chat.json = dump_json("messages", list(map(_object, given)))
        chat.json_bytes = len(chat.json)
    if tools is not None:
        chat.tools = dump_json("tools", list(tools))
        chat.tools_bytes = len(chat.tools)
    return chat
