# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The PTX of the bundled models: floats are exact, and NVIDIA's assembler takes it.

Needs TERN_BINARY; the assembler is used where there is one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import MODELS, model_directory
from test_compiled import run_driver

PTXAS = shutil.which("ptxas") or shutil.which("/usr/local/cuda/bin/ptxas")

# Rounded to nearest, subnormals kept, nothing contracted. Operations that never round, as
# max.f32, do not say how.
ROUNDED = re.compile(r"^\s*(?:@\S+\s+)?((?:add|sub|mul|div|rcp|sqrt|fma|mad)\.\S*f32(?:x2)?)\b", re.M)
FORBIDDEN = re.compile(r"\.ftz|\.approx|\.full|\bfma\.|\bmad\.\S*f32|\bex2\.|\blg2\.")


@pytest.fixture(scope="module", name="ptx", params=MODELS)
def compile_model(request, tern, tmp_path_factory) -> str:
    output = tmp_path_factory.mktemp("ptx") / "bard.ptx"
    command = [tern, "compile", str(model_directory(request.param)), "--target=nvptx-sm_80"]
    run_driver([*command, "--emit=asm", "-o", str(output)])
    return output.read_text()


def test_floats_are_exact(ptx):
    found = {match[1] for match in ROUNDED.finditer(ptx)}
    assert {"add.rn.f32", "mul.rn.f32", "div.rn.f32", "sqrt.rn.f32"} <= found
    assert all(".rn." in name for name in found), found
    assert not FORBIDDEN.findall(ptx)


def test_products_are_in_tensor_cores(ptx):
    kernels = re.split(r"^\.visible \.entry ", ptx, flags=re.M)[1:]
    products = [kernel for kernel in kernels if "_proj" in kernel.split("(")[0]]
    assert len(products) >= 10
    for kernel in products:
        assert "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32" in kernel
        assert "ld.global.v4.b32" in kernel


@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_100"])
def test_assembles(ptx, arch, tmp_path):
    """Without spills; products of one token leave registers for four blocks of 256 threads."""
    if not PTXAS:
        pytest.skip("no ptxas")
    source = Path(tmp_path / "bard.ptx")
    source.write_text(ptx)
    command = [PTXAS, f"-arch={arch}", "-v", str(source), "-o", str(tmp_path / "bard.cubin")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    parts = re.split(r"Compiling entry function '(\w+)'", done.stderr)[1:]
    for name, text in zip(parts[::2], parts[1::2]):
        assert re.search(r"\b0 bytes spill stores, 0 bytes spill loads", text), name
        registers = int(re.search(r"Used (\d+) registers", text)[1])
        if name.startswith("layer_decode") and "_proj" in name:
            assert registers <= 64, (name, registers)
