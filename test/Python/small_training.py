# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small recipe, its text and a model made of both, for tests of python/tern_train."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT
from tern_train.__main__ import main

TEXT = ROOT / "test/data/shakespeare-heldout.txt"
RECIPE = """
base = "a4.8-2m"
[model]
hidden_size = 48
intermediate_size = 96
num_hidden_layers = 2
head_dim = 32
max_position_embeddings = 64
[text]
vocabulary = 300
window = 48
[training]
steps = 10
batch = 2
warmup = 2
[[stages]]
activations = "b1.58"
share = 0.6
[[stages]]
activations = "a4.8"
share = 0.4
"""
CONTINUE = '[text]\nwindow = 48\n[training]\nsteps = 3\nbatch = 2\n'
CONTINUE += '[[stages]]\nactivations = "checkpoint"\n'

try:
    import torch

    # One thread, as the command sets it, so that the order of tests changes nothing.
    torch.set_num_threads(1)
except ModuleNotFoundError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="no PyTorch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Recipes, a text, and `model`, trained by the command in one go."""
    path = tmp_path_factory.mktemp("trainer")
    (path / "recipe.toml").write_text(RECIPE)
    (path / "continue.toml").write_text(CONTINUE)
    (path / "text.txt").write_text(TEXT.read_text()[:30000])
    if torch is not None:
        assert train(path, "model") == 0
    return path


def train(folder: Path, output: str, *flags: str, recipe: str = "recipe.toml") -> int:
    command = [str(folder / "text.txt"), "-o", str(folder / output), "--every", "5"]
    return main([*command, "--recipe", str(folder / recipe), *flags])
