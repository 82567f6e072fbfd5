# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Vectors of WebAssembly: odd shapes, which the bundled models (test_embedded.py) lack.

Needs TERN_BINARY, clang, wasm-ld and node.
"""

from __future__ import annotations

import pytest
import test_embedded
from tern.synth import synthesize

# Rows and columns that end within tiles; scales of groups and of rows.
SHAPES = {
    "a48": dict(scheme="a48", hidden=204, intermediate=688, heads=2, head_dim=100),
    "groups": dict(scales="group", group_size=12, hidden=204, heads=3, head_dim=20, intermediate=60),
}


@pytest.mark.parametrize("board", ["wasm32-simd128", "wasm32-relaxed"])
def test_odd_shapes(tern, tmp_path, monkeypatch, board):
    for name, shape in SHAPES.items():
        synthesize(tmp_path / name, layers=1, kv_heads=1, vocab=1024, tokenizer=True, **shape)
    monkeypatch.setattr(test_embedded, "MODELS", tuple(SHAPES))
    monkeypatch.setattr(test_embedded, "model_directory", lambda name: tmp_path / name)
    larger = test_embedded.PROGRAM.replace("memory[380 << 10]", "memory[4 << 20]")
    monkeypatch.setattr(test_embedded, "PROGRAM", larger)
    work = tmp_path / "work"
    work.mkdir()
    test_embedded.test_every_bit(tern, work, board)
