# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference against formulas in double precision that share nothing with it.

Layer by layer, each from the reference's own input. With activations that stay floats
both agree as far as floats go. With integers, so do nearly all tokens once the formulas
round to the same codes; where a float and a double round to different ones, they differ
by less than rounding to codes costs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, model_directory
from double_hybrid import DoubleHybrid, by_chunks, by_steps
from double_precision import Array, Change, DoubleModel, half, int8_blocks, unchanged
from double_precision import yarn, yarn_bounds
from tern_reference.checkpoint import Linear, load
from tern_reference.config import ActivationQuant
from tern_reference.model import Model
from tern_reference.synth import synthesize
from tern_reference.tokenizer import Tokenizer

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
    "qwen3_5": dict(family="qwen3_5", encoding="products-f32", interval=2, key_dim=48,
                    value_dim=64, theta=1e7),
}
FLOATS = ActivationQuant("f32")


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


def tokens_of(directory: Path, name: str) -> list[int]:
    """70 of them: of the text that the trained model has not seen, of others any."""
    if name != "trained":
        return np.random.default_rng(11).integers(0, 300, 70).tolist()
    text = (ROOT / "test/data/shakespeare-heldout.txt").read_text(encoding="utf-8")
    return [1022] + Tokenizer.load(directory).encode(text[:400])[:69]


def distance(x: Array, y: Array) -> Array:
    """|x - y| / |y| of each row."""
    return np.linalg.norm(x - y, axis=-1) / np.linalg.norm(y, axis=-1)


class Comparison:
    """The reference's steps, and the same steps by the formulas."""

    def __init__(self, directory: Path, name: str, quant: ActivationQuant):
        checkpoint = load(directory)
        kind = DoubleHybrid if checkpoint.config.delta else DoubleModel
        self.model, self.ids = kind(directory), tokens_of(directory, name)
        self.has_float_head = not isinstance(checkpoint.head, Linear)
        activations = dict.fromkeys(checkpoint.config.activations, quant)
        config = replace(checkpoint.config, activations=activations)
        self.got = Model(replace(checkpoint, config=config)).run(self.ids)

    def steps(self, quantize: Change, cache: Change) -> Array:
        """Distances of what each layer adds and of the logits, [layers + 1, t]."""
        out, x = [], self.model.embed(self.ids)
        for index, hidden in enumerate(self.got.hidden.astype(np.float64)):
            y = self.model.layer(index, x, quantize, cache)
            out.append(distance(hidden - x, y - x))
            x = hidden
        head = unchanged if self.has_float_head else quantize
        return np.stack(out + [distance(self.got.logits, self.model.head(x, head))])


@pytest.mark.parametrize("name", MODELS)
def test_float_activations(directory, name, monkeypatch):
    """With a cache of floats all agrees; one of f16 may round to a neighbour."""
    steps = Comparison(directory(name), name, FLOATS).steps(unchanged, half)
    assert np.median(steps) < 2e-6 and steps.max() < 1e-3
    monkeypatch.setattr("tern_reference.attention.to_f16", unchanged)
    comparison = Comparison(directory(name), name, FLOATS)
    assert comparison.steps(unchanged, unchanged).max() < 2e-6
    whole = comparison.model.run(comparison.ids)
    assert distance(comparison.got.hidden, whole.hidden).max() < 1e-5
    assert distance(comparison.got.logits, whole.logits).max() < 1e-5


@pytest.mark.parametrize("block", (32, 128, None), ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_integer_activations(directory, name, block):
    comparison = Comparison(directory(name), name, ActivationQuant(block=block))
    effect = comparison.steps(unchanged, half)
    unexplained = comparison.steps(int8_blocks(block), half)
    assert np.median(unexplained) < 2e-6
    assert (unexplained.max(axis=1) < effect.max(axis=1) + 1e-6).all()
    assert np.median(effect[:-1]) > 1e-3 and effect.max() < 0.07


def test_the_delta_rule_in_chunks():
    """Both forms of the formulas, over chunks that end where they may."""
    random = np.random.default_rng(3)
    for tokens in (1, 15, 16, 17, 70):
        q, k, v = (random.standard_normal((tokens, size)) for size in (12, 12, 20))
        k /= np.linalg.norm(k, axis=1, keepdims=True)
        gates = random.random(tokens), -4 * random.random(tokens)
        assert np.allclose(by_chunks(q, k, v, *gates), by_steps(q, k, v, *gates), 1e-11, 1e-12)


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
