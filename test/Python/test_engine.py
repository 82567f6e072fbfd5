# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The engine over compiled models: an answer does not depend on who else is there.

Needs TERN_BINARY in a build folder; without it these tests are skipped. The engine
itself is tested with a model written by hand, test/Runtime/Engine*.cpp.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cached import compiled_once
from conftest import MODELS, in_turn, model_directory
from test_driver import run


@pytest.mark.parametrize("name, target", in_turn([*MODELS, "shakespeare-qwen3"], lambda _: False))
def test_crowds_get_the_answers_of_each_alone(tern, name, target):
    """To the bit, while prompts are read in pieces and beginnings are copied."""
    crowd = Path(tern).with_name("tern-engine-crowd")
    if not crowd.exists():
        pytest.skip(f"{crowd} is not built")
    folder = compiled_once(tern, model_directory(name), ["--emit=shared", f"--target={target}"])
    requests = 5 if target == "generic" else 60  # portable code is slow
    done = run(crowd, folder / "bard.so", 1, requests)
    assert done.returncode == 0, done.stderr
    counts = dict(re.findall(r"(\w+) (\d+)", done.stdout))
    # Prompt tokens are read or taken; there are three common beginnings, which a
    # few requests share less.
    least = 4 if requests == 60 else 8
    assert int(counts["reused"]) > int(counts["read"]) / least > 0
