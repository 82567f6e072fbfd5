# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every model of cases.py on the GPU that test/Device interprets: a CPU's bits.

No part of the tests, which take some of them (test_gpu.py):

    TERN_BINARY=build/bin/tern python3 -m pytest test/Python/gpu_cases.py
"""

from __future__ import annotations

import pytest
from cases import CASES
from test_gpu import assert_as_native, build_programs, find_library  # noqa: F401

COUNTS = (1, 5, 9, 40)  # one token, a few, more of them, many


@pytest.mark.parametrize("name", CASES)
def test_case(tern, program, name):
    ids = CASES[name].ids()
    longest = [] if len(ids) <= max(COUNTS) else [ids]
    texts = [(ids * count)[:count] for count in COUNTS]
    assert_as_native(tern, program(name), CASES[name], texts + longest)
