# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A handle of libtern: who uses it, who steps it, who hears its events.

Model and Sequence are made of it; it refers to neither, so that one that is forgotten is
freed.
"""

from __future__ import annotations

import contextlib
import ctypes as c
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from . import structs as s
from .answer import Listener
from .errors import Error
from .library import check, checked_handle, load


class Engine:
    def __init__(self, path: bytes | None, options: s.Options) -> None:
        self.library = load()
        self._lock = threading.Condition()
        self._calls = 0  # that use the handle
        self._listeners: dict[int, Listener] = {}
        self._keys = itertools.count(1)
        self._forgotten: list[int] = []
        self.is_closing = False
        # One function of C for all requests, kept as long as somebody may call it.
        self._on_event = s.EventFunction(self._hear)
        self._stepper: int | None = None  # the thread of the last event
        self._handle = checked_handle(self.library.tern_engine_open(path, c.byref(options)))
        check(self.library.tern_engine_start(self._handle))

    @contextlib.contextmanager
    def use(self) -> Iterator[int]:
        """The handle, which is not closed meanwhile. Error: it is."""
        with self._lock:
            if self.is_closing:
                raise Error("the model is closed")
            self._calls += 1
        try:
            yield self._handle
        finally:
            with self._lock:
                self._calls -= 1
                self._lock.notify_all()

    def close(self) -> None:
        with self._lock:
            if self.is_closing:
                return
            self.is_closing = True
        if threading.get_ident() == self._stepper:  # garbage was collected during an event
            threading.Thread(target=self._close).start()
        else:
            self._close()

    def _close(self) -> None:
        with self._lock:
            while self._calls:
                self._lock.wait()
        self.library.tern_engine_close(self._handle)

    # Requests

    def _hear(self, key: int, event: Any) -> int:
        """Called by the stepping thread; nothing may be raised into it."""
        self._stepper = threading.get_ident()
        listener = self._listeners.get(key)
        if listener is None:
            return 1
        result = listener.hear(event.contents)
        if event.contents.kind == s.END:
            del self._listeners[key]
        return result

    def submit(self, request: s.Request, listener: Listener) -> int:
        """The request's number."""
        key, number = next(self._keys), c.c_uint64()
        request.on_event, request.data = self._on_event, key
        self._listeners[key] = listener
        try:
            with self.use() as handle:
                self._free_forgotten()
                check(
                    self.library.tern_engine_submit(handle, c.byref(request), c.byref(number))
                )
        except BaseException:
            del self._listeners[key]
            raise
        return number.value

    def cancel(self, number: int) -> None:
        with contextlib.suppress(Error), self.use() as handle:
            self.library.tern_engine_cancel(handle, number)

    # Sequences

    def make_sequence(self, make: Callable[[int], Any]) -> int:
        with self.use() as handle:
            self._free_forgotten()
            return checked_handle(make(handle))

    def forget_sequence(self, handle: int) -> None:
        """Frees it later: the collector of garbage may run during an event."""
        self._forgotten.append(handle)

    def _free_forgotten(self) -> None:
        kept = []
        while self._forgotten:
            handle = self._forgotten.pop()
            if self.library.tern_sequence_destroy(handle) != 0:
                kept.append(handle)  # its request is not over
        self._forgotten += kept
