# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models with several kinds of layers (tern.layer_kinds), called through the ABI.

The bundled model with its layers divided into two kinds gives every bit of the
reference. A model written by hand has a kind that keeps a sum instead of a cache, and
one that keeps nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from abi import CompiledModel
from conftest import MODELS, model_directory
from tern_reference.checkpoint import load
from tern_reference.model import Model, Options, Result
from test_compiled import assert_same, run_driver

CC = os.environ.get("CC", "cc")
ORDER = [0, 2, 4, 1, 3]  # layers of the first kind, then those of the second


class Permuted(CompiledModel):
    """Weights packed for one kind of layers, moved to where two kinds have them."""

    def __init__(self, base: Path, artifact: Path, start: int, stride: int):
        self.packed, self.start, self.stride = artifact, start, stride
        super().__init__(base, CC)

    def _read_weights(self, path: Path):
        data = self.packed.read_bytes()
        offset, size = np.frombuffer(data, "<u8", 2, 32).tolist()
        section = np.frombuffer(data, np.uint8, size, offset)
        assert size == self.model.weights_bytes == self.start + len(ORDER) * self.stride
        buffer = self.buffer(section.copy())
        for at, layer in enumerate(ORDER):
            to, source = self.start + at * self.stride, self.start + layer * self.stride
            buffer.bytes[to : to + self.stride] = section[source : source + self.stride]
        return buffer


def divided(text: str) -> str:
    """The imported model with a function and weights of its own for each kind."""
    head, layer, tail = re.fullmatch(
        r"(.*?)(  func\.func @layer\(.*?\n  }\n)(.*)", text, re.S
    ).groups()
    weights = re.findall(r"^  tern\.weight @(\S+) per_layer .*$", text, re.M)
    functions, declared = "", ""
    for kind, layers in (("a", 3), ("b", 2)):
        own = layer.replace("@layer(", f"@layer.{kind}(").replace("!kv_cache", f"!cache_{kind}")
        for name in weights:
            own = own.replace(f"@{name}[", f"@{kind}.{name}[")
            [line] = re.findall(rf"^  tern\.weight @{re.escape(name)} per_layer .*$", text, re.M)
            declared += line.replace(f"@{name} ", f"@{kind}.{name} ") + "\n"
        functions += own
        [alias] = re.findall(r"^!kv_cache = (.*)$", text, re.M)
        head = f"!cache_{kind} = " + alias.replace("layers = 5", f"layers = {layers}") + "\n" + head
    tail = re.sub(r"^  tern\.weight @\S+ per_layer .*\n", "", tail, flags=re.M)
    kinds = 'attributes {tern.layer_kinds = ["layer.a", "layer.b"], '
    return head.replace("attributes {", kinds, 1) + functions + declared + tail


@pytest.fixture(autouse=True)
def compiler():
    if not shutil.which(CC):
        pytest.skip(f"no C compiler '{CC}' to link an object with")


@pytest.mark.parametrize("name", MODELS)
def test_two_kinds_are_as_one(tern, tmp_path, name):
    directory, flags = model_directory(name), ["--target=generic", "--name=bard"]
    whole = tmp_path / "whole"
    whole.mkdir()
    run_driver([tern, "compile", str(directory), "-o", str(whole / "bard.o"), *flags])
    packed = run_driver([tern, "compile", str(directory), "--compile-to=packed", *flags])
    imported = run_driver([tern, "compile", str(directory), "--compile-to=import", *flags])
    [stride] = map(int, re.findall(r"tern\.layer_stride = (\d+)", packed))
    [total] = map(int, re.findall(r"tern\.weights_bytes = (\d+)", packed))
    (tmp_path / "two.mlir").write_text(divided(imported))
    out = ["--emit=obj", "-o", str(tmp_path / "bard.o")]
    run_driver([tern, "compile", str(tmp_path / "two.mlir"), "--compile-from=import", *out])
    model = Permuted(tmp_path / "bard", whole / "bard.weights", total - 5 * stride, stride)
    assert (model.model.kind_count, model.model.is_recurrent) == (2, 0)
    one = CompiledModel(whole / "bard", CC)
    assert model.model.state_fixed_bytes == one.model.state_fixed_bytes
    assert model.model.state_block_bytes == one.model.state_block_bytes
    assert model.model.state_id != one.model.state_id

    reference = Model(load(directory), Options())
    ids = np.random.default_rng(4).integers(0, reference.config.vocab_size, 70).tolist()
    want = reference.run(ids)
    for sizes in ([70], [63, 1, 1, 5]):
        sequence, at, parts = model.sequence(), 0, []
        for size in sizes:
            parts += model.step([(sequence, ids[at : at + size])])
            at += size
        hidden = np.concatenate([h for h, _ in parts], axis=1)
        assert_same(Result(hidden, np.concatenate([logits for _, logits in parts])), want)


# Vectors of 5 in three layers: a sum over all tokens, a product, another sum.
LOOPS = """
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    %c7 = arith.constant 7 : index
    %n = memref.dim FIRST, %c0 : TYPE
    scf.for %t = %c0 to %n step %c1 {
      scf.for %h = %c0 to LIMIT step %c1 {
BODY
      }
    }
    return
"""
ROWS = "memref<Tx5xf32>"


def function(name: str, body: str, arguments: str, first: str, limit: str, tokens: str) -> str:
    kind = next(a.split(": ", 1)[1] for a in arguments.split(", %") if first[1:] in a.split(":")[0])
    loops = LOOPS.replace("FIRST", first).replace("TYPE", kind)
    text = f"  func.func @{name}({arguments}) {{{loops}  }}\n"
    text = text.replace("LIMIT", limit).replace("BODY", body)
    return text.replace("<Tx", f"<{tokens}x")


