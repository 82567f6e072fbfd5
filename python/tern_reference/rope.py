# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rotary embeddings: docs/numerics.md 5, in double until the tables are rounded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .numerics import F32, Array


@dataclass(frozen=True)
class Rope:
    """The frequencies of a model, and what its tables are multiplied by."""

    theta: float
    divisors: tuple[float, ...] = ()  # of the frequencies; empty: all are 1
    factor: float = 1.0  # of every cosine and sine


def rope_periods(head_dim: int, theta: float) -> list[float]:
    """Positions that one radian of each pair of features takes."""
    return [theta ** (2.0 * j / head_dim) for j in range(head_dim // 2)]


def llama3_divisors(
    periods: list[float], factor: float, low: float, high: float, original: float
) -> list[float]:
    """How much longer periods become: 1 for short ones, `factor` for long ones."""
    result = []
    for period in periods:
        wavelength = 2.0 * math.pi * period
        smooth = (original / wavelength - low) / (high - low)
        if wavelength < original / high:
            result.append(1.0)
        elif wavelength > original / low:
            result.append(factor)
        else:
            result.append(1.0 / ((1.0 - smooth) / factor + smooth))
    return result


def yarn_bounds(
    head_dim: int, theta: float, original: float, fast: float, slow: float, truncate: bool
) -> tuple[float, float]:
    """The pairs between which YaRN goes from no stretch to all of it."""

    def pair_with_turns(turns: float) -> float:
        return head_dim * math.log(original / (turns * 2.0 * math.pi)) / (2.0 * math.log(theta))

    first, last = pair_with_turns(fast), pair_with_turns(slow)
    if truncate:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0.0), min(last, head_dim - 1.0)
    return first, last + 0.001 if first == last else last


def yarn_divisors(head_dim: int, factor: float, first: float, last: float) -> list[float]:
    """How much longer periods become, between the bounds by a straight line."""
    result = []
    for pair in range(head_dim // 2):
        ramp = min(max((pair - first) / (last - first), 0.0), 1.0)
        result.append(1.0 / (ramp / factor + (1.0 - ramp)))
    return result


def yarn_factor(factor: float, weight: float = 1.0) -> float:
    """The number that YaRN multiplies tables by, unless the config says it."""
    return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0


def longrope_factor(positions: int, original: float) -> float:
    """The same for longrope."""
    stretch = positions / original
    return 1.0 if stretch <= 1 else math.sqrt(1.0 + math.log(stretch) / math.log(original))


def rope_tables(positions: Array, head_dim: int, rope: Rope) -> tuple[Array, Array]:
    """cos, sin f32 [t, head_dim/2], computed in double and rounded once."""
    period = np.array(rope_periods(head_dim, rope.theta), np.float64)
    if len(rope.divisors):
        period = period * np.array(rope.divisors, np.float64)
    angle = np.asarray(positions, np.float64)[:, None] / period
    return (rope.factor * np.cos(angle)).astype(F32), (rope.factor * np.sin(angle)).astype(F32)
