# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference against formulas in double precision that share nothing with it.

With activations that stay floats the two agree as far as floats go. With integers, the
same formulas with the same rounding put in explain all of the difference.
"""

from __future__ import annotations

import numpy as np
import pytest
from double_precision import yarn, yarn_bounds


def test_yarn_of_the_published_8b():
    """Theta 1e6, 128 features, four times 16,384 (or 8,192) positions."""
    rope = {"factor": 4.0, "original_max_position_embeddings": 16384}
    assert yarn_bounds(128, 1e6, rope) == (20, 37)
    assert yarn_bounds(128, 1e6, rope | {"original_max_position_embeddings": 8192}) == (17, 34)
    angles, factor = yarn(128, 1e6, rope)
    assert factor == pytest.approx(1.138629, abs=5e-7)
    assert factor**2 == pytest.approx(1.296477, abs=5e-7)
    plain = 1e6 ** (-2.0 * np.arange(64) / 128)
    assert (angles[:21] == plain[:21]).all() and angles[37:] == pytest.approx(plain[37:] / 4)
