# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern compile --remarks`, and the names that people meet in IR and object files.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

from test_driver import A48, run


def test_remarks_say_what_was_chosen(tern, tmp_path):
    """A line each, with the function and the projection; nothing was given up."""
    flags = ["--compile-to=kernels", "--remarks", "--target=x86-64-v3", "-o", tmp_path / "k.mlir"]
    lines = run(tern, "compile", A48, *flags).stderr.splitlines()
    assert all(line.startswith("tern: remark: ") for line in lines)
    for words in (
        "layer: q_proj, k_proj, v_proj are one product of 320 x 192 digits",
        "layer.decode: up_proj: rows behind closed gates are not read [SkippedRows]",
        "down_proj: 192 x 512 digits in 32768 bytes, layout b2, columns,",
        "layer.decode: down_proj: contiguous columns, listed columns of 192 x 512 digits in b2, columns,",
        "layer.few: down_proj: contiguous columns of 192 x 512 digits in b2, columns,",
        "layer.prefill: down_proj: unpacked rows of 192 x 512 digits in b2, columns,",
    ):
        assert any(words in line for line in lines), words
    text = (tmp_path / "k.mlir").read_text()
    assert "func.func private @layer.decode.down_proj(" in text
    assert run(tern, "compile", A48, *flags).stderr.splitlines() == lines  # in one order


def test_symbols_are_called_after_projections(tern, tmp_path):
    flags = ["--emit=obj", "--target=x86-64-v3", "-o", tmp_path / "bard"]
    assert run(tern, "compile", A48, *flags).returncode == 0
    symbols = run("nm", tmp_path / "bard.o").stdout
    assert "layer.decode.up_proj" in symbols  # others are too small for threads
