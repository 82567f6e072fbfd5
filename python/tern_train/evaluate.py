# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Perplexity of a text that was held out, and the zeros on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from .network import Network, Parameters
from .text import Ids, windows
from .zeros import Zeros


@dataclass(frozen=True)
class Measured:
    """Of all windows of a text."""

    perplexity: float
    tokens: int
    zeros: Zeros


def measure(
    network: Network, parameters: Parameters, ids: Ids, window: int, bos: int, batch: int = 8
) -> Measured:
    """As tern_reference.perplexity: windows of a text, each after bos, loss in double."""
    starts = np.arange(0, len(ids) - window + 1, window)
    if not len(starts):
        raise ValueError(f"the text has {len(ids)} tokens, a window needs {window}")
    zeros, total = Zeros(), 0.0
    with torch.no_grad():
        for part in np.array_split(starts, -(-len(starts) // batch)):
            inputs, targets = windows(ids, part, window, bos)
            logits = network.logits(parameters, inputs, zeros).double()
            loss = torch.nn.functional.cross_entropy(logits, targets.flatten(), reduction="sum")
            total += float(loss)
    tokens = len(starts) * window
    return Measured(math.exp(min(total / tokens, 700.0)), tokens, zeros)
