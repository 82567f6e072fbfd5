# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The KV cache and attention over it, for codes of 3, 4, 8 bits and for f16.

Low-bit caches follow BitNet a4.8 (arXiv 2411.04965): after RoPE, absmax per
token and kv head, the first position at its own width. Scores and values are
then integer sums; only their scales are floats.
"""

from __future__ import annotations

import numpy as np

from .numerics import F32, exp, int8_absmax, integer_product
from .numerics import kv_encode, kv_factor, kv_odd, r32, r32_dot, r32_finish, to_f16

VALUE_BLOCK = 64  # tokens whose value weights share one 8-bit scale


class KVRows:
    """Keys or values of one layer: a row of head_dim numbers per token and head.

    bits < 16: `codes` uint8 [t, kv_heads, d] and `g` float16 [t, kv_heads].
    bits = 16: `codes` float16 [t, kv_heads, d] and `g` unused.
    """

    def __init__(self, kv_heads: int, head_dim: int, bits: int, bos_bits: int):
        self.bits, self.bos_bits = bits, bos_bits
        kind = np.float16 if bits == 16 else np.uint8
        self.codes = np.zeros((0, kv_heads, head_dim), kind)
        self.g = np.zeros((0, kv_heads), np.float16)

    def widths(self) -> np.ndarray:
        """Bits of each token's codes, [t]."""
        bits = np.full(len(self.codes), self.bits, np.int32)
        bits[:1] = self.bos_bits
        return bits

    def append(self, rows: np.ndarray) -> None:
        """rows: f32 [n, kv_heads, d], the next n tokens."""
        if self.bits == 16:
            codes, g = to_f16(rows), np.zeros(rows.shape[:2], np.float16)
        else:
            codes, g = kv_encode(rows, self.bits)
            if len(self.codes) == 0:
                codes[:1], g[:1] = kv_encode(rows[:1], self.bos_bits)
        self.codes = np.concatenate([self.codes, codes])
        self.g = np.concatenate([self.g, g])

    def odd(self, head: int) -> tuple[np.ndarray, np.ndarray]:
        """One head's integers u, f32 [t, d], and what one stands for, f32 [t]."""
        widths = self.widths()
        return kv_odd(self.codes[:, head], widths[:, None]), kv_factor(self.g[:, head], widths)

    def wide(self, head: int) -> np.ndarray:
        """One head of a 16-bit cache, f32 [t, d]."""
        return self.codes[:, head].astype(F32)


def quantize_query(q: np.ndarray, q_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """[t, d] -> integers [t, d] and factor [t]: int8_absmax, or a q_bits code."""
    if q_bits == 8:
        return int8_absmax(q)
    codes, g = kv_encode(q, q_bits)
    return kv_odd(codes, q_bits), kv_factor(g, q_bits)


def _softmax_parts(score: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """score [t, s] of queries at first..first+t-1 -> e [t, s] and Z [t].

    Later tokens get e = +0, which leaves every sum as if they were not there; no
    other e is 0.
    """
    visible = np.arange(score.shape[1]) <= (first + np.arange(len(score)))[:, None]
    top = np.max(np.where(visible, score, F32(-np.inf)), axis=1)
    e = np.where(visible, exp(np.where(visible, score - top[:, None], F32(0))), F32(0))
    return e, r32(e)


def _values_16(e: np.ndarray, v: np.ndarray) -> np.ndarray:
    """R32(e * v) over tokens: [t, s], [s, d] -> [t, d]."""
    lanes = np.zeros((e.shape[0], 32, v.shape[1]), F32)
    for start in range(0, v.shape[0], 32):
        stop = min(start + 32, v.shape[0])
        weight = e[:, start:stop, None]
        lanes[:, : stop - start] += np.where(weight == 0, weight, weight * v[None, start:stop])
    return r32_finish(np.swapaxes(lanes, 1, 2))


def _values_coded(e: np.ndarray, u: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Integer sums in blocks of 64 tokens, R32 over blocks: -> [t, d]."""
    w = np.where(e == 0, e, e * factor)
    parts = []
    for start in range(0, len(u), VALUE_BLOCK):
        block = w[:, start : start + VALUE_BLOCK]
        top = np.max(block, axis=1)
        used = ~(top < F32(1e-30))  # NaN is
        safe = np.where(used, top, F32(1))
        p = np.rint(block * (F32(255) / safe)[:, None])
        p = np.where(np.isnan(p), F32(0), p)  # the factor is NaN then
        sums = integer_product(p, u[start : start + VALUE_BLOCK].T, digit_limit=512)
        part = sums * (safe / F32(255))[:, None]
        parts.append(np.where(used[:, None], part, F32(0)))
    return r32(np.stack(parts, axis=-1))


def attend(q: np.ndarray, keys: KVRows, values: KVRows, first: int, q_bits: int) -> np.ndarray:
    """q f32 [t, heads, d] at positions first.. -> f32 [t, heads, d].

    The cache holds the queries' own tokens already.
    """
    tokens, heads, d = q.shape
    group = heads // keys.codes.shape[1]
    scale = F32(1) / np.sqrt(F32(d))
    out = np.empty_like(q)
    for head in range(heads):
        rows, kv = q[:, head], head // group
        if keys.bits == 16:
            score = r32_dot(rows, keys.wide(kv)) * scale
            e, z = _softmax_parts(score, first)
            o = _values_16(e, values.wide(kv))
        else:
            integers, fq = quantize_query(rows, q_bits)
            u, factor = keys.odd(kv)
            sums = integer_product(integers, u, digit_limit=256)
            score = sums * ((fq * scale)[:, None] * factor)
            e, z = _softmax_parts(score, first)
            o = _values_coded(e, *values.odd(kv))
        out[:, head] = o / z[:, None]
    return out
