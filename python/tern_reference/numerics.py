# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sums, exp, rounding, quantizers and codes: one function per definition.

All arrays are float32 unless said otherwise; the last axis is the row. numpy
rounds each elementwise float32 operation once, which is what is defined; its
sums, means, dot products and exp are not, and are not used on floats here.
Sources: BitNet a4.8 (arXiv 2411.04965), b1.58 (2402.17764), v2 (2504.18415).
"""

from __future__ import annotations

import math

import numpy as np

F32 = np.float32
Array = np.ndarray

SMALLEST_STATISTIC = F32(1e-5)  # below this a row is treated as this large
SQRT7 = F32(math.sqrt(7.0))
F16_MAX = F32(65504.0)

# fp4 e2m1: the values of codes 0..7, and the midpoints between neighbours.
_E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], F32)
_E2M1_MIDPOINTS = (_E2M1[1:] + _E2M1[:-1]) / F32(2)

_EXP_POLYNOMIAL = [
    F32(c)
    for c in (
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    )
]


def r32_finish(lanes: Array) -> Array:
    """[..., 32] partial sums -> [...]: the tree h = 16, 8, 4, 2, 1."""
    width = 16
    while width >= 1:
        lanes = lanes[..., :width] + lanes[..., width : 2 * width]
        width //= 2
    return lanes[..., 0]


def r32(x: Array) -> Array:
    """Sum over the last axis, [..., n] -> [...]: 32 lanes by index mod 32."""
    n = x.shape[-1]
    lanes = np.zeros(x.shape[:-1] + (32,), F32)
    for start in range(0, n, 32):
        part = x[..., start : start + 32]
        lanes[..., : part.shape[-1]] += part
    return r32_finish(lanes)


def r32_dot(x: Array, w: Array) -> Array:
    """R32(x * w) for every pair of rows: [t, n], [v, n] -> [t, v]."""
    n = x.shape[-1]
    out = np.empty((x.shape[0], w.shape[0]), F32)
    rows = max(1, (1 << 21) // (32 * max(1, x.shape[0])))
    for first in range(0, w.shape[0], rows):
        block = w[first : first + rows]
        lanes = np.zeros((x.shape[0], block.shape[0], 32), F32)
        for start in range(0, n, 32):
            part = x[:, None, start : start + 32] * block[None, :, start : start + 32]
            lanes[..., : part.shape[-1]] += part
        out[:, first : first + rows] = r32_finish(lanes)
    return out


def mean(x: Array) -> Array:
    """R32 mean over the last axis, [..., n] -> [...]."""
    return r32(x) / F32(x.shape[-1])


def exp(x: Array) -> Array:
    """e**x as defined: Cephes' polynomial, one rounding per operation."""
    x = np.minimum(np.maximum(x, F32(-87)), F32(87))  # NaN stays NaN
    k = np.rint(x * F32(1.44269504088896341))
    r = (x - k * F32(0.693359375)) - k * F32(-2.12194440e-4)
    y = np.full_like(r, _EXP_POLYNOMIAL[0])
    for c in _EXP_POLYNOMIAL[1:]:
        y = y * r + c
    y = (y * (r * r) + r) + F32(1)
    return np.ldexp(y, np.where(np.isnan(k), F32(0), k).astype(np.int32)).astype(F32)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e**-x)."""
    return F32(1) / (F32(1) + exp(-x))


def softplus(x: Array) -> Array:
    """log(1 + e**x) as defined, by the series of the inverse hyperbolic tangent."""
    t = exp(-np.abs(x))
    p = (t + t) / (t + F32(2))
    z = (p * p) * F32(0.25)
    y = np.full_like(z, F32(1 / 15))
    for divisor in (13, 11, 9, 7, 5, 3):
        y = y * z + F32(1 / divisor)
    return np.maximum(x, F32(0)) + (p + p * (y * z))


def clip_codes(x: Array, low: float, high: float) -> Array:
    """Limits x to [low, high]; NaN becomes `low`."""
    return np.where(np.isnan(x), F32(low), np.clip(x, F32(low), F32(high)))


def rms_norm(x: Array, weight: Array, eps: float) -> Array:
    """[..., n] -> [..., n]: (x * 1/sqrt(mean square + eps)) * weight."""
    r = F32(1) / np.sqrt(mean(x * x) + F32(eps))
    return (x * r[..., None]) * weight


def l2_norm(x: Array, eps: float = 1e-6) -> Array:
    """[..., n] -> [..., n]: x * 1/sqrt(sum of squares + eps)."""
    return x * (F32(1) / np.sqrt(r32(x * x) + F32(eps)))[..., None]


# Activations: integers q (as float32, exact) and a factor s per row, or per block of one.


def _absmax(x: Array) -> Array:
    """[..., n] -> [...]: NaN if one of the row is."""
    return np.maximum(np.max(np.abs(x), axis=-1), SMALLEST_STATISTIC)


def int_absmax(x: Array, bits: int) -> tuple[Array, Array]:
    """[..., n] -> q in -2^(bits-1)..n [..., n], s = g/n [...], with n = 2^(bits-1) - 1."""
    g, n = _absmax(x), 2 ** (bits - 1) - 1
    q = clip_codes(np.rint(x * (F32(n) / g)[..., None]), -n - 1, n)
    return q, g / F32(n)


def int8_absmax(x: Array) -> tuple[Array, Array]:
    """[..., n] -> q in -128..127 [..., n], s = g/127 [...]."""
    return int_absmax(x, 8)


def int4_absmean(x: Array) -> tuple[Array, Array]:
    """[..., n] -> q in -8..7 [..., n], s = b/sqrt7 [...]; clips outliers."""
    b = np.maximum(mean(np.abs(x)), SMALLEST_STATISTIC)
    q = clip_codes(np.rint(x * (SQRT7 / b)[..., None]), -8, 7)
    return q, b / SQRT7


def fp4_e2m1(x: Array) -> tuple[Array, Array]:
    """[..., n] -> q = twice the e2m1 value, -12..12 [..., n], s = g/12 [...]."""
    g = _absmax(x)
    scaled = x * (F32(6) / g)[..., None]
    below = np.searchsorted(_E2M1_MIDPOINTS, np.abs(scaled), side="left")
    above = np.searchsorted(_E2M1_MIDPOINTS, np.abs(scaled), side="right")
    code = np.where(below % 2 == 0, below, above)  # they differ on a tie only
    q = F32(2) * _E2M1[code]
    q = np.where(scaled < 0, -q, q)
    return np.where(np.isnan(scaled), F32(-12), q).astype(F32), g / F32(12)


SCHEMES = {
    "int8_absmax": int8_absmax,
    "int4_absmean": int4_absmean,
    "fp4_e2m1": fp4_e2m1,
}


def hadamard_block(n: int) -> int:
    """Features that a transform of a row of n mixes: the largest power of two in n."""
    return n & -n


def hadamard(x: Array) -> Array:
    """[..., n] -> [..., n]: the orthogonal Hadamard transform of each block."""
    block = hadamard_block(x.shape[-1])
    y, half = x, 1
    while half < block:
        pairs = y.reshape(x.shape[:-1] + (-1, 2, half))
        a, b = pairs[..., 0, :], pairs[..., 1, :]
        y = np.stack([a + b, a - b], axis=-2)
        half *= 2
    return y.reshape(x.shape) * F32(1 / math.sqrt(block))


def topk_mask(x: Array, ratio: float) -> Array:
    """Which entries stay, bool [..., n]: the ceil(ratio * n) largest |x|.

    Of equal magnitudes the lower index stays; NaN is larger than any number.
    """
    n = x.shape[-1]
    keep = math.ceil(ratio * n)
    magnitude = np.ascontiguousarray(np.abs(x), F32).view(np.int32)  # ordered alike
    order = np.argsort(-magnitude, axis=-1, kind="stable")[..., :keep]
    mask = np.zeros(x.shape, bool)
    np.put_along_axis(mask, order, True, axis=-1)
    return mask


def quantize(
    x: Array, scheme: str, topk: float | None, block: int | None = None
) -> tuple[Array, Array]:
    """[t, n] -> integers q [t, n], factors s [t], or [t, n / block] with a block.

    top-k is of the row and zeroes q; the statistic is of all features.
    """
    if block is None:
        q, s = SCHEMES[scheme](x)
    else:
        q, s = SCHEMES[scheme](x.reshape(len(x), -1, block))
        q = q.reshape(x.shape)
    if topk is not None:
        q = np.where(topk_mask(x, topk), q, F32(0))
    return q, s


# Weights.


def ternarize(w: Array) -> tuple[Array, np.float32]:
    """Master [out, in] -> digits int8 [out, in] and alpha; the mean is in double."""
    total = sum(float(np.sum(np.abs(row), dtype=np.float64)) for row in w)
    alpha = max(F32(total / w.size), SMALLEST_STATISTIC)
    return np.clip(np.rint(w / alpha), -1, 1).astype(np.int8), alpha


def widen_bf16(bits: Array) -> Array:
    """uint16 bit patterns of bf16 -> float32, exact."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(F32)


