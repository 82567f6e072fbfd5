# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models compiled for AMX, on this processor or in an emulation of its instructions
(test/Emulation): every bit as the reference has it.

Needs TERN_BINARY, and a processor with AVX-512 and its VNNI.
"""

from __future__ import annotations

import ctypes as c
import platform
import subprocess
import sys

import pytest
from abi import CompiledModel
from conftest import MODELS, ROOT, TARGETS, model_directory
from tern.model import Result
from test_compiled import assert_same, run_driver
from test_golden import golden

SYS_ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18
CPU = "x86-64-v4+avx512vnni+amx-tile+amx-int8"

pytestmark = pytest.mark.skipif(
    "x86-64-v4" not in TARGETS or sys.platform != "linux" or platform.machine() != "x86_64",
    reason="no processor with AVX-512 under Linux",
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


@pytest.mark.parametrize("name", MODELS)
def test_bundled(tern, amx, tmp_path, name):
    """All golden tokens in one pass, so products of many tokens are in tiles."""
    base = tmp_path / "bard"
    command = [tern, "compile", str(model_directory(name)), "--emit=obj", f"--cpu={CPU}"]
    run_driver([*command, "--name=bard", "--remarks", "-o", str(base)])
    want = golden(name)
    tokens = want.f32("tokens").astype(int).tolist()
    model = CompiledModel(base)
    before = amx.amx_products()
    [(hidden, logits)] = model.step([(model.sequence(), tokens)], workers=2, order="threads")
    if amx.amx_is_emulated():
        assert amx.amx_products() > before
    assert_same(Result(hidden, logits), Result(want.f32("config.hidden"), want.f32("config.logits")))
