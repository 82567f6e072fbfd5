# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models whose groups of columns have scales, on an interpreted GPU: a CPU's bits."""

from __future__ import annotations

import pytest
from cases import CASES
from test_gpu import assert_as_native, build_programs, find_library  # noqa: F401


@pytest.mark.parametrize(
    "name", ["blocks-groups-128", "blocks-32-groups-128", "scales-groups-256"]
)
def test_scales_of_groups(tern, program, name):
    """In each class of kernels: one token, a few, many."""
    ids = CASES[name].ids() * 5
    texts = [ids[:count] for count in (1, 9, 40)]
    assert_as_native(tern, program(name), CASES[name], texts)
