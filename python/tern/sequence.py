# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A text and its state, to go on from in several requests."""

from __future__ import annotations

import contextlib
import ctypes as c
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .answer import Answer, Stream
from .closing import Closing
from .errors import Error
from .library import check, read_tokens
from .request import Prepared, Prompt, Sampling

if TYPE_CHECKING:
    from .model import Model


class Sequence(Closing):
    """Made by Model.sequence and Model.restore. One request at a time uses it; what else is
    asked of it meanwhile raises InvalidError."""

    def __init__(self, model: Model, handle: int) -> None:
        self._handle = handle
        self.model = model
        self._engine = model._engine
        self._lock = threading.Lock()  # nobody frees it while another thread uses it

    @contextlib.contextmanager
    def _use(self) -> Iterator[int]:
        with self._lock, self._engine.use():
            if not self._handle:
                raise Error("the sequence is closed")
            yield self._handle

    @property
    def tokens(self) -> list[int]:
        """Ids of all of its text."""
        with self._use() as handle:
            call = self._engine.library.tern_sequence_tokens
            return read_tokens(lambda *out: call(handle, *out), 256)

    def stream(self, prompt: Prompt = (), **sampling: Any) -> Stream:
        """As Model.stream; the sequence then holds the prompt and the answer, too. A text is
        read without a begin token if the sequence holds some already; no prompt goes on from
        what is there."""
        request = Prepared(Sampling(**sampling))
        request.set_prompt(prompt)
        with self._use() as handle:
            request.struct.sequence = handle
            return self.model._submit(request)

    def generate(self, prompt: Prompt = (), **sampling: Any) -> Answer:
        """All of that answer."""
        with self.stream(prompt, **sampling) as stream:
            return stream.read()

    def fork(self) -> Sequence:
        """Another one with the same text and state."""
        with self._use() as handle:
            fork = self._engine.library.tern_sequence_fork
            return Sequence(self.model, self._engine.make_sequence(lambda _: fork(handle)))

    def save(self) -> bytes:
        """For Model.restore."""
        library = self._engine.library
        with self._use() as handle:
            data = c.create_string_buffer(library.tern_sequence_save_bytes(handle) or 1)
            check(library.tern_sequence_save(handle, data, len(data)))
            return data.raw

    def close(self) -> None:
        """Frees it. A second time does nothing. InvalidError: a request uses it."""
        with self._lock:
            if self._handle and not self._engine.is_closing:
                with self._engine.use():
                    check(self._engine.library.tern_sequence_destroy(self._handle))
            self._handle = 0

    def __del__(self) -> None:
        if self._handle:
            self._engine.forget_sequence(self._handle)
