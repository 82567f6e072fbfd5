# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The order in which GGUF files of hybrids hold value heads.

Those that share a key head lie as many heads apart as there are key heads, where a
directory has them side by side: of 2 key and 6 value heads 0 3 1 4 2 5.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .checkpoint import Checkpoint, Layer, Linear
from .delta import DeltaNet


def _order(net: DeltaNet) -> np.ndarray:
    """The head of a directory that each head of a file is."""
    return np.arange(net.value_heads).reshape(net.key_heads, -1).T.reshape(-1)


def _in_rows(net: DeltaNet, first: int, size: int) -> np.ndarray:
    """Rows of a matrix whose rows from `first` on are `size` for each value head."""
    heads = first + np.arange(net.value_heads * size).reshape(net.value_heads, size)
    return np.concatenate([np.arange(first), heads[_order(net)].reshape(-1)])


def _take_rows(linear: Linear, rows: np.ndarray) -> Linear:
    alpha = linear.alpha if len(linear.alpha) == 1 else linear.alpha[rows]
    return replace(linear, digits=linear.digits[rows], alpha=alpha)


def _take_heads(linear: Linear, net: DeltaNet) -> Linear:
    """Columns, of which each head has whole groups."""
    alpha, digits = linear.alpha, linear.digits[:, _in_rows(net, 0, net.value_dim)]
    if alpha.ndim == 2:
        if alpha.shape[1] % net.value_heads:
            raise ValueError(f"{alpha.shape[1]} groups of scales are not whole heads")
        alpha = alpha[:, _in_rows(net, 0, alpha.shape[1] // net.value_heads)]
    return replace(linear, digits=digits, alpha=alpha)


def _tile(layer: Layer, net: DeltaNet) -> Layer:
    own, heads = layer.delta, _order(net)
    channels = _in_rows(net, 2 * net.keys, net.value_dim)
    delta = replace(
        own, write=own.write[heads], keep=own.keep[heads], bias=own.bias[heads],
        rate=own.rate[heads], taps=own.taps[:, channels],
    )  # fmt: skip
    linears = {
        **layer.linears,
        "in_proj_qkv": _take_rows(layer.linears["in_proj_qkv"], channels),
        "in_proj_z": _take_rows(layer.linears["in_proj_z"], _in_rows(net, 0, net.value_dim)),
        "out_proj": _take_heads(layer.linears["out_proj"], net),
    }
    return replace(layer, linears=linears, delta=delta)


def tile(checkpoint: Checkpoint) -> Checkpoint:
    """A hybrid as a GGUF file has it."""
    net = checkpoint.config.delta
    layers = [layer if layer.delta is None else _tile(layer, net) for layer in checkpoint.layers]
    config = replace(checkpoint.config, delta=replace(net, tiled=True))
    return replace(checkpoint, config=config, layers=layers)
