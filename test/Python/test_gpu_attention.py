# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention by the warps of a GPU beside a CPU's: widths of caches, sizes and groups of heads,
short texts and long ones, one token, many and batches, with the cache carried between both.

The program that compares is test/Device/attend.c. Needs TERN_BINARY, and the library that
interprets PTX beside it in the build folder.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from tern_reference.synth import synthesize
from test_compiled import run_driver
from test_gpu import find_library  # noqa: F401

# bits of the cache, those of position 0, of a query; query heads, kv heads, head_dim; context;
# tokens that the CPU takes, then both, and how many of these at a time.
CASES = {
    "3-bits": ((3, 4, 8), (3, 1, 64), 2100, [(0, 5, 5), (63, 3, 1), (513, 2, 1), (2000, 6, 5)]),
    "3-bits-int4-queries": ((3, 4, 4), (4, 2, 100), 200, [(0, 66, 66), (62, 4, 1)]),
    "4-bits": ((4, 4, 8), (8, 1, 128), 700, [(1, 9, 9), (62, 3, 1), (640, 1, 1)]),
    "8-bits": ((8, 8, 8), (15, 5, 20), 200, [(0, 5, 5), (62, 3, 1)]),
    "16-bits": ((16, 16, 8), (4, 2, 100), 2100, [(0, 40, 40), (63, 3, 1), (2000, 4, 3)]),
    "many-heads": ((3, 3, 8), (12, 1, 64), 700, [(0, 5, 5), (62, 3, 1), (520, 1, 1)]),
    "many-heads-16-bits": ((16, 16, 8), (11, 1, 44), 700, [(0, 3, 3), (64, 1, 1), (520, 1, 1)]),
}  # fmt: skip


@pytest.fixture(scope="session", name="attend")
def compile_attend(tern, tmp_path_factory) -> str:
    output = tmp_path_factory.mktemp("attend") / "attend"
    build = Path(tern).resolve().parents[1]
    libraries = [build / "lib" / f"libtern_{part}.a" for part in ("host", "core")]
    flags = ["-D_GNU_SOURCE", f"-I{ROOT / 'runtime/include'}", "-o", str(output)]
    source = ROOT / "test" / "Device" / "attend.c"
    command = ["cc", *flags, str(source), *map(str, libraries), "-lm", "-pthread", "-ldl"]
    subprocess.run(command, check=True)
    return str(output)


@pytest.mark.parametrize("name", CASES)
def test_attention(tern, library, attend, name, tmp_path):  # noqa: F811
    (bits, first_bits, query_bits), (heads, kv_heads, head_dim), context, runs = CASES[name]
    model = tmp_path / "model"
    synthesize(
        model, tokenizer=False, hidden=64, intermediate=64, layers=1, vocab=64, heads=heads,
        kv_heads=kv_heads, head_dim=head_dim, context=context,
    )  # fmt: skip
    flags = ["--kv-bits", str(bits), "--bos-bits", str(first_bits), "--q-bits", str(query_bits)]
    files = []
    for stem, target in (("cpu", "native"), ("gpu", "nvptx-sm_80")):
        output = tmp_path / f"{stem}.so"
        command = [tern, "compile", str(model), "--emit=shared", f"--target={target}", *flags]
        run_driver([*command, "-o", str(output)])
        files += [str(output), str(output.with_suffix(".weights"))]
    for run in runs:
        done = subprocess.run(
            [attend, *files, *map(str, run)], capture_output=True, text=True, check=False,
            env={**os.environ, "LD_LIBRARY_PATH": library},
        )  # fmt: skip
        assert done.stdout == "logits equal\nstates equal\nbatches equal\n", (run, done.stderr)
        assert done.returncode == 0
