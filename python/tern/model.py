# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model, for all threads of a program."""

from __future__ import annotations

import ctypes as c
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import structs as s
from .answer import Answer, Listener, Stream, floats
from .closing import Closing
from .engine import Engine
from .errors import Error, InvalidError
from .library import c_text, check, default, encode, read_text, read_tokens
from .request import Messages, Prepared, Prompt, Sampling, make_chat, token_array
from .sequence import Sequence as TextSequence
from .tools import Parts, take_apart

if TYPE_CHECKING:
    from .answer import Floats


@dataclass(frozen=True)
class Counts:
    """A model's work, as of its last step."""

    running: int
    waiting: int
    kept: int
    """States kept for requests that begin alike."""
    running_bytes: int
    """That the states of those that run may grow to."""
    kept_bytes: int
    requests: int
    """This and what follows: since the model was opened."""
    steps: int
    prompt_tokens: int
    reused_tokens: int
    answer_tokens: int
    finished: int
    """Requests, as those that follow."""
    cancelled: int
    failed: int
    refused: int
    """At a limit."""
    evicted: int
    """States that were kept."""
    step_ns: int
    """In which the model ran."""
    running_tokens: int
    """That those that run may grow to, now."""
    shared_bytes: int
    """Of states that several sequences may use, now."""


@dataclass(frozen=True)
class Progress:
    """How far the opening of a model is."""

    stage: str
    """"compile": a checkpoint, by the compiler; "load": weights into memory."""
    text: str
    done: int
    """Bytes."""
    total: int
    """Bytes; 0 where nobody knows."""


class _ProgressListener:
    def __init__(self, listener: Callable[[Progress], object] | None) -> None:
        self.listener = listener
        self.error: BaseException | None = None
        # Also without a listener: here Python learns of Ctrl-C while a checkpoint is compiled.
        self.function = s.ProgressFunction(self._hear)

    def _hear(self, data: int, progress: Any) -> int:
        now = progress.contents
        try:
            text = (now.text or b"").decode(errors="replace")
            if self.listener:
                self.listener(Progress(s.STAGES[now.stage], text, now.done, now.total))
        except BaseException as error:
            self.error = error
            return 1
        return 0


