# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The sentences of libtern as exceptions."""

from __future__ import annotations


class Error(RuntimeError):
    """All that libtern refuses; str() is its sentence."""


class InvalidError(Error, ValueError):
    """It can never be: an argument, a length."""


class BusyError(Error):
    """A limit is reached; it may be possible later."""


class FailedError(Error):
    """Memory, threads, a file, the model's numbers."""


BY_RESULT: dict[int, type[Error]] = {-1: InvalidError, -2: BusyError, -3: FailedError}
