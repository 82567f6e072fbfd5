# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizers in PyTorch, each with a straight-through gradient.

The forward values are those of docs/numerics.md 1 to 3 and 6; every gradient passes a
quantizer, a clip and a top-k as if they were not there (arXiv 1308.3432, and BitNet a4.8,
2411.04965, 2.2). The last axis is the row.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

SMALLEST_STATISTIC = 1e-5  # below this a row is treated as this large
SMALLEST_F16 = 2.0**-14  # normal
F16_MAX = 65504.0
E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


class _PassThrough(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


def pass_through(x: Tensor, value: Tensor) -> Tensor:
    """`value`, whose gradient goes to `x` unchanged; both of one shape."""
    result: Tensor = _PassThrough.apply(x, value)
    return result


def rounded(x: Tensor, kind: torch.dtype) -> Tensor:
    """x as it is stored in 16 bits, widened again."""
    limit = x.detach().clamp(-F16_MAX, F16_MAX) if kind == torch.float16 else x.detach()
    return pass_through(x, limit.to(kind).to(x.dtype))


# Activations: integers q and a factor s, [..., n] -> [..., n], [..., 1].


def absmax(x: Tensor) -> Tensor:
    return x.abs().amax(dim=-1, keepdim=True).clamp_min(SMALLEST_STATISTIC)


def int8_absmax(x: Tensor) -> tuple[Tensor, Tensor]:
    g = absmax(x)
    return torch.round(x * (127.0 / g)).clamp(-128, 127), g / 127.0


def int4_absmean(x: Tensor) -> tuple[Tensor, Tensor]:
    root = torch.tensor(math.sqrt(7.0), dtype=x.dtype)
    b = x.abs().mean(dim=-1, keepdim=True).clamp_min(SMALLEST_STATISTIC)
    return torch.round(x * (root / b)).clamp(-8, 7), b / root


def fp4_e2m1(x: Tensor) -> tuple[Tensor, Tensor]:
    """q is twice the e2m1 value; of a tie the even code is taken."""
    g = absmax(x)
    scaled = x * (6.0 / g)
    magnitude, value = scaled.abs(), torch.zeros_like(x)
    for code, (low, high) in enumerate(zip(E2M1, E2M1[1:])):
        middle = (low + high) / 2
        passed = magnitude > middle if code % 2 == 0 else magnitude >= middle
        value += passed * (high - low)
    return 2 * value * torch.sign(scaled), g / 12.0


SCHEMES = {"int8_absmax": int8_absmax, "int4_absmean": int4_absmean, "fp4_e2m1": fp4_e2m1}


def topk_mask(x: Tensor, ratio: float) -> Tensor:
    """Which entries stay, bool: the ceil(ratio * n) largest |x|, of equal ones the first."""
    keep, magnitude = math.ceil(ratio * x.shape[-1]), x.abs()
    least = magnitude.kthvalue(x.shape[-1] - keep + 1, dim=-1, keepdim=True).values
    above, equal = magnitude > least, magnitude == least
    places = keep - above.sum(dim=-1, keepdim=True)
    return above | (equal & (equal.cumsum(dim=-1) <= places))


def quantize(
    x: Tensor, scheme: str, topk: float | None, block: int | None
) -> tuple[Tensor, Tensor]:
    """[..., n] -> integers q [..., n] and factors s [..., 1], or [..., n / block, 1]."""
    if block is None:
        q, s = SCHEMES[scheme](x)
    else:
        q, s = SCHEMES[scheme](x.unflatten(-1, (-1, block)))
        q = q.flatten(-2)
    return (q if topk is None else q * topk_mask(x, topk)), s


@lru_cache(maxsize=None)
def _hadamard_matrix(size: int) -> Tensor:
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        rows = torch.cat([matrix, matrix], dim=1), torch.cat([matrix, -matrix], dim=1)
        matrix = torch.cat(rows)
    return matrix / math.sqrt(size)


def hadamard(x: Tensor) -> Tensor:
    """The orthogonal transform of blocks of the largest power of two in n (BitNet v2)."""
    size = x.shape[-1] & -x.shape[-1]
    return (x.unflatten(-1, (-1, size)) @ _hadamard_matrix(size)).flatten(-2)


# Weights.


def ternary(w: Tensor) -> tuple[Tensor, Tensor]:
    """Master [out, in] -> digits [out, in] and alpha [1]; the mean is in double."""
    mean = w.abs().sum(dtype=torch.float64) / w.numel()
    alpha = mean.to(w.dtype).clamp_min(SMALLEST_STATISTIC)
    return torch.round(w / alpha).clamp(-1, 1), alpha.reshape(1)


def ternary_groups(w: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """Master [out, in] -> digits [out, in] and f16 scales [out, in / group, 1]."""
    groups = w.unflatten(-1, (-1, group))
    scale = groups.abs().mean(dim=-1, keepdim=True).to(torch.float16).to(w.dtype)
    scale = scale.clamp_min(SMALLEST_F16)
    return torch.round(groups / scale).clamp(-1, 1).flatten(-2), scale


# The cache: codes of b bits as odd integers u, and what one of them stands for.


def cache_codes(x: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """[..., d] -> u in -(2**bits - 1)..2**bits - 1 [..., d], factor [..., 1]."""
    g = absmax(x).clamp_max(F16_MAX).to(torch.float16).to(x.dtype)
    n = float(2**bits - 1)
    code = torch.round((x / g + 1.0) * (n / 2.0)).clamp(0, n)
    return 2.0 * code - n, g / n
