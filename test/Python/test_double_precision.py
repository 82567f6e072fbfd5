# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference against formulas in double precision that share nothing with it.

With activations that stay floats the two agree as far as floats go. With integers, the
same formulas with the same rounding put in explain nearly all of the difference.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import model_directory
from double_precision import Array, DoubleModel, half, int8_blocks, unchanged, yarn, yarn_bounds
from tern.checkpoint import Linear, load
from tern.config import ActivationQuant
from tern.model import Model
from tern.synth import synthesize

# Heads of 128 apart from the hidden size; each kind of rope, of table and of stored form.
SHAPE = dict(
    hidden=256, intermediate=384, layers=3, heads=4, kv_heads=2, head_dim=128, vocab=300,
    context=256, eps=1e-6,
)  # fmt: skip
MODELS = {
    "trained": None,
    "qwen3": dict(family="qwen3", encoding="affine", table="ternary"),
    "qwen3-yarn": dict(family="qwen3", rope="yarn", encoding="products-f16", tied=False),
    "qwen3-mscale": dict(family="qwen3", rope="yarn-mscale", encoding="affine", theta=1e6),
    "minicpm": dict(family="minicpm", rope="longrope", encoding="products-bf16"),
    "minicpm-far": dict(family="minicpm", rope="longrope-far", encoding="affine", table="ternary"),
    "llama": dict(family="llama", encoding="products-f16", table="ternary", tied=False),
}
FLOATS = ActivationQuant("f32")
BLOCKS = (32, 128, None)
IDS = np.random.default_rng(11).integers(0, 300, 70).tolist()


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """name -> a model's directory, made once."""
    made: dict[str, Path] = {"trained": model_directory("shakespeare-qwen3")}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            synthesize(made[name], **{**SHAPE, **MODELS[name]})
        return made[name]

    return get


def reference(directory: Path, quant: ActivationQuant):
    """The reference's results, all inputs of ternary matrices quantized alike."""
    checkpoint = load(directory)
    activations = dict.fromkeys(checkpoint.config.activations, quant)
    config = replace(checkpoint.config, activations=activations)
    return Model(replace(checkpoint, config=config)).run(IDS), isinstance(checkpoint.head, Linear)


def distance(x: Array, y: Array) -> Array:
    """|x - y| / |y| of each row, the largest in each layer."""
    return (np.linalg.norm(x - y, axis=-1) / np.linalg.norm(y, axis=-1)).max(axis=-1)


@pytest.mark.parametrize("name", MODELS)
def test_float_activations(directory, name):
    got, _ = reference(directory(name), FLOATS)
    want = DoubleModel(directory(name)).run(IDS, cache=half)
    assert distance(got.hidden, want.hidden).max() < 1e-5
    assert distance(got.logits, want.logits) < 1e-5


@pytest.mark.parametrize("block", BLOCKS, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_integer_activations(directory, name, block):
    """A code that rounds the other way, which floats may, is all that is unexplained."""
    got, ternary_head = reference(directory(name), ActivationQuant(block=block))
    model = DoubleModel(directory(name))
    exact = model.run(IDS, cache=half)
    head = None if ternary_head else unchanged
    want = model.run(IDS, int8_blocks(block), half, head)
    effect = distance(want.hidden, exact.hidden)
    assert (effect > 1e-4).all() and (effect < 0.05).all()
    assert (distance(got.hidden, want.hidden) < 0.1 * effect).all()
    assert distance(got.logits, want.logits) < 0.1 * distance(want.logits, exact.logits)


def test_yarn_of_the_published_8b():
    """Theta 1e6, 128 features, four times 16,384 (or 8,192) positions."""
    rope = {"factor": 4.0, "original_max_position_embeddings": 16384}
    assert yarn_bounds(128, 1e6, rope) == (20, 37)
    assert yarn_bounds(128, 1e6, rope | {"original_max_position_embeddings": 8192}) == (17, 34)
    angles, factor = yarn(128, 1e6, rope)
    assert factor == pytest.approx(1.138629, abs=5e-7)
    assert factor**2 == pytest.approx(1.296477, abs=5e-7)
    plain = 1e6 ** (-2.0 * np.arange(64) / 128)
    assert (angles[:21] == plain[:21]).all() and angles[37:] == pytest.approx(plain[37:] / 4)
