# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Copies of a bundled model with one thing wrong, for tests of refusals."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Callable

from conftest import MODELS, model_directory

FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json")
Q0 = "model.layers.0.self_attn.q_proj.weight"


def copy_model(to: Path, name: str = MODELS[0]) -> Path:
    """A model's directory without the golden files."""
    to.mkdir(parents=True)
    for file in FILES:
        shutil.copy(model_directory(name) / file, to / file)
    return to


def edit_config(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        path = directory / "config.json"
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))

    return damage


def edit_header(change: Callable[[dict], None]) -> Callable[[Path], None]:
    """Changes the header of model.safetensors; the data stay."""

    def damage(directory: Path) -> None:
        path = directory / "model.safetensors"
        blob = path.read_bytes()
        size = struct.unpack("<Q", blob[:8])[0]
        header = json.loads(blob[8 : 8 + size])
        change(header)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + blob[8 + size :])

    return damage


def edit_tensor(name: str, change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    """Changes the bytes of one tensor."""

    def damage(directory: Path) -> None:
        path = directory / "model.safetensors"
        blob = bytearray(path.read_bytes())
        size = struct.unpack("<Q", blob[:8])[0]
        begin, end = json.loads(blob[8 : 8 + size])[name]["data_offsets"]
        data = blob[8 + size + begin : 8 + size + end]
        change(data)
        blob[8 + size + begin : 8 + size + end] = data
        path.write_bytes(blob)

    return damage


def edit_bytes(change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    """Changes the bytes of model.safetensors as a whole."""

    def damage(directory: Path) -> None:
        path = directory / "model.safetensors"
        blob = bytearray(path.read_bytes())
        change(blob)
        path.write_bytes(blob)

    return damage


def remove(file: str) -> Callable[[Path], None]:
    return lambda directory: (directory / file).unlink()


def _assign(at: int, value: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[at] = value

    return change


def _set_length(value: int) -> Callable[[bytearray], None]:
    def change(blob: bytearray) -> None:
        blob[:8] = struct.pack("<Q", value)

    return change


def _cut(blob: bytearray) -> None:
    del blob[-100:]


def _append(blob: bytearray) -> None:
    blob += b"more"


def _nan(data: bytearray) -> None:
    width = len(data)
    data[:] = {2: b"\xc0\x7f", 4: b"\0\0\xc0\x7f"}[width]


def _set(**values) -> Callable[[dict], None]:
    return lambda config: config.update(values)


def _scheme(config: dict) -> None:
    config["activation_quantization"]["q_proj"]["scheme"] = "int3_guess"


def _shift(by: int) -> Callable[[dict], None]:
    def change(header: dict) -> None:
        header[Q0]["data_offsets"] = [x + by for x in header[Q0]["data_offsets"]]

    return change


def _retype(header: dict) -> None:
    header[Q0]["dtype"] = "I8"


def _reshape(header: dict) -> None:
    header[Q0]["shape"] = header[Q0]["shape"][::-1]


def _drop(header: dict) -> None:
    last = max(header, key=lambda n: header[n].get("data_offsets", [0, 0])[1])
    header["renamed"] = header.pop(last)


# name -> (what to do to a copy, words its refusal must have)
DAMAGES: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "no_config": (remove("config.json"), ("config.json",)),
    "no_tensors": (remove("model.safetensors"), ("model.safetensors",)),
    "truncated": (edit_bytes(_cut), ("model.safetensors",)),
    "tail": (edit_bytes(_append), ("model.safetensors",)),
    "header_beyond_file": (edit_bytes(_set_length(1 << 25)), ("model.safetensors",)),
    "header_oversized": (edit_bytes(_set_length(1 << 62)), ("model.safetensors", "header")),
    "out_of_range": (edit_header(_shift(1 << 40)), ("model.safetensors", Q0)),
    "overlap": (edit_header(_shift(-8)), ("model.safetensors",)),
    "dtype": (edit_header(_retype), ("model.safetensors", Q0, "I8")),
    "shape": (edit_header(_reshape), ("model.safetensors", Q0)),
    "missing_tensor": (edit_header(_drop), ("model.",)),
    "config_shape": (edit_config(_set(intermediate_size=516)), ("model.safetensors", "516")),
    "code_three": (edit_tensor(Q0, _assign(77, 0xFF)), ("model.safetensors", Q0, "3")),
    "nan_scale": (edit_tensor(Q0 + "_scale", _nan), ("model.safetensors", Q0 + "_scale")),
    "hidden_act": (edit_config(_set(hidden_act="gelu")), ("config.json", "hidden_act", "gelu")),
    "scheme": (edit_config(_scheme), ("config.json", "int3_guess")),
    "field": (edit_config(_set(flux_capacitor=1)), ("config.json", "flux_capacitor")),
    "layers": (edit_config(_set(num_hidden_layers=6)), ("model.layers.5",)),
}  # fmt: skip
