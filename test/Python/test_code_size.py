# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How large the code of the bundled model is on machines with and without vectors.

Needs TERN_BINARY. The limits leave a quarter of room above what was measured.
"""

from __future__ import annotations

import pytest
from conftest import MODELS, model_directory
from test_compiled import run_driver

#: KiB of the object, whose weights lie in another file.
LIMITS = {"riscv64-linux-gnu": 104, "wasm64-unknown-unknown": 82, "x86-64-v4": 180}


@pytest.mark.parametrize("target", LIMITS)
def test_bundled(tern, tmp_path, target):
    out = tmp_path / "bard.o"
    model = str(model_directory(MODELS[0]))
    run_driver([tern, "compile", model, f"--target={target}", "-o", str(out)])
    assert out.stat().st_size <= LIMITS[target] * 1024
