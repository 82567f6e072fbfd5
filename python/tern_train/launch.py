# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Starts a command of this package: PyTorch's threads first, or a sentence that it is missing."""

from __future__ import annotations

import os
from collections.abc import Callable

from tern_reference.exit_status import exit_status

LIBRARIES = ("torch", "numpy")


def _set_threads(threads: int) -> None:
    """Of PyTorch's BLAS, which reads the variable when it is loaded.

    All else of PyTorch has one: its own threads wait for work by spinning, on the cores
    that the BLAS needs.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(1)


def launch(
    name: str, threads: int, work: Callable[[], None], interrupted: str = "interrupted"
) -> int:
    """The exit status of `python -m NAME`; `work` is what imports PyTorch."""

    def with_threads() -> None:
        try:
            _set_threads(threads)
            work()
        except ModuleNotFoundError as error:
            if error.name not in LIBRARIES:
                raise
            packages = "python3-torch, and libopenblas0 for its speed"
            sentence = f"no module '{error.name}': install PyTorch (Debian: {packages})"
            raise RuntimeError(sentence) from None

    return exit_status(name, with_threads, interrupted)
