# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention of whole windows, over keys and values as the cache would hold them.

docs/numerics.md 6; gradients pass the cache's codes and the 8-bit weights of values
unchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .quantizers import cache_codes, int8_absmax, pass_through, rounded

VALUE_BLOCK = 64  # tokens whose value weights share one 8-bit scale
SMALLEST_WEIGHT = 1e-30


@dataclass(frozen=True)
class Cache:
    """Widths of the cache's codes; 16 is f16.

    The last two are no cache of tern's: they tell what a narrow one costs where.
    """

    bits: int = 16
    bos_bits: int = 16
    q_bits: int = 8
    coded: str = "kv"  # or "k", "v": the other part is f16
    block: int | None = None  # features that share a factor; None: a whole row


def rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """[..., t, d], tables [t, d/2]; pairs are (i, i + d/2)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def coded(x: Tensor, cache: Cache) -> tuple[Tensor, Tensor | None]:
    """Keys or values [..., t, d] as their codes stand for them.

    Also a code's step [..., t, 1], where a row has one.
    """
    if cache.block is not None:
        blocks = x.unflatten(-1, (-1, cache.block))
        u, step = cache_codes(blocks.detach(), cache.bits)
        first, first_step = cache_codes(blocks.detach()[..., :1, :, :], cache.bos_bits)
        coded = torch.cat([first * first_step, (u * step)[..., 1:, :, :]], dim=-3)
        return pass_through(x, coded.flatten(-2)), None
    u, step = cache_codes(x.detach(), cache.bits)
    if cache.bos_bits != cache.bits:
        first, first_step = cache_codes(x.detach()[..., :1, :], cache.bos_bits)
        u = torch.cat([first, u[..., 1:, :]], dim=-2)
        step = torch.cat([first_step, step[..., 1:, :]], dim=-2)
    return pass_through(x, u * step), step


def _coded_query(q: Tensor, bits: int) -> Tensor:
    codes, factor = int8_absmax(q.detach()) if bits == 8 else cache_codes(q.detach(), bits)
    return pass_through(q, codes * factor)


def _weights_of_values(e: Tensor, step: Tensor) -> Tensor:
    """e [..., t, s] as 8-bit weights in blocks of 64 tokens give it; step [..., s, 1]."""
    tokens = e.shape[-1]
    padding = -tokens % VALUE_BLOCK
    w = F.pad(e.detach() * step.transpose(-1, -2), (0, padding)).unflatten(-1, (-1, VALUE_BLOCK))
    top = w.amax(dim=-1, keepdim=True)
    used = top >= SMALLEST_WEIGHT
    safe = torch.where(used, top, torch.ones_like(top))
    p = torch.round(w * (255.0 / safe)) * (safe / 255.0)
    p = torch.where(used, p, torch.zeros_like(p)).flatten(-2)[..., :tokens]
    return pass_through(e, p / step.transpose(-1, -2))


def attend(q: Tensor, k: Tensor, v: Tensor, cache: Cache) -> Tensor:
    """q [b, heads, t, d], k and v [b, kv_heads, t, d], after rope -> [b, heads, t, d].

    Position 0 of each window is the first of its sequence.
    """
    batch, heads, tokens, d = q.shape
    groups = k.shape[1]
    q = q.reshape(batch, groups, heads // groups, tokens, d)
    scale = 1 / torch.sqrt(torch.tensor(float(d), dtype=q.dtype))
    hidden = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
    if cache.bits == 16:
        k, v = rounded(k, torch.float16).unsqueeze(2), rounded(v, torch.float16).unsqueeze(2)
        score = (q @ k.transpose(-1, -2)) * scale
        out = torch.softmax(score.masked_fill(hidden, -math.inf), dim=-1) @ v
    else:
        k, v = k.unsqueeze(2), v.unsqueeze(2)
        k = coded(k, cache)[0] if "k" in cache.coded else rounded(k, torch.float16)
        step = None
        if "v" in cache.coded:
            v, step = coded(v, cache)
        else:
            v = rounded(v, torch.float16)
        score = (_coded_query(q, cache.q_bits) @ k.transpose(-1, -2)) * scale
        score = score.masked_fill(hidden, -math.inf)
        e = torch.exp(score - score.detach().amax(dim=-1, keepdim=True))
        weights = e if step is None else _weights_of_values(e, step)
        out = (weights @ v) / e.sum(dim=-1, keepdim=True)
    return out.reshape(batch, heads, tokens, d)
