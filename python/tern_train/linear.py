# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A ternary projection: integers times digits, with straight-through gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tern_reference.config import FLOATS, ActivationQuant

from .quantizers import hadamard, pass_through, quantize, rounded, ternary, ternary_groups


class _Product(torch.autograd.Function):  # type: ignore[misc]
    """x [t, in] and masters [out_i, in] -> [t, sum of out_i]: f32(acc) * (s * alpha).

    The sums are exact: integers below 2**24. The gradients are those of
    (q * s) and (digits * alpha), applied to x and to the masters.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, q: Tensor, s: Tensor, *masters: Tensor) -> Tensor:
        parts = [ternary(master) for master in masters]
        digits = torch.cat([part for part, _ in parts])
        alpha = torch.cat([value.expand(len(part)) for part, value in parts])
        ctx.save_for_backward(q, s, digits, alpha)
        ctx.rows = [len(master) for master in masters]
        return (q @ digits.t()) * (s * alpha)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        q, s, digits, alpha = ctx.saved_tensors
        of_x = (gradient * alpha) @ digits
        of_masters = (gradient * s).t() @ q
        return of_x, None, None, *of_masters.split(ctx.rows)


def project(
    x: Tensor, masters: list[Tensor], quant: ActivationQuant, group: int
) -> tuple[Tensor, Tensor | None]:
    """[t, in] -> [t, all rows of the masters], and the codes (None: floats).

    `group`: columns that share a scale; 0: one for each master.
    """
    if quant.hadamard:
        x = hadamard(x)
    codes = None
    if quant.scheme != FLOATS:
        codes, s = quantize(x.detach(), quant.scheme, quant.topk, quant.block)
        if not group and quant.block is None:
            y: Tensor = _Product.apply(x, codes, s, *masters)
            return y, codes
        blocks = codes.unflatten(-1, s.shape[-2:-1] + (-1,)) if quant.block else codes
        x = pass_through(x, (blocks * s).reshape(x.shape))
    return x @ torch.cat([values(master, group) for master in masters]).t(), codes


def values(master: Tensor, group: int) -> Tensor:
    """Digits times scales, as a master stands for them, [out, in]."""
    digits, scale = ternary_groups(master, group) if group else ternary(master)
    wide = digits.unflatten(-1, (-1, group)) * scale if group else digits * scale
    return pass_through(master, wide.detach().reshape(master.shape))


def stored(master: Tensor, kind: torch.dtype) -> Tensor:
    """A parameter as a checkpoint holds it, so that training computes with what is written."""
    return rounded(master, kind)
