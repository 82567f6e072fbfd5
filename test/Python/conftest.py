# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Paths and fixtures of the Python tests.

Run from the repository root: `python3 -m pytest test/Python`, with `-m slow`
for what takes minutes, and with TERN_BINARY set for compiled models.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

MODELS = ("shakespeare-a48", "shakespeare-b158")


def model_directory(name: str) -> Path:
    return ROOT / "test" / "models" / name


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes; skipped unless -m names it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in (config.option.markexpr or ""):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; run with -m slow"))


@pytest.fixture(scope="session")
def bundled():
    """name -> loaded checkpoint of a bundled model."""
    from tern.checkpoint import load

    loaded = {}

    def get(name: str):
        if name not in loaded:
            loaded[name] = load(model_directory(name))
        return loaded[name]

    return get
