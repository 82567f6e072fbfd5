# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small safetensors reader and writer: one tensor in memory at a time.

The format: u64 header length, JSON header {name: dtype, shape, data_offsets},
then the bytes. A model is one file or shards named by an index.
"""

from __future__ import annotations

import json
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable

import numpy as np

from .numerics import widen_bf16

_NUMPY_TYPE = {
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "BF16": np.dtype("<u2"),
    "U32": np.dtype("<u4"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
}
_MAX_HEADER = 100 << 20


class FormatError(ValueError):
    """The file is not what its format says; the message names the file."""


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies: bytes [begin, end) of `path`."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_header(path: Path) -> dict[str, Entry]:
    """The tensors of one file, checked against its length."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        prefix = file.read(8)
        if len(prefix) < 8:
            raise FormatError(f"{path}: too short for a safetensors header")
        (length,) = struct.unpack("<Q", prefix)
        if length > min(_MAX_HEADER, size - 8):
            raise FormatError(f"{path}: header of {length} bytes in a file of {size}")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise FormatError(f"{path}: header is not JSON: {error}") from None
    header.pop("__metadata__", None)
    return {k: _entry(path, k, v, 8 + length, size) for k, v in header.items()}


def _entry(path: Path, name: str, record: dict, data: int, size: int) -> Entry:
    dtype, shape = record["dtype"], tuple(record["shape"])
    begin, end = (data + o for o in record["data_offsets"])
    if dtype not in _NUMPY_TYPE:
        raise FormatError(f"{path}: tensor '{name}' has unknown type {dtype}")
    expected = math.prod(shape) * _NUMPY_TYPE[dtype].itemsize
    if not data <= begin <= end <= size or end - begin != expected:
        raise FormatError(
            f"{path}: tensor '{name}' needs {expected} bytes, has [{begin}, {end}) of {size}"
        )
    return Entry(path, dtype, shape, begin, end)


class Reader:
    """All tensors of a model directory (one file or shards) or of one file."""

    def __init__(self, path: str | os.PathLike):
        path = Path(path)
        self.entries: dict[str, Entry] = {}
        for file in _files(path):
            self.entries.update(read_header(file))

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def raw(self, name: str) -> np.ndarray:
        """The stored numbers; bf16 comes as its uint16 bit patterns."""
        if name not in self.entries:
            raise FormatError(f"no tensor '{name}' in the checkpoint")
        entry = self.entries[name]
        kind = _NUMPY_TYPE[entry.dtype]
        count = (entry.end - entry.begin) // kind.itemsize
        array = np.fromfile(entry.path, kind, count, offset=entry.begin)
        return array.reshape(entry.shape)

    def f32(self, name: str) -> np.ndarray:
        """A float tensor, widened to float32 exactly."""
        array = self.raw(name)
        dtype = self.entries[name].dtype
        if dtype not in ("BF16", "F16", "F32"):
            raise FormatError(f"tensor '{name}' is {dtype}, expected a float type")
        return widen_bf16(array) if dtype == "BF16" else array.astype(np.float32)


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    index = path / "model.safetensors.index.json"
    if index.exists():
        names = json.loads(index.read_text())["weight_map"].values()
        return [path / name for name in sorted(set(names))]
    return [path / "model.safetensors"]


@dataclass(frozen=True)
class Pending:
    """A tensor to be written; `make` is called once, when its turn comes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    make: Callable[[], Iterable[np.ndarray]]  # its rows, in pieces

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * _NUMPY_TYPE[self.dtype].itemsize


def write(path: Path, tensors: list[Pending]) -> None:
    """One file, tensors in the given order, streamed."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        header[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            before = file.tell()
            for piece in tensor.make():
                file.write(np.ascontiguousarray(piece, _NUMPY_TYPE[tensor.dtype]).data)
            if file.tell() - before != tensor.nbytes:
                raise FormatError(f"{tensor.name}: wrote {file.tell() - before} bytes")


def write_shards(directory: Path, tensors: list[Pending], shards: int) -> None:
    """`model.safetensors`, or `shards` files of similar size and their index."""
    if shards <= 1:
        write(directory / "model.safetensors", tensors)
        return
    total = sum(t.nbytes for t in tensors)
    groups: list[list[Pending]] = [[] for _ in range(shards)]
    done = 0
    for tensor in tensors:
        groups[min(shards - 1, done * shards // total)].append(tensor)
        done += tensor.nbytes
    groups = [g for g in groups if g]
    weight_map = {}
    for number, group in enumerate(groups, 1):
        name = f"model-{number:05}-of-{len(groups):05}.safetensors"
        write(directory / name, group)
        weight_map.update({t.name: name for t in group})
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    text = json.dumps(index, indent=2, sort_keys=True)
    (directory / "model.safetensors.index.json").write_text(text + "\n")
