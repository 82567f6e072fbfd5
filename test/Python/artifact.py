# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tells if two inputs are one model: the same code to the same weights."""

from __future__ import annotations

from pathlib import Path

from test_compiled import run_driver


def artifact(tern: str, model: Path, out: Path, *flags: str) -> dict[str, bytes]:
    """The source of code, and the weights; both follow from the phase `llvm`."""
    out.mkdir()
    flags = ("--target=generic", "--name=it", *flags)
    run_driver([tern, "compile", str(model), "-o", str(out / "it.mlir"),
                "--compile-to=llvm", *flags])  # fmt: skip
    run_driver([tern, "compile", str(model), "-o", str(out / "it.weights"),
                "--emit=weights", *flags])  # fmt: skip
    return {path.name: path.read_bytes() for path in out.iterdir()}


def assert_same_artifact(tern: str, model: Path, file: Path, out: Path, *flags: str) -> None:
    """`flags` are those that `file` needs."""
    out.mkdir()
    assert artifact(tern, file, out / "a", *flags) == artifact(tern, model, out / "b")
