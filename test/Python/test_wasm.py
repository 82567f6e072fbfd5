# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Vectors of WebAssembly: each kernel by itself, of the largest codes and digits too.

Needs TERN_BINARY, clang, wasm-ld and node.
"""

from __future__ import annotations

import pytest
import test_embedded
from boards import need, run_quietly
from conftest import ROOT
from test_compiled import run_driver

CHECK = """
import { readFileSync } from "node:fs";
let memory;
const test = {
  report(name, ...numbers) {
    const bytes = new Uint8Array(memory.buffer, name, 64);
    const text = String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
    console.error(`${text}: row, token, expected, got: ${numbers}`);
  },
};
const bytes = readFileSync(process.argv[2]);
const { instance } = await WebAssembly.instantiate(bytes, { test });
memory = instance.exports.memory;
const compared = instance.exports.check();
if (compared <= 0) process.exit(1);
console.log(compared);
"""


@pytest.mark.parametrize("board", ["wasm32-simd128", "wasm32-relaxed"])
def test_products(tern, tmp_path, board):
    """Each kernel of the table."""
    machine = test_embedded.BOARDS[board]
    need("clang", "wasm-ld", machine.run[0])
    target = [f"--target={machine.triple}", f"--cpu={machine.cpu}"]
    run_driver([tern, "tune", "--family", *target, "-o", str(tmp_path / "family.o")])
    run_quietly(
        "clang", f"--target={machine.triple}", "-std=gnu11", "-O2", "-ffreestanding", "-nostdlib",
        "-msimd128", "-Wl,--no-entry", "-Wl,--export=check", "-z", "stack-size=65536",
        ROOT / "test/Target/WebAssembly/products.c", "family.o", "-o", "products", cwd=tmp_path,
    )  # fmt: skip
    (tmp_path / "check.mjs").write_text(CHECK)
    assert int(run_quietly(*machine.run, "check.mjs", "products", cwd=tmp_path)) > 0
