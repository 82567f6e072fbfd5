# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A text as tokens, and the windows that training and evaluation read of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tern_reference.tokenizer import Tokenizer

from .bpe import tokenizer_files
from .recipe import Recipe

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Tokens to learn from and tokens that are held out, and the tokenizer's files."""

    learned: Ids
    held_out: Ids
    bos: int
    files: dict[str, dict[str, Any]]  # by name
    digest: str  # of the text and its tokens


def read_tokenizer(directory: Path) -> dict[str, dict[str, Any]]:
    """The files of a model's tokenizer; tokenizer.json has to be there."""
    files = {}
    for name in TOKENIZER_FILES:
        if (directory / name).exists() or name == "tokenizer.json":
            files[name] = json.loads((directory / name).read_text(encoding="utf-8"))
    return files


def read(
    path: Path, recipe: Recipe, tokenizer: Path | None, context: int, bos: int | None
) -> Corpus:
    """bos: the token that windows begin with; None: as generation_config.json says."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8: byte {error.start}") from None
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise ValueError(f"{path} is empty: there is nothing to learn from")
    end = int(len(text) * (1 - recipe.text.held_out))
    if tokenizer is None:
        files = tokenizer_files(text[:end], recipe.text.vocabulary, context)
    else:
        files = read_tokenizer(tokenizer)
    bos = files.get("generation_config.json", {}).get("bos_token_id") if bos is None else bos
    if not isinstance(bos, int):
        raise ValueError("the tokenizer's generation_config.json names no bos_token_id")
    encode = Tokenizer(files["tokenizer.json"]).encode
    learned, held_out = (np.array(encode(part), np.int64) for part in (text[:end], text[end:]))
    if len(learned) < recipe.text.window:
        least = f"fewer than a window of {recipe.text.window}"
        raise ValueError(f"{path}: {len(learned)} tokens to learn from, {least}")
    digest = hashlib.sha256(raw + learned.tobytes() + held_out.tobytes()).hexdigest()
    return Corpus(learned, held_out, bos, files, digest)


def windows(ids: Ids, starts: Ids, length: int, bos: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets [len(starts), length]: each window is read after bos."""
    targets = ids[starts[:, None] + np.arange(length)]
    first = np.full((len(starts), 1), bos, np.int64)
    inputs = np.concatenate([first, targets[:, :-1]], axis=1)
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def drawn(corpus: Corpus, recipe: Recipe, step: int) -> tuple[Tensor, Tensor]:
    """The windows of a step: they depend on the seed and the step alone."""
    random = np.random.default_rng([recipe.training.seed, step])
    last = len(corpus.learned) - recipe.text.window
    starts = random.integers(0, last + 1, recipe.training.batch)
    return windows(corpus.learned, starts, recipe.text.window, corpus.bos)