class Model(Closing):
    """A model that is open.

    Every method may be called by any thread at any time, and waits without the GIL. All raise
    tern.Error with the engine's sentence: InvalidError if it can never be (an argument, a
    length), BusyError at a limit, FailedError for memory, files and the model's numbers.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        threads: int = 0,
        max_sequences: int = 16,
        max_waiting: int = 1024,
        context: int = 0,
        step_tokens: int = 128,
        state_bytes: int = 0,
        state_tokens: int = 0,
        kept_bytes: int = 256 << 20,
        weights: str | os.PathLike[str] | None = None,
        chat_template: str | os.PathLike[str] | None = None,
        name: str | None = None,
        compiler: str | os.PathLike[str] | None = None,
        compile_flags: Sequence[str] = (),
        on_progress: Callable[[Progress], object] | None = None,
    ) -> None:
        """Opens a library that `tern compile MODEL -o NAME.so` made, or its weights, a program,
        or a checkpoint (a folder or a GGUF file), which the compiler tern makes a program of
        in its cache, once. The code is then part of this process: only of a file that is
        trusted.

        threads: that compute; 0: all CPUs.
        max_sequences, max_waiting: requests that run at once, and behind them.
        context: tokens of a sequence at most; 0: the model's.
        step_tokens: of a step, prompts and answers together.
        state_bytes, state_tokens: that the states of running requests may grow to; 0: no limit.
        kept_bytes: memory of states that are kept for requests that begin alike.
        weights, chat_template: files in the place of the model's own.
        name: that the model was compiled as, if it is not the file's.
        compiler, compile_flags: of checkpoints; None: the tern that is installed with
        libtern, or that of PATH.
        on_progress: called meanwhile; an exception of it gives up.
        """
        options = default(s.Options)
        numbers = {
            "threads": threads, "max_sequences": max_sequences, "max_waiting": max_waiting,
            "context": context, "step_tokens": step_tokens,
            "state_bytes": state_bytes, "state_tokens": state_tokens, "kept_bytes": kept_bytes,
        }  # fmt: skip
        for key, value in numbers.items():
            bits = 64 if key.endswith("bytes") or key == "state_tokens" else 32
            if not 0 <= value < 1 << bits:
                raise InvalidError(f"{key} is {value}, expected 0 to {(1 << bits) - 1}")
            setattr(options, key, value)
        options.weights, options.chat_template = c_text(weights), c_text(chat_template)
        options.model_name = c_text(name)
        options.compiler = c_text(compiler)
        flags = [c_text(flag) for flag in compile_flags]
        options.compile_flags = (c.c_char_p * len(flags))(*flags)
        options.compile_flag_count = len(flags)
        listener = _ProgressListener(on_progress)
        options.on_progress = listener.function
        try:
            self._engine = Engine(c_text(path), options)
        except Error:
            if listener.error:
                raise listener.error from None
            raise
        # Also where it is forgotten, and before Python ends.
        self._finalizer = weakref.finalize(self, self._engine.close)
        self._library = self._engine.library
        info = s.Info(size=c.sizeof(s.Info))
        with self._engine.use() as engine:
            check(self._library.tern_engine_describe(engine, c.byref(info)))
        self.name: str = (info.name or b"").decode()
        """That it was compiled as."""
        self.target: str = (info.target or b"").decode()
        """The CPUs whose code runs."""
        self.vocab_size: int = info.vocab_size
        self.hidden_size: int = info.hidden_size
        self.layer_count: int = info.layer_count
        self.context: int = info.context
        """Tokens of a sequence at most."""
        self.has_tokenizer = bool(info.has_tokenizer)
        self.has_template = bool(info.has_template)
        self.calls_form: int = info.calls_form
        """How the template has calls of tools written, TERN_CALLS_... of tern/tools.h; 0: it
        has none."""

    # Its life

    def close(self) -> None:
        """Cancels all requests, whose streams end, and frees everything. Sequences of the
        model are then closed, too. A second time does nothing."""
        self._engine.close()

    def __repr__(self) -> str:
        state = ", closed" if self._engine.is_closing else ""
        return f"<tern.Model {self.name} for {self.target}{state}>"

    # Text

    def tokenize(self, text: str, *, bos: bool = True, plain: bool = False) -> list[int]:
        """Ids of a text.

        bos: with the tokens that the model wants around it.
        plain: "<|eot_id|>" in it is text, not a control token.
        """
        data = encode(text)
        flags = (not bos) | 2 * plain
        with self._engine.use() as engine:
            return read_tokens(
                lambda *out: self._library.tern_engine_tokenize(engine, data, len(data), flags, *out),
                len(data) + 2,
            )

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of ids. Control tokens are none; bytes that are no UTF-8 become U+FFFD."""
        ids = token_array(tokens)
        with self._engine.use() as engine:
            return read_text(
                lambda *out: self._library.tern_engine_detokenize(engine, ids, len(tokens), *out),
                8 * len(tokens),
            )

    def render(
        self,
        messages: Messages,
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        thinking: bool | None = None,
    ) -> str:
        """The text that the model's template makes of a chat, with the opening of an answer."""
        chat = make_chat(messages, tools, thinking)
        with self._engine.use() as engine:
            return read_text(
                lambda *out: self._library.tern_engine_render(engine, c.byref(chat), *out), 4096
            )

    def tokenize_chat(
        self,
        messages: Messages,
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        thinking: bool | None = None,
    ) -> list[int]:
        """The ids of that text. Control tokens come from the template alone, never from a
        message."""
        chat = make_chat(messages, tools, thinking)
        with self._engine.use() as engine:
            return read_tokens(
                lambda *out: self._library.tern_engine_tokenize_chat(engine, c.byref(chat), *out),
                1024,
            )

    # Answers

    def stream(self, prompt: Prompt, **sampling: Any) -> Stream:
        """The answer to a text or to ids as it comes: `for token in model.stream("ROMEO:")`.

        sampling: fields of tern.request.Sampling, such as max_tokens, temperature, seed, stop,
        logprobs.
        """
        request = Prepared(Sampling(**sampling))
        request.set_prompt(prompt)
        return self._submit(request)

    def generate(self, prompt: Prompt, **sampling: Any) -> Answer:
        """All of that answer."""
        with self.stream(prompt, **sampling) as stream:
            return stream.read()

    def stream_chat(
        self,
        messages: Messages,
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        thinking: bool | None = None,
        **sampling: Any,
    ) -> Stream:
        """The answer to a chat as it comes.

        messages: {"role": ..., "content": ...}, `answer.message`, and what else the model's
        template reads.
        tools: as JSON has them.
        thinking: True or False where the template asks for it; None: as it has it.
        """
        request = Prepared(Sampling(**sampling))
        request.set_chat(make_chat(messages, tools, thinking))
        return self._submit(request)

    def chat(self, messages: Messages, **arguments: Any) -> Answer:
        """All of that answer."""
        with self.stream_chat(messages, **arguments) as stream:
            return stream.read()

    def take_apart(
        self,
        answer: Answer | str,
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        seed: int = 0,
    ) -> Parts:
        """Content, thoughts and calls of tools in an answer of this model.

        tools: the list that the chat was given.
        seed: makes the ids of the calls.
        """
        return take_apart(str(answer), self.calls_form, tools, seed)

    # Numbers

    def embed(self, text: Prompt | Iterable[Prompt], *, bos: bool = True) -> Floats:
        """float32[hidden_size]: the residual stream of the last token after the last layer,
        before the norm. For a list of texts, or of ids of texts: float32[n, hidden_size]."""
        given: Any = text if isinstance(text, str) else list(text)
        is_one = isinstance(text, str) or all(hasattr(item, "__index__") for item in given)
        streams = []
        for prompt in [given] if is_one else given:
            request = Prepared(Sampling(max_tokens=0, bos=bos), s.HIDDEN)
            request.set_prompt(prompt)
            streams.append(self._submit(request))
        rows = [_finished(stream).hidden or b"" for stream in streams]
        found = floats(b"".join(rows))
        return found if is_one else found.reshape(len(rows), self.hidden_size)

    def logits(self, text: Prompt, *, bos: bool = True) -> Floats:
        """float32[n, vocab_size] of the n tokens of a text: row i is what the model makes of the
        tokens up to i, before temperature, penalties and rules."""
        sampling = Sampling(max_tokens=0, bos=bos, prompt_logprobs=True, logits=True)
        request = Prepared(sampling)
        request.set_prompt(text)
        listener = _finished(self._submit(request))
        # Each token came with what it was judged by: the row of the one before.
        rows = [token.logit_bytes for token in listener.answer.prompt if token.logit_bytes]
        return floats(b"".join(rows + listener.logits)).reshape(-1, self.vocab_size)

    # Sequences and counts

    def sequence(self) -> TextSequence:
        """An empty one of your own, to go on from in several requests."""
        return TextSequence(self, self._engine.make_sequence(self._library.tern_sequence_create))

    def restore(self, data: bytes) -> TextSequence:
        """The sequence that Sequence.save gave, in this or another process of the same machine with the
        same model. Data is checked, but not against forgery of numbers."""
        restore = self._library.tern_sequence_restore
        return TextSequence(
            self, self._engine.make_sequence(lambda engine: restore(engine, data, len(data)))
        )

    def check(self) -> None:
        """Error: the file that weights are read from is not what it was: replaced or
        removed, which does no harm, or written to. Where it became shorter, requests fail."""
        with self._engine.use() as engine:
            check(self._library.tern_engine_check(engine))

    def counts(self) -> Counts:
        counts = s.CountsStruct(size=c.sizeof(s.CountsStruct))
        with self._engine.use() as engine:
            check(self._library.tern_engine_count(engine, c.byref(counts)))
        return Counts(**{name: getattr(counts, name) for name in Counts.__annotations__})

    def _submit(self, request: Prepared) -> Stream:
        listener = Listener(self.hidden_size, self.vocab_size)
        number = self._engine.submit(request.struct, listener)
        # It keeps the model.
        return Stream(listener, lambda: self._cancel(number))

    def _cancel(self, number: int) -> None:
        self._engine.cancel(number)


def _finished(stream: Stream) -> Listener:
    with stream:
        if stream.read().finish == "cancelled":
            raise Error("the request was cancelled")
    return stream._listener
