# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The schemes of docs/schemes.md by name, as objects of config.json."""

from __future__ import annotations

from typing import Any

Entry = dict[str, Any]

_INT8: Entry = {"scheme": "int8_absmax"}
_INT4: Entry = {"scheme": "int4_absmean"}
_FP4: Entry = {"scheme": "fp4_e2m1"}
_FLOAT: Entry = {"scheme": "f32"}
_MIXED: Entry = {"hadamard": True}
_HALF: Entry = {"topk": 0.5}


def _scheme(inputs: Entry, o: Entry, down: Entry) -> dict[str, Entry]:
    names = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    return {name: {"o_proj": o, "down_proj": down}.get(name, inputs) for name in names}


def _blocks(size: int) -> dict[str, Entry]:
    entry = {**_INT8, "block": size}
    return _scheme(entry, entry, entry)


# The last two are ablations of BitNet a4.8 (arXiv 2411.04965, 3.2).
SCHEMES = {
    "b1.58": _scheme(_INT8, _INT8, _INT8),
    "a4.8": _scheme(_INT4, {**_INT8, **_HALF}, _INT8),
    "a4.8-fp4": _scheme(_FP4, {**_FP4, **_HALF}, _INT8),
    "v2": _scheme(_INT4, {**_INT4, **_MIXED}, {**_INT4, **_MIXED}),
    "v2-a8": _scheme(_INT8, {**_INT8, **_MIXED}, {**_INT8, **_MIXED}),
    "int8-128": _blocks(128),
    "int8-32": _blocks(32),
    "float": _scheme(_FLOAT, _FLOAT, _FLOAT),
    "a4.8-all": _scheme(_INT4, _INT8, _INT8),
    "a4.8-down4": _scheme(_INT4, {**_INT8, **_HALF}, _INT4),
}

CHECKPOINT = "checkpoint"  # in a recipe: as the config of the checkpoint says that is trained on

# The first position's width beside the others, as docs/schemes.md has it.
CACHES: dict[str, dict[str, int]] = {
    "a4.8": {"bits": 3, "bos_bits": 4},
    "a4.8-fp4": {"bits": 3, "bos_bits": 4},
    "v2": {"bits": 3, "bos_bits": 8},
}
