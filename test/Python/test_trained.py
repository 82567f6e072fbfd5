# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The bundled model that was trained with float activations, compiled.

It is Qwen3's shape with digits in groups of 128, a ternary table that is the head too,
and YaRN. Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, TARGETS, model_directory
from double_precision import DoubleModel
from tern_reference.checkpoint import Linear, load
from tern_reference.config import ActivationQuant
from tern_reference.gguf import convert
from tern_reference.model import Model
from tern_reference.safetensors import Pending, write
from tern_reference.tokenizer import Tokenizer
from test_compiled import assert_same, run_compiled, run_driver

QWEN3 = model_directory("shakespeare-qwen3")
TEXT = ROOT / "test/data/shakespeare-heldout.txt"


@pytest.fixture(scope="module")
def ids() -> list[int]:
    text = TEXT.read_text(encoding="utf-8")[:400]
    return [1022] + Tokenizer.load(QWEN3).encode(text)[:69]


@pytest.fixture(scope="module")
def checkpoint():
    return load(QWEN3)


@pytest.fixture(scope="module")
def want(checkpoint, ids):
    return Model(checkpoint).run(ids)


def test_the_model_is_as_published_ones(checkpoint):
    assert isinstance(checkpoint.table, Linear) and checkpoint.head is checkpoint.table
    assert checkpoint.config.rope.factor == pytest.approx(1.138629, abs=5e-7)
    linears = [linear for layer in checkpoint.layers for linear in layer.linears.values()]
    for linear in linears + [checkpoint.head]:
        assert linear.alpha.shape == (len(linear.digits), linear.digits.shape[1] // 128)
    blocks = {quant for quant in checkpoint.config.activations.values()}
    assert blocks == {ActivationQuant(block=128)}


@pytest.mark.parametrize("target", TARGETS)
def test_compiled_is_the_reference(tern, ids, want, tmp_path, target):
    assert_same(run_compiled(tern, QWEN3, ids, tmp_path, target, threads=2), want)


def save_unpacked(directory: Path) -> None:
    """The same weights as plain f16, as most models of this form are published."""
    shutil.copytree(QWEN3, directory)
    config = json.loads((directory / "config.json").read_text())
    del config["quantization"], config["quantization_config"]
    (directory / "config.json").write_text(json.dumps(config))
    tensors = [
        Pending(name, "F16", values.shape, lambda values=values: [values.astype(np.float16)])
        for name, values in DoubleModel(QWEN3).weights.items()
    ]
    write(directory / "model.safetensors", tensors)


FORMS = ("unpacked", "pq2_0", "ptq1_0", "q2_0_g64", "q2_0_g128")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(tern, checkpoint, tmp_path, form):
    """The reference's continuation, from plain f16 and from GGUF."""
    model = tmp_path / "model.gguf"
    if form == "unpacked":
        model = tmp_path / "model"
        save_unpacked(model)
    else:
        convert(QWEN3, model, form)
    prompt = "KING RICHARD III:\nNow is the winter"
    ids = Model(checkpoint).generate([1022] + Tokenizer.load(QWEN3).encode(prompt), 40, stop=False)
    command = [tern, "run", str(model), "-p", prompt, "-n", "40", "--temp", "0", "--ignore-eos"]
    out = run_driver(command + ["--print-ids", "--target=generic"])
    assert list(map(int, out.replace(",", " ").split())) == ids


def test_activations_cost_next_to_nothing(tern, tmp_path):
    """2e-4 is what published models of this form measure with blocks of 32."""
    base = str(tmp_path / "base")
    windows = ["-f", str(TEXT), "-c", "256", "--chunks", "8"]
    floats = [tern, "ppl", str(QWEN3), "--activations=float", "--kl-base", base]
    run_driver(floats + windows)
    default = [tern, "ppl", str(QWEN3), "--kl-base", base, "--kl", "--output-json"]
    compared = json.loads(run_driver(default))
    assert compared["perplexity"] < 30
    assert 0 < compared["kl"] < 2e-4
