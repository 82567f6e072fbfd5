# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Shares of zeros, and of the weights that they leave to be read."""

from __future__ import annotations

from torch import Tensor

from tern_reference.checkpoint import projection_shape
from tern_reference.config import PROJECTIONS, Config

# Whose codes a projection reads.
_INPUTS = {"k_proj": "q_proj", "v_proj": "q_proj", "up_proj": "gate_proj"}


class Zeros:
    """Counted over all layers and tokens that a forward pass was given."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}

    def count(self, name: str, mask: Tensor) -> None:
        """mask: which codes (or gates) are zero."""
        zeros, total = self._counts.get(name, (0, 0))
        self._counts[name] = zeros + int(mask.sum()), total + mask.numel()

    def share(self, name: str) -> float:
        zeros, total = self._counts.get(name, (0, 1))
        return zeros / total

    def skipped(self, config: Config) -> dict[str, float]:
        """The share of each projection's weights that need not be read for one token.

        Columns of zero codes; of up_proj also rows of closed ReLU² gates, as the paper
        counts them (arXiv 2411.04965, 3.1): 1 - (1 - columns) * (1 - rows).
        """
        result = {name: self.share(_INPUTS.get(name, name)) for name in PROJECTIONS}
        if config.hidden_act == "relu2":
            rows = self.share("closed gates")
            result["up_proj"] = 1 - (1 - result["up_proj"]) * (1 - rows)
        return result

    def active(self, config: Config) -> float:
        """The share of the projections' weights that is read for one token."""
        read = total = 0.0
        for name, share in self.skipped(config).items():
            rows, columns = projection_shape(config, name)
            read += rows * columns * (1 - share)
            total += rows * columns
        return read / total
