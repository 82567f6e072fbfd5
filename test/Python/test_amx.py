# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models compiled for AMX, on this processor or in an emulation of its instructions
(test/Emulation): every bit as the reference has it.

Needs TERN_BINARY, and a processor with AVX-512 and its VNNI.
"""

from __future__ import annotations

import ctypes as c
import json
import subprocess
from pathlib import Path

import pytest
from abi import CompiledModel
from conftest import ROOT, model_directory
from tern_reference.model import Result
from test_compiled import assert_same, run_driver
from test_golden import golden

SYS_ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18
CPU = "x86-64-v4+avx512vnni+amx-tile+amx-int8"
# A layout that the table takes for larger models, of 1.6 bits a digit.
GROUPS = [{"projection": "*_proj", "layout": "groups_in_lanes"}]


def has_flag(flag: str) -> bool:
    """True if Linux says so of an x86-64 processor."""
    info = Path("/proc/cpuinfo")
    return info.exists() and f" {flag} " in info.read_text().replace("\n", " ")


pytestmark = pytest.mark.skipif(
    not has_flag("avx512_vnni"), reason="no processor with AVX-512 under Linux"
)


@pytest.fixture(scope="module")
def amx(tmp_path_factory) -> c.CDLL:
    """The emulation, which has this process's permission for tiles."""
    library = tmp_path_factory.mktemp("amx") / "amx.so"
    sources = [ROOT / "test/Emulation" / name for name in ("amx.c", "tiles.c")]
    command = ["cc", "-std=c11", "-O2", "-shared", "-fPIC", "-o", library, *sources]
    subprocess.run([*command, "-ldl", "-lpthread"], check=True)
    loaded = c.CDLL(str(library))
    loaded.amx_products.restype = c.c_ulong
    if loaded.syscall(SYS_ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) != 0:
        pytest.skip("the operating system refuses tiles")
    return loaded


def check(tern: str, amx: c.CDLL, work: Path, name: str, flags: list[str]) -> None:
    """All golden tokens in one pass, so products of many tokens are in tiles."""
    base = work / "bard"
    command = [tern, "compile", str(model_directory(name)), "--emit=obj", "--name=bard"]
    run_driver([*command, *flags, "-o", str(base)])
    want = golden(name)
    tokens = want.f32("tokens").astype(int).tolist()
    model = CompiledModel(base)
    before = amx.amx_products()
    [(hidden, logits)] = model.step([(model.sequence(), tokens)], workers=2, order="threads")
    if amx.amx_is_emulated():
        assert amx.amx_products() > before
    expected = Result(want.f32("config.hidden"), want.f32("config.logits"))
    assert_same(Result(hidden, logits), expected)


def test_bundled(tern, amx, tmp_path):
    check(tern, amx, tmp_path, "shakespeare-b158", [f"--cpu={CPU}"])


@pytest.mark.skipif(not has_flag("avx512vbmi"), reason="no processor with AVX-512 VBMI")
def test_groups(tern, amx, tmp_path):
    rules = tmp_path / "strategy.json"
    rules.write_text(json.dumps(GROUPS))
    flags = [f"--cpu={CPU}+avx512vbmi", f"--strategy={rules}"]
    check(tern, amx, tmp_path, "shakespeare-a48", flags)