def toy() -> str:
    layer = f"%layer: index, %x: {ROWS}, %p: memref<Txi32>, "
    text = ""
    for tokens, suffix in (("1", "decode"), ("?", "prefill")):
        text += function(
            f"embed.{suffix}",
            """        %token = memref.load %tokens[%t] : memref<Txi32>
        %value = arith.sitofp %token : i32 to f32
        %h32 = arith.index_cast %h : index to i32
        %feature = arith.sitofp %h32 : i32 to f32
        %sum = arith.addf %value, %feature : f32
        memref.store %sum, %y[%t, %h] : memref<Tx5xf32>""",
            f"%tokens: memref<Txi32>, %y: {ROWS}", "%tokens", "%c5", tokens,
        )  # fmt: skip
        text += function(
            f"layer.sum.{suffix}",
            """        %address = tern.state_address %state[%t] : !tern.state<bytes = 40>
        %bytes = tern.from_address %address : memref<40xi8>
        %c20 = arith.constant 20 : index
        %start = arith.muli %layer, %c20 : index
        %sums = memref.view %bytes[%start][] : memref<40xi8> to memref<5xf32>
        %old = memref.load %sums[%h] : memref<5xf32>
        %new = memref.load %x[%t, %h] : memref<Tx5xf32>
        %sum = arith.addf %old, %new : f32
        memref.store %sum, %sums[%h] : memref<5xf32>
        memref.store %sum, %y[%t, %h] : memref<Tx5xf32>""",
            f"{layer}%state: !tern.state<bytes = 40>, %y: {ROWS}", "%x", "%c5", tokens,
        )  # fmt: skip
        text += function(
            f"layer.scale.{suffix}",
            """        %w = tern.get_weight @w[%layer] : memref<5xf32>
        %a = memref.load %x[%t, %h] : memref<Tx5xf32>
        %b = memref.load %w[%h] : memref<5xf32>
        %product = arith.mulf %a, %b : f32
        memref.store %product, %y[%t, %h] : memref<Tx5xf32>""",
            f"{layer}%y: {ROWS}", "%x", "%c5", tokens,
        )  # fmt: skip
        text += function(
            f"head.{suffix}",
            """        %feature = arith.remui %h, %c5 : index
        %value = memref.load %x[%t, %feature] : memref<Tx5xf32>
        memref.store %value, %logits[%t, %h] : memref<Tx7xf32>""",
            f"%x: {ROWS}, %logits: memref<Tx7xf32>", "%x", "%c7", tokens,
        )  # fmt: skip
    return (
        'module attributes {tern.layer_kinds = ["layer.sum", "layer.scale"], tern.max_tokens = 8 : i64,\n'
        "    tern.weights_bytes = 64 : i64, tern.weights_id = 5 : ui64,\n"
        '    tern.target = #tern.target<triple = "x86_64-pc-linux-gnu", cpu = "x86-64", features = "">,\n'
        '    tern.model = #tern.model<name = "toy", vocab = 7, hidden = 5, layers = 3, max_context = 40>} {\n'
        '  tern.weight @w per_layer <values> ["w.{}"] offset 0 kind "layer.scale" stride 64 : tensor<5xf32>\n'
        + text
        + "}\n"
    )


class Toy(CompiledModel):
    SCALES = np.array([0.5, -1.25, 3, 1e-3, 7], np.float32)

    def _read_weights(self, path: Path):
        section = np.zeros(64, np.uint8)
        section[:20] = self.SCALES.view(np.uint8)
        return self.buffer(section)


def test_a_kind_that_keeps_a_sum(tern, tmp_path):
    passes = ["plan-state", "plan-scratch", "bind-model", "outline-parallel"]
    optimizer = Path(tern).with_name("tern-opt")
    if not optimizer.exists() or os.uname().machine != "x86_64":
        pytest.skip("no tern-opt beside tern, or another machine")
    command = [str(optimizer), *(f"--tern-{name}" for name in passes)]
    done = subprocess.run(command, input=toy(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "toy.mlir").write_text(done.stdout)
    out = ["--emit=obj", "-o", str(tmp_path / "toy.o")]
    run_driver([tern, "compile", str(tmp_path / "toy.mlir"), "--compile-from=kernels", *out])
    model = Toy(tmp_path / "toy", CC)
    m = model.model
    assert (m.kind_count, m.is_recurrent, m.kv_bits) == (2, 1, 0)
    assert (m.state_fixed_bytes, m.state_block_bytes) == (64 + 64, 0)

    ids = np.random.default_rng(5).integers(0, 7, 30)
    first = np.cumsum(ids[:, None] + np.arange(5), axis=0, dtype=np.float32)
    scaled = first * Toy.SCALES
    second, total = np.zeros_like(scaled), np.zeros(5, np.float32)
    for t, row in enumerate(scaled):
        total = total + row
        second[t] = total
    want = Result(np.stack([first, scaled, second]), second[:, np.arange(7) % 5])
    for sizes in ([30], [1] * 30, [7, 20, 3]):
        sequence, other, at, parts = model.sequence(), model.sequence(), 0, []
        for size in sizes:
            part, _ = model.step([(sequence, ids[at : at + size].tolist()), (other, [3])])
            parts.append(part)
            at += size
        hidden = np.concatenate([h for h, _ in parts], axis=1)
        assert_same(Result(hidden, np.concatenate([logits for _, logits in parts])), want)
