# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gated DeltaNet (arXiv 2412.06464): layers with a state of fixed size instead of a cache.

docs/numerics.md 5 fixes every rounding. A token is a step, so any number of tokens is the
same steps however they are cut into calls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .numerics import F32, Array, exp, l2_norm, r32_dot, rms_norm, sigmoid, softplus


@dataclass(frozen=True)
class DeltaNet:
    """Sizes of a recurrent layer."""

    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    taps: int  # of the convolution
    tiled: bool = False  # value head j reads key head j mod key_heads

    @property
    def keys(self) -> int:
        return self.key_heads * self.key_dim

    @property
    def values(self) -> int:
        return self.value_heads * self.value_dim

    @property
    def features(self) -> int:
        """Of the convolution: queries, keys, values."""
        return 2 * self.keys + self.values

    def key_head_of_each(self) -> Array:
        """The key head that each value head reads."""
        heads = np.arange(self.value_heads)
        return heads % self.key_heads if self.tiled else heads * self.key_heads // self.value_heads


@dataclass(frozen=True)
class DeltaWeights:
    """Tensors of a recurrent layer beside its ternary matrices, all f32."""

    write: Array  # [value heads, hidden], in_proj_b
    keep: Array  # [value heads, hidden], in_proj_a
    bias: Array  # [value heads], dt_bias
    rate: Array  # [value heads], -exp(A_log)
    taps: Array  # [taps, features]
    norm: Array  # [value_dim]


class DeltaState:
    """Of one sequence and one layer: the last inputs of the convolution, and the matrices."""

    def __init__(self, net: DeltaNet):
        self.rows = np.zeros((net.taps - 1, net.features), F32)
        self.matrices = np.zeros((net.value_heads, net.key_dim, net.value_dim), F32)


def convolve(x: Array, taps: Array, state: DeltaState) -> Array:
    """[t, features] -> the same, with silu; the state takes the last rows."""
    rows = np.concatenate([state.rows, x])
    count = len(taps)
    sums = taps[0] * rows[: len(x)]
    for k in range(1, count):
        sums = sums + taps[k] * rows[k : k + len(x)]
    state.rows = rows[len(rows) - count + 1 :]
    return sums * sigmoid(sums)


def delta_step(matrices: Array, q: Array, k: Array, v: Array, beta: Array, decay: Array) -> Array:
    """One token of all heads, q, k [heads, i], v [heads, j]; changes matrices [heads, i, j]."""
    matrices *= decay[:, None, None]
    seen = np.zeros_like(v)
    for i in range(k.shape[1]):
        seen = seen + k[:, i, None] * matrices[:, i]
    update = beta[:, None] * (v - seen)
    result = np.zeros_like(v)
    for i in range(k.shape[1]):
        matrices[:, i] = matrices[:, i] + k[:, i, None] * update
        result = result + q[:, i, None] * matrices[:, i]
    return result


def delta_net(
    net: DeltaNet, weights: DeltaWeights, h: Array, x: Array, z: Array, state: DeltaState, eps: float
) -> Array:
    """The input of out_proj [t, values], of the layer's input h and its products x and z."""
    tokens = len(h)
    x = convolve(x, weights.taps, state)
    q, k, v = np.split(x, [net.keys, 2 * net.keys], axis=1)
    q = l2_norm(q.reshape(tokens, net.key_heads, -1)) * F32(1 / math.sqrt(net.key_dim))
    k = l2_norm(k.reshape(tokens, net.key_heads, -1))
    v = v.reshape(tokens, net.value_heads, -1)
    beta = sigmoid(r32_dot(h, weights.write))
    decay = exp(weights.rate * softplus(r32_dot(h, weights.keep) + weights.bias))
    out, keys = np.empty_like(v), net.key_head_of_each()
    for t in range(tokens):
        out[t] = delta_step(state.matrices, q[t, keys], k[t, keys], v[t], beta[t], decay[t])
    z = z.reshape(out.shape)
    return ((z * sigmoid(z)) * rms_norm(out, weights.norm, eps)).reshape(tokens, -1)
