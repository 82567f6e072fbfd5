# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results of a request: tokens as they come, and all of it at the end."""

from __future__ import annotations

import ctypes as c
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import structs as s
from .closing import Closing
from .errors import Error, FailedError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


def floats(data: bytes) -> Floats:
    """float32, not to be written. Error: there is no numpy."""
    try:
        import numpy
    except ImportError:
        raise Error("this needs numpy: install python3-numpy, or pip install numpy") from None
    return numpy.frombuffer(data, numpy.float32) if data else numpy.empty(0, numpy.float32)


@dataclass(frozen=True)
class TokenLogprob:
    """A token that might have come."""

    id: int
    logprob: float
    """Natural logarithm of its probability, before temperature, penalties and rules."""


@dataclass(frozen=True)
class Token:
    """A step of an answer; str() is its text."""

    id: int
    """-1 for text that belongs to no token: what a template begins an answer with, and what
    was held back at the end of it."""
    text: str
    """Whole characters that are surely no part of a stop string: often "", or those of
    earlier tokens. The texts of all tokens are the answer's."""
    marks: bytes = b""
    """One for each byte of the text as UTF-8, for Message."""
    logprob: float | None = None
    """Its own, if `logprobs` was asked for."""
    top: tuple[TokenLogprob, ...] = ()
    """The likeliest, lower ids first where equal, `logprobs` of them."""
    logit_bytes: bytes | None = field(default=None, repr=False)

    @property
    def logits(self) -> Floats | None:
        """float32[vocab_size] that the token was picked by, as the model made them, if
        `logits` was asked for. Error: there is no numpy."""
        return None if self.logit_bytes is None else floats(self.logit_bytes)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Message:
    """One of a chat. An answer as a message (`Answer.message`) keeps its marks, so that the
    tokens that the model wrote are read as the same tokens again."""

    role: str
    content: str
    marks: bytes | None = None


@dataclass
class Answer:
    """All of an answer."""

    text: str = ""
    tokens: list[Token] = field(default_factory=list)
    finish: str = ""
    """"stop": an end token or a stop string; "length": max_tokens, or what the model allows;
    "context": the sequence is full; "cancelled"."""
    prompt_tokens: int = 0
    """Of the text before the answer."""
    reused_tokens: int = 0
    """Those of them whose state was there already."""
    marks: bytes = b""
    prompt: list[Token] = field(default_factory=list)
    """The prompt's tokens with their log-probabilities, if `prompt_logprobs` was asked for;
    None for the first."""
    seconds: float = 0.0
    """Since it was submitted, until now or its end."""
    seconds_queued: float = 0.0
    """Until it began to be read."""
    seconds_to_first: float = 0.0
    """Until its first token."""

    @property
    def ids(self) -> list[int]:
        """Of its tokens."""
        return [token.id for token in self.tokens if token.id >= 0]

    @property
    def message(self) -> Message:
        """To go on with a chat: messages + [answer.message, {"role": "user", ...}]."""
        return Message("assistant", self.text, self.marks)

    def __str__(self) -> str:
        return self.text


class Listener:
    """Gets the events of one request from the thread that steps."""

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        self.hidden_size, self.vocab_size = hidden_size, vocab_size
        self.queue: queue.SimpleQueue[Token | None] = queue.SimpleQueue()
        self.answer = Answer()
        self.hidden: bytes | None = None
        self.logits: list[bytes] = []  # of the prompt's tokens
        self.error: BaseException | None = None
        self.is_over = False

    def hear(self, event: s.Event) -> int:
        """Anything but 0 cancels the request."""
        try:
            self._hear(event)
        except BaseException as error:  # for the thread that reads
            self.error = error
            return 1
        finally:
            if event.kind == s.END:
                self.is_over = True
                self.queue.put(None)
        return 0

    def _hear(self, event: s.Event) -> None:
        text = c.string_at(event.text, event.text_bytes).decode() if event.text_bytes else ""
        marks = c.string_at(event.marks, event.text_bytes) if event.text_bytes else b""
        answer = self.answer
        answer.prompt_tokens, answer.reused_tokens = event.prompt_tokens, event.reused_tokens
        answer.seconds = event.total_ns / 1e9
        answer.seconds_queued = event.queued_ns / 1e9
        answer.seconds_to_first = event.first_token_ns / 1e9
        logits = c.string_at(event.logits, 4 * self.vocab_size) if event.logits else None
        if event.token >= 0 or text:
            top = tuple(
                TokenLogprob(event.top[i].token, event.top[i].logprob)
                for i in range(event.top_count)
            )
            is_known = event.top and not (event.kind == s.PROMPT and not answer.prompt)
            logprob = event.logprob if is_known else None
            token = Token(event.token, text, marks, logprob, top, logits)
            if event.kind == s.PROMPT:
                answer.prompt.append(token)
            else:
                self.queue.put(token)
        elif logits:
            self.logits.append(logits)
        if event.kind == s.END:
            self._end(event)

    def _end(self, event: s.Event) -> None:
        self.answer.finish = s.FINISHES[event.finish]
        if event.hidden:
            self.hidden = c.string_at(event.hidden, 4 * self.hidden_size)
        if self.answer.finish == "failed":
            self.error = FailedError(event.error.decode(errors="replace"))


class Stream(Closing):
    """An answer as it is made: iterate over its tokens, from one thread.

    Leaving the `with` of a stream, close(), and forgetting it cancel what is not over yet.
    """

    def __init__(self, listener: Listener, cancel: Callable[[], None]) -> None:
        self._listener, self._cancel, self._is_read = listener, cancel, False

    def __iter__(self) -> Iterator[Token]:
        return self

    def __next__(self) -> Token:
        """Waits for the next token, without the GIL.

        Error: the engine's sentence, if the request failed.
        """
        token = None if self._is_read else self._listener.queue.get()
        if token is not None:
            answer = self._listener.answer
            answer.tokens.append(token)
            answer.text += token.text
            answer.marks += token.marks
            return token
        self._is_read = True
        error, self._listener.error = self._listener.error, None
        if error:
            raise error
        raise StopIteration

    @property
    def answer(self) -> Answer:
        """As far as it was read; `finish` is "" before the end."""
        return self._listener.answer

    def read(self) -> Answer:
        """All of the answer. Error: the engine's sentence, if the request failed."""
        for _ in self:
            pass
        return self.answer

    def cancel(self) -> None:
        """Ends the answer at the next step; from any thread. Tokens that are there already
        are still read."""
        self._cancel()

    def close(self) -> None:
        """Cancels, and waits until the request is over, so that its sequence is free."""
        if not self._is_read:
            self._cancel()
            try:
                self.read()
            except Error:
                pass

    def __del__(self) -> None:
        if not self._listener.is_over:
            self._cancel()
