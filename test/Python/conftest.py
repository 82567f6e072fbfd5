# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Paths and fixtures of the Python tests.

Run from the repository root: `python3 -m pytest test/Python`, with `-m slow`
for what takes minutes, and with TERN_BINARY set for compiled models.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

MODELS = ("shakespeare-a48", "shakespeare-b158")


def model_directory(name: str) -> Path:
    return ROOT / "test" / "models" / name


def need_main_thread() -> None:
    """Skips a test that sets signals where pytest's worker runs it in another thread."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("only the main thread may set signals")


X86_LEVELS = {
    "x86-64-v3": {"avx2", "bmi2", "fma", "f16c"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni"},
}


def executable_targets() -> list[str]:
    """The targets in TERN_TARGETS, or all that this machine can run."""
    if os.environ.get("TERN_TARGETS"):
        return os.environ["TERN_TARGETS"].split(",")
    targets, info = ["generic"], Path("/proc/cpuinfo")
    if platform.machine() == "x86_64" and info.exists():
        flags = {word for line in info.read_text().splitlines() if line.startswith("flags")
                 for word in line.split()}  # fmt: skip
        targets += [name for name, needed in X86_LEVELS.items() if needed <= flags]
    return targets


TARGETS = executable_targets()


def in_turn(names: Iterable, twice: Callable[[str], bool] = lambda name: True) -> list:
    """(name, target) of each name for one target in turn, `twice` for the widest too.

    A target is four seconds of compiling; the pairs left out are slow tests.
    """
    runs = []
    for index, name in enumerate(names):
        chosen = {TARGETS[index % len(TARGETS)]}
        if twice(name):
            chosen.add(TARGETS[-1])
        for target in TARGETS:
            marks = () if target in chosen else pytest.mark.slow
            runs.append(pytest.param(name, target, marks=marks))
    return runs


@pytest.fixture(scope="session")
def tern() -> str:
    path = os.environ.get("TERN_BINARY")
    if not path:
        pytest.skip("TERN_BINARY is not set: no compiler to compare")
    return path


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes; skipped unless -m names it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The longest first: last, they would keep one of two workers waiting.
    items.sort(key=lambda item: item.path.name != "test_tune.py")
    if "slow" in (config.option.markexpr or ""):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; run with -m slow"))


@pytest.fixture(scope="session")
def bundled():
    """name -> loaded checkpoint of a bundled model."""
    from tern_reference.checkpoint import load

    loaded = {}

    def get(name: str):
        if name not in loaded:
            loaded[name] = load(model_directory(name))
        return loaded[name]

    return get
