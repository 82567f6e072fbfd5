# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Widths of the cache that are compared, and their cost for a checkpoint.

`python -m tern_train.caches MODEL TEXT`: the perplexity of a model, packed or with
masters, for each of them. Coding keys or values alone, and scales for fewer features, are no
caches of tern's: they tell where a narrow cache costs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .launch import launch
from .schemes import SCHEMES

if TYPE_CHECKING:  # what loads PyTorch is imported when its threads are set
    from .evaluate import Measured
    from .network import Network, Parameters
    from .text import Ids


@dataclass(frozen=True)
class Widths:
    """Bits of codes, and the rest of attention.Cache."""

    bits: int
    bos_bits: int
    q_bits: int = 8
    coded: str = "kv"
    block: int | None = None  # features that share a scale


NARROW = {"16": Widths(16, 16), "3, bos 4": Widths(3, 4)}
CACHES = {
    "16": Widths(16, 16),
    "8": Widths(8, 8),
    "4": Widths(4, 4),
    "4, queries 4": Widths(4, 4, 4),
    "3": Widths(3, 3),
    "3, bos 4": Widths(3, 4),
    "3, bos 4, queries 4": Widths(3, 4, 4),
    "3, bos 4, keys only": Widths(3, 4, coded="k"),
    "3, bos 4, values only": Widths(3, 4, coded="v"),
    "3, bos 4, a scale for 64": Widths(3, 4, block=64),
    "3, bos 4, a scale for 32": Widths(3, 4, block=32),
    "3, bos 4, a scale for 16": Widths(3, 4, block=16),
}


def _splits(block: int, head_dim: int) -> bool:
    return block < head_dim and head_dim % block == 0


def measured(
    network: Network,
    parameters: Parameters,
    ids: Ids,
    window: int,
    bos: int,
    caches: dict[str, Widths],
) -> Iterator[tuple[str, Measured]]:
    """Name and what was measured of each cache whose scales divide a head's features."""
    from .attention import Cache
    from .evaluate import measure

    for name, w in caches.items():
        if w.block is not None and not _splits(w.block, network.config.head_dim):
            continue
        cache = Cache(w.bits, w.bos_bits, w.q_bits, w.coded, w.block)
        yield name, measure(network.with_cache(cache), parameters, ids, window, bos)


def _parser() -> argparse.ArgumentParser:
    summary = "The perplexity of a model for each width of the cache."
    parser = argparse.ArgumentParser(prog="python -m tern_train.caches", description=summary)
    add = parser.add_argument
    add("model", type=Path, help="a checkpoint, packed or with masters")
    add("text", type=Path, help="UTF-8 text that it has not seen")
    add("--activations", choices=SCHEMES, help="a scheme instead of the checkpoint's own")
    add("--only", action="append", choices=CACHES, help="these widths; may be given again")
    add("--window", type=int, default=191, help="tokens after each bos (default: 191)")
    add("--threads", type=int, default=1)
    return parser


def _run(arguments: argparse.Namespace) -> None:
    import numpy as np

    from tern_reference.tokenizer import Tokenizer

    from . import checkpoints
    from .attention import Cache

    network, parameters = checkpoints.read_ternary(arguments.model)
    bos = network.config.bos_token_id
    if bos is None:
        raise ValueError(f"{arguments.model}: config.json names no bos_token_id")
    text = arguments.text.read_text(encoding="utf-8")
    ids = np.array(Tokenizer.load(arguments.model).encode(text), np.int64)
    if arguments.activations:
        network = network.with_scheme(SCHEMES[arguments.activations], Cache())
    wanted = {name: CACHES[name] for name in arguments.only or CACHES}
    base = found = None
    for name, found in measured(network, parameters, ids, arguments.window, bos, wanted):
        base = base or found.perplexity
        change = 100 * (found.perplexity / base - 1)
        print(f"{name:24}{found.perplexity:10.3f}{change:+8.2f} %", flush=True)
    if found is not None:
        skipped = found.zeros.skipped(network.config).items()
        shares = "  ".join(f"{name} {100 * share:.1f}" for name, share in skipped)
        print(f"weights not read, %: {shares}; read {100 * found.zeros.active(network.config):.1f}")


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    return launch("tern_train.caches", arguments.threads, lambda: _run(arguments))


if __name__ == "__main__":
    sys.exit(main())
