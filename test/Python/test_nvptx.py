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
from cases import CASES, Case
from conftest import MODELS, ROOT, model_directory
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
    assert len(products) >= 9
    for kernel in products:
        assert "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32" in kernel
        assert "ld.global.v4.b32" in kernel


# One layer of the shape of BitNet b1.58 2B-4T.
LARGE = dict(hidden=2560, intermediate=6912, heads=20, kv_heads=5, head_dim=128)
# One of Qwen3-0.6B's with scales of groups.
GROUPS = dict(
    family="qwen3", hidden=1024, intermediate=3072, heads=16, kv_heads=8, head_dim=128,
    scales="group", group_size=128,
)  # fmt: skip
OWN = {
    "2B-4T": Case(1, dict(**LARGE, layers=1, vocab=64)),
    "groups": Case(1, dict(**GROUPS, layers=1, vocab=64)),
}
SHAPES = (*MODELS, "h204-g688-d100", "master-parts", *OWN)
KNOWN_SPILLS = {("sm_120", "layer_decode_1_kv_append_attention"): 8}  # bytes
CLASSES = {"one token": "decode", "a few": "few", "many": "prefill"}


def read_limits() -> dict[str, dict[str, int]]:
    """The table of docs/nvidia.md: architecture -> class -> registers of its products."""
    text = (ROOT / "docs" / "nvidia.md").read_text()
    table = re.search(r"^\| registers \|.*?\n\n", text, re.M | re.S)
    head, _, *rows = [line.strip("| ").split(" | ") for line in table[0].strip().splitlines()]
    return {
        arch: {CLASSES[row[0].removeprefix("products of ")]: int(row[i]) for row in rows}
        for i, arch in enumerate(head[1:], 1)
    }


def find_model(name: str, work: Path) -> Path:
    if name in MODELS:
        return model_directory(name)
    case = OWN.get(name) or CASES[name]
    case.build(work / "model")
    return work / "model"


@pytest.mark.parametrize("name", SHAPES)
def test_registers(tern, name, tmp_path):
    """None spills but KNOWN_SPILLS; products have room beside others, as the docs say."""
    if not PTXAS:
        pytest.skip("no ptxas")
    source = tmp_path / "bard.ptx"
    command = [tern, "compile", str(find_model(name, tmp_path)), "--target=nvptx-sm_80"]
    run_driver([*command, "--emit=asm", "-o", str(source)])
    kernels = re.split(r"^\.visible \.entry ", source.read_text(), flags=re.M)[1:]
    in_tensor_cores = {text.split("(")[0] for text in kernels if "mma.sync" in text}
    limits = read_limits()
    assert set(limits) == {"sm_80", "sm_90", "sm_100", "sm_120"}
    runs = {
        arch: subprocess.Popen(
            [PTXAS, f"-arch={arch}", "-v", str(source), "-o", str(tmp_path / arch)],
            stderr=subprocess.PIPE, text=True,
        )
        for arch in limits
    }
    for arch, run in runs.items():
        said = run.communicate()[1]
        assert run.returncode == 0, said
        parts = re.split(r"Compiling entry function '(\w+)'", said)[1:]
        for kernel, text in zip(parts[::2], parts[1::2]):
            spilled = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", text)
            allowed = KNOWN_SPILLS.get((arch, kernel), 0)
            assert max(map(int, spilled.groups())) <= allowed, (arch, kernel, spilled[0])
            product = re.match(r"layer_(decode|few|prefill)_\d+.*_proj", kernel)
            if product:
                assert kernel in in_tensor_cores
                registers = int(re.search(r"Used (\d+) registers", text)[1])
                assert registers <= limits[arch][product[1]], (arch, kernel, registers)


def test_launches_of_2b4t(tern, tmp_path):
    """Five a layer; those of 2B-4T are all alike."""
    OWN["2B-4T"].build(tmp_path / "model")
    command = [tern, "compile", str(tmp_path / "model"), "-o", str(tmp_path / "bard.o")]
    run_driver([*command, "--target=nvptx-sm_80", f"--save-stages={tmp_path / 'stages'}"])
    kernels = (tmp_path / "stages" / "05-kernels.mlir").read_text()
    launches = {
        function: re.findall(r"@(\w+)", names)
        for function, names in re.findall(r"(\w+)\.decode = \[(.*?)\]", kernels)
    }
    assert launches["layer"] == [
        "layer_decode_0_q_proj_k_proj_v_proj",
        "layer_decode_1_kv_append_attention",
        "layer_decode_2_o_proj",
        "layer_decode_3_up_proj_gate_proj",
        "layer_decode_4_down_proj",
    ]
    chosen = re.search(r"best\.prefill = \[(.*?)\]", kernels)[1].count("@")
    # A token of 30 layers.
    layers, others = len(launches["layer"]), len(launches["embed"]) + len(launches["head"])
    assert 30 * layers + others + chosen == 153