def to_bf16(x: Array) -> Array:
    """float32 -> uint16 bit patterns of bf16, halves to even (finite values)."""
    bits = np.ascontiguousarray(x, F32).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)).astype(np.uint16)


def integer_product(q: Array, digits: Array, digit_limit: int = 1) -> Array:
    """Exact sum_k digits[n][k] * q[t][k]: [t, k], int8 [n, k] -> f32 [t, n].

    |q| <= 128 and |digit| <= digit_limit, so the sums are integers that the
    mantissa holds, and any order of adding gives the same. Zero is +0.
    """
    kind = F32 if 128 * digit_limit * q.shape[-1] < 1 << 24 else np.float64
    q = q.astype(kind)
    out = np.empty((q.shape[0], digits.shape[0]), F32)
    rows = max(1, (1 << 22) // max(1, q.shape[-1]))
    for first in range(0, digits.shape[0], rows):
        block = digits[first : first + rows].astype(kind)
        out[:, first : first + rows] = q @ block.T
    return out + F32(0)


# The KV cache's numbers.


def to_f16(x: Array) -> Array:
    """float32 -> float16 within [-65504, 65504]; every NaN is 0x7e00."""
    half = np.clip(x, -F16_MAX, F16_MAX).astype(np.float16)
    return np.where(np.isnan(x), np.uint16(0x7E00).view(np.float16), half)


def kv_encode(x: Array, bits: int) -> tuple[Array, Array]:
    """[..., d] -> codes uint8 in 0..2**bits - 1 [..., d], g float16 [...]."""
    g16 = to_f16(_absmax(x))
    g = g16.astype(F32)[..., None]
    n = F32(2**bits - 1)
    c = clip_codes(np.rint((x / g + F32(1)) * (n / F32(2))), 0, n)
    return c.astype(np.uint8), g16


def kv_odd(codes: Array, bits: Array | int) -> Array:
    """Codes -> the odd integers 2c - (2**bits - 1), as float32, same shape."""
    n = F32(2) ** np.asarray(bits, F32) - F32(1)
    return (F32(2) * codes.astype(F32) - n).astype(F32)


def kv_factor(g: Array, bits: Array | int) -> Array:
    """g float16 -> g / (2**bits - 1) in float32, what an odd integer stands for."""
    n = F32(2) ** np.asarray(bits, F32) - F32(1)
    return (g.astype(F32) / n).astype(F32)
