# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The small trainer: its gradients by finite differences, and its files."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import model_directory
from double_precision import DoubleModel
from tern_reference.network import Network, Shape, initial_masters
from tern_reference.train import main, save, stored

SMALL = Shape(hidden=128, intermediate=128, layers=2, heads=2, kv_heads=1, vocab=40, context=6,
              original=30)  # fmt: skip


def test_gradients_are_the_slopes():
    """Of a step in a random direction of each weight alone, in double."""
    random = np.random.default_rng(7)
    weights = {name: value.astype(np.float64) + 0.1 * random.standard_normal(value.shape)
               for name, value in initial_masters(SMALL, random).items()}  # fmt: skip
    network = Network(SMALL, np.float64)
    inputs, targets = random.integers(0, SMALL.vocab, (2, 3, 6))
    _, gradients = network.gradients(weights, inputs, targets)
    assert gradients.keys() == weights.keys()
    for name, value in weights.items():
        direction = random.standard_normal(value.shape)
        direction *= 1e-4 / np.linalg.norm(direction)
        ahead, behind = (
            network.loss(weights | {name: value + step}, inputs, targets).mean()
            for step in (direction, -direction)
        )
        slope = 2 * np.vdot(gradients[name], direction)
        np.testing.assert_allclose(ahead - behind, slope, rtol=1e-5, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("form", ("unpacked", "mlx"))
def test_the_loss_is_that_of_the_formulas(tmp_path, form):
    """A saved model, read and computed by code that shares nothing with the trainer."""
    random = np.random.default_rng(3)
    masters = {name: value + np.float32(0.1) * random.standard_normal(value.shape, np.float32)
               for name, value in initial_masters(SMALL, random).items()}  # fmt: skip
    weights = {name: stored(master) for name, master in masters.items()}
    save(tmp_path, SMALL, weights, model_directory("shakespeare-b158"), form)
    inputs, targets = random.integers(0, SMALL.vocab, (2, 1, 6))
    wide = {name: value.astype(np.float64) for name, value in weights.items()}
    losses = Network(SMALL, np.float64).loss(wide, inputs, targets)[0]
    logits = DoubleModel(tmp_path).run(inputs[0].tolist()).logits
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(6), targets[0]]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


def test_matrices_are_ternary_in_groups():
    """Digits times one f16 number for each row and 128 inputs, of the mean magnitude."""
    master = np.random.default_rng(5).standard_normal((6, 384)).astype(np.float32)
    master[2, 128:256] = 0
    groups = stored(master).reshape(6, 3, 128)
    assert (groups == groups.astype(np.float16)).all()
    scales = np.abs(groups).max(axis=-1, keepdims=True)
    assert ((groups == 0) | (np.abs(groups) == scales)).all()
    mean = np.abs(master.reshape(6, 3, 128)).mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(scales, mean, rtol=2**-11)
    assert (groups[2, 1] == 0).all()
    large = np.abs(master.reshape(6, 3, 128)) > 0.51 * scales
    assert (groups[large] != 0).all()


def test_training_lowers_the_loss(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("To be, or not to be, that is the question. " * 60)
    command = [str(text), "-o", str(tmp_path / "model"), "--held-out", "0.3"]
    command += ["--tokenizer", str(model_directory("shakespeare-b158")), "--hidden", "128"]
    command += ["--intermediate", "128", "--layers", "1", "--heads", "1", "--kv-heads", "1"]
    command += ["--context", "32", "--original", "8", "--steps", "40", "--batch", "2"]
    assert main(command + ["--warmup", "5", "--rate", "0.01"]) == 0
    perplexity = float(capsys.readouterr().out.split()[-1])
    assert perplexity < 8  # of 1024 tokens
    assert main([str(tmp_path / "none.txt")] + command[1:]) == 1
    wrong = {
        ("--hidden", "100"): "hidden is 100, no multiple of 128",
        ("--heads", "3", "--kv-heads", "2"): "3 heads are no multiple of 2 kv heads",
        ("--context", "4096"): "fewer than a window of 4096",
        ("--vocab", "1000"): "token 1022 does not fit --vocab 1000",
    }
    for flags, words in wrong.items():
        assert main(command + list(flags)) == 1
        assert words in capsys.readouterr().err
