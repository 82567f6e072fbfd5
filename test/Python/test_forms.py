# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One model in every form a checkpoint can have is one artifact, to the byte.

The weights an artifact holds are digits, scales and tables after packing, so equal
files mean equal codes; equal IR and weights mean equal programs and text.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from artifact import artifact
from tern_reference.checkpoint import Linear, load
from tern_reference.gguf import convert
from tern_reference.gguf_encodings import ENCODINGS
from tern_reference.numerics import F32, ternarize
from tern_reference.safetensors import Pending, Reader, write
from tern_reference.synth import synthesize
from test_compiled import run_driver
from test_gguf import flags_of

SHAPE = dict(hidden=256, intermediate=512, layers=2, heads=4, kv_heads=2, vocab=300, seed=7)
HF_FORMS = ("divide", "master", "shards")
GGUF_FORMS = [f"gguf-{kind}" for kind in ENCODINGS]


def pending(name: str, dtype: str, array: np.ndarray) -> Pending:
    return Pending(name, dtype, array.shape, lambda: [array])


def inverse(alpha: np.float32) -> np.ndarray:
    """The dividing scale whose reciprocal is alpha."""
    guess = F32(1) / alpha
    for candidate in (guess, np.nextafter(guess, F32(0)), np.nextafter(guess, F32(np.inf))):
        if F32(1) / candidate == alpha:
            return np.array([candidate], F32)
    raise AssertionError(f"no float32 has the inverse {alpha}")


def master(linear: Linear) -> np.ndarray:
    """Floats that ternarize to these digits and this very scale."""
    zeros = np.mean(linear.digits == 0)
    small = linear.alpha[0] * F32(0.25)
    large = linear.alpha[0] * F32((1 - 0.25 * zeros) / (1 - zeros))
    w = np.where(linear.digits == 0, small, linear.digits * large).astype(F32)
    # The mean of |w| is off by the rounding of two numbers: one element mends it.
    off = float(linear.alpha[0]) * w.size - float(np.sum(np.abs(w), dtype=np.float64))
    first = np.argwhere(linear.digits == 1)[0]
    w[tuple(first)] += F32(off)
    digits, alpha = ternarize(w)
    assert alpha == linear.alpha[0] and np.array_equal(digits, linear.digits)
    return w


def rewrite(source: Path, target: Path, form: str) -> None:
    """The packed model of `source` in another form of a directory."""
    shutil.copytree(source, target)
    reader, checkpoint = Reader(source), load(source)
    config = json.loads((source / "config.json").read_text())
    quantization = config["quantization_config"]
    if form == "divide":
        del quantization["linear_class"], quantization["quantization_mode"]
    else:
        quantization["quantization_mode"] = "online"
    (target / "config.json").write_text(json.dumps(config))
    tensors = []
    for name, entry in reader.entries.items():
        prefix, _, kind = name.rpartition(".")
        if prefix + ".weight_scale" not in reader:
            tensors.append(pending(name, entry.dtype, reader.raw(name)))
            continue
        index, projection = int(name.split(".")[2]), prefix.rpartition(".")[2]
        linear = checkpoint.layers[index].linears[projection]
        if form == "divide":
            scale = pending(name, "F32", inverse(linear.alpha[0]))
            packed = pending(name, "U8", reader.raw(name))
            tensors.append(scale if kind == "weight_scale" else packed)
        elif kind == "weight":
            tensors.append(pending(name, "F32", master(linear)))
    write(target / "model.safetensors", tensors)


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("forms") / "packed"
    synthesize(directory, **SHAPE)
    return directory


def make(form: str, packed: Path, out: Path) -> tuple[Path, list[str]]:
    """A model and the flags it needs."""
    if form == "shards":
        synthesize(out / "model", **SHAPE, shards=3)
    elif form.startswith("gguf-"):
        kind = form.removeprefix("gguf-")
        convert(packed, out / "model.gguf", kind)
        return out / "model.gguf", ["--hidden-act=relu2", *flags_of(kind)]
    else:
        rewrite(packed, out / "model", form)
    return out / "model", []


@pytest.fixture(scope="module")
def expected(tern, packed, tmp_path_factory) -> dict[str, bytes]:
    return artifact(tern, packed, tmp_path_factory.mktemp("forms") / "out")


@pytest.mark.parametrize("form", (*HF_FORMS, *GGUF_FORMS))
def test_every_form_is_the_same_artifact(tern, packed, expected, tmp_path, form):
    model, flags = make(form, packed, tmp_path)
    got = artifact(tern, model, tmp_path / "out", *flags)
    assert got.keys() == expected.keys() and len(got) == 2
    for name, contents in expected.items():
        assert got[name] == contents, name


def test_objects_of_two_forms_are_equal(tern, packed, tmp_path):
    """To the end for two of them."""
    objects = []
    for form in ("divide", "gguf-tq2_0"):
        (tmp_path / form).mkdir()
        model, flags = make(form, packed, tmp_path / form)
        out = tmp_path / form / "out"
        out.mkdir()
        command = [tern, "compile", str(model), "-o", str(out / "it.o"), "--emit=obj"]
        run_driver([*command, "--target=generic", *flags])
        objects.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert objects[0] == objects[1] and len(objects[0]) == 3


def test_another_digit_is_another_artifact(tern, packed, expected, tmp_path):
    """The comparison above sees a single digit."""
    convert(packed, tmp_path / "model.gguf", "tq2_0")
    data = bytearray((tmp_path / "model.gguf").read_bytes())
    data[-200000] ^= 1 if data[-200000] & 1 else 2
    (tmp_path / "model.gguf").write_bytes(data)
    got = artifact(tern, tmp_path / "model.gguf", tmp_path / "out", "--hidden-act=relu2")
    assert got["it.weights"] != expected["it.weights"]
