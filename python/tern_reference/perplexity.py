# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Perplexity: windows of a text, each after bos, log-softmax in double."""

from __future__ import annotations

import math
from typing import Sequence

import numpy as np

from .model import Model


def log_probabilities(logits: np.ndarray, targets: Sequence[int]) -> np.ndarray:
    """f32 [t, vocab], t ids -> double [t], the log-probability of each target."""
    x = logits.astype(np.float64)
    x -= x.max(axis=1, keepdims=True)
    return x[np.arange(len(targets)), targets] - np.log(np.exp(x).sum(axis=1))


def perplexity(
    model: Model, ids: Sequence[int], window: int, windows: int | None = None
) -> tuple[float, int]:
    """exp of the mean loss over all predicted tokens, and how many those are.

    The text is cut into windows of `window` tokens, each read after bos; a last
    shorter piece is left out.
    """
    bos = model.config.bos_token_id
    if bos is None:
        raise ValueError("config.json names no bos_token_id")
    available = len(ids) // window
    count = available if windows is None else min(windows, available)
    if count == 0:
        raise ValueError(f"the text has {len(ids)} tokens, a window needs {window}")
    total = 0.0
    for index in range(count):
        piece = list(ids[index * window : (index + 1) * window])
        logits = model.run([bos] + piece[:-1]).logits
        total -= float(log_probabilities(logits, piece).sum())
    tokens = count * window
    return math.exp(total / tokens), tokens
