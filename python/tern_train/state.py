# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The state of a training, to go on after it was stopped: one file, replaced as a whole.

safetensors, not a pickle: `step`, and for each parameter the master and AdamW's two
moments, all f32. Windows are drawn from the seed and the step (text.py), so there is no
generator whose state would have to be kept.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tern_reference.safetensors import FormatError, Pending, Reader, write

from .network import Parameters

KINDS = ("master", "first", "second")


def save(path: Path, step: int, tensors: dict[str, Parameters]) -> None:
    """tensors: parameters by name, by kind."""
    pending = [Pending("step", "U32", (1,), lambda: [np.array([step], np.uint32)])]
    for kind in KINDS:
        for name, value in tensors[kind].items():
            pending.append(_pending(f"{kind}.{name}", value))
    unfinished = path.with_name(path.name + ".new")
    write(unfinished, pending)
    with open(unfinished, "rb") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def _pending(name: str, value: Tensor) -> Pending:
    array = value.detach().numpy()
    return Pending(name, "F32", tuple(array.shape), lambda: [array])


def load(path: Path, shapes: dict[str, tuple[int, ...]]) -> tuple[int, dict[str, Parameters]]:
    """The step to go on with, and copies of all tensors."""
    reader = Reader(path)
    tensors: dict[str, Parameters] = {kind: {} for kind in KINDS}
    for kind in KINDS:
        for name, shape in shapes.items():
            value = reader.f32(f"{kind}.{name}")
            if value.shape != shape:
                expected = f"expected {list(shape)}"
                raise FormatError(f"{path}: '{name}' is {list(value.shape)}, {expected}")
            tensors[kind][name] = torch.from_numpy(value.copy())
    return int(reader.raw("step")[0]), tensors
