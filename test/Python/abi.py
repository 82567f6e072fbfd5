# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled models called through tern_step of tern/tern.h, with ctypes.

Linked from what `tern compile --emit=obj` writes: NAME.o with one symbol, and
NAME.weights, an artifact file (tern/artifact.h). Every buffer that a model is
given has guard bytes on both sides.
"""

from __future__ import annotations

import ctypes as c
import random
import re
import struct
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np

OK, BAD_ARGUMENT, BAD_TOKEN, CONTEXT_FULL = 0, 1, 2, 8  # tern_status of tern/tern.h
ABI_VERSION = 5
CLASS_COUNT = 3
GUARD = 256
GUARD_BYTE = 0xC5
RUNTIME = Path(__file__).resolve().parents[2] / "runtime"

TaskFn = c.CFUNCTYPE(None, c.c_void_p, c.c_uint32)
ParallelFn = c.CFUNCTYPE(None, c.c_void_p, TaskFn, c.c_void_p, c.c_uint32)


def read_structs() -> dict[str, type[c.Structure]]:
    """The structs of tern/abi.h, of the table that it is made of."""
    text = re.sub(r"/\*.*?\*/", "", (RUNTIME / "include/tern/abi.def").read_text(), flags=re.S)
    types = {"U32": c.c_uint32, "U64": c.c_uint64, "SIZE": c.c_size_t}
    pointers = {"tern_parallel_fn": ParallelFn, "const char *": c.c_char_p}
    structs: dict[str, type[c.Structure]] = {}
    for name, body in re.findall(r"TERN_STRUCT\((\w+)\)(.*?)TERN_END", text, re.S):
        fields = []
        for kind, arguments in re.findall(r"TERN_(\w+)\(([^)]*)\)", body):
            parts = [part.strip() for part in arguments.split(",")]
            if kind == "POINTER":
                fields.append((parts[1], pointers.get(parts[0], c.c_void_p)))
            elif kind == "POINTERS":
                assert parts[2] == "TERN_CLASS_COUNT"
                fields.append((parts[1], c.c_void_p * CLASS_COUNT))
            else:
                fields.append((parts[0], types[kind]))
        structs[name] = type(name, (c.Structure,), {"_fields_": fields})
    return structs


STRUCTS = read_structs()
Env, ModelStruct, Rows = STRUCTS["env"], STRUCTS["model"], STRUCTS["rows"]
FunctionFn = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p, c.c_size_t)


class Segment(c.Structure):
    """tern_segment of tern/tern.h."""

    _fields_ = [
        *[(n, c.c_void_p) for n in ("state", "tokens", "logits", "hidden")],
        *[(n, c.c_uint32) for n in ("n", "position", "logits_count", "reserved")],
        ("best", c.c_void_p),
        ("choice", c.c_void_p),
    ]


class Buffer:
    """Aligned memory between guard bytes, filled with what no model may rely on."""

    def __init__(self, nbytes: int, alignment: int = 64, fill: int = 0xFF):
        self._raw = np.full(nbytes + 2 * GUARD + alignment, GUARD_BYTE, np.uint8)
        self._at = GUARD + -(self._raw.ctypes.data + GUARD) % alignment
        self.bytes = self._raw[self._at : self._at + nbytes]
        self.bytes[:] = fill
        self.address = self.bytes.ctypes.data if nbytes else self._raw.ctypes.data + self._at

    def floats(self, *shape: int) -> np.ndarray:
        return self.bytes.view(np.float32).reshape(shape)

    def check(self, what: str) -> None:
        around = (self._raw[: self._at], self._raw[self._at + len(self.bytes) :])
        assert all((part == GUARD_BYTE).all() for part in around), f"wrote outside {what}"


class Scheduler:
    """A host's `parallel`: the tasks in some order, or on threads."""

    def __init__(self, order: str):
        self.order, self.largest = order, 0
        self.callback = ParallelFn(self._run)

    def _run(self, host, fn, arg, count) -> None:
        del host
        self.largest = max(self.largest, count)
        tasks = list(range(count))
        if self.order == "backward":
            tasks.reverse()
        elif self.order == "shuffled":
            random.Random(count).shuffle(tasks)
        if self.order != "threads":
            for i in tasks:
                fn(arg, i)
            return
        threads = [threading.Thread(target=fn, args=(arg, i)) for i in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@dataclass
class Sequence_:
    """One sequence: its state and how many tokens it holds."""

    state: Buffer
    position: int = 0


class CompiledModel:
    """NAME.o and NAME.weights of one `tern compile --emit=obj`, and the runtime's step."""

    def __init__(self, base: Path, cc: str = "cc"):
        library = base.with_suffix(".so")
        command = [cc, "-shared", "-fPIC", "-O2", f"-I{RUNTIME}/include", "-o", library]
        sources = [base.with_suffix(".o"), RUNTIME / "src/core/step.c"]
        subprocess.run([*command, *sources], check=True)
        self._library = c.CDLL(str(library))
        self._library.tern_model_scratch_bytes.restype = c.c_uint64
        self.model = ModelStruct.in_dll(self._library, f"tern_model_{base.name}")
        assert self.model.abi_version == ABI_VERSION
        assert self.model.size >= c.sizeof(ModelStruct)
        self.weights = self._read_weights(base.with_suffix(".weights"))
        self.scratches: dict[int, Buffer] = {}

    def scratch(self, workers: int) -> Buffer:
        """As large as a step with so many workers needs it."""
        if workers not in self.scratches:
            size = self._library.tern_model_scratch_bytes(c.byref(self.model), workers)
            self.scratches[workers] = Buffer(size, self.model.alignment)
        return self.scratches[workers]

    def buffer(self, contents: np.ndarray) -> Buffer:
        """A copy of bytes in memory as a model wants it."""
        buffer = Buffer(len(contents), self.model.alignment)
        buffer.bytes[:] = contents
        return buffer

    def _read_weights(self, path: Path) -> Buffer:
        with open(path, "rb") as file:
            magic, _, _, weights_id, _, offset, size = struct.unpack("<8sIIQQQQ", file.read(48))
            assert magic == b"TERNART1" and weights_id == self.model.weights_id
            assert size == self.model.weights_bytes
            buffer = Buffer(size, self.model.alignment)
            file.seek(offset)
            assert file.readinto(buffer.bytes.data) == size
        return buffer

    def sequence(self, tokens: int | None = None) -> Sequence_:
        """A state for so many tokens (None: the context), of zero bytes."""
        m = self.model
        blocks = -(-(tokens or m.max_context) // m.state_block_tokens)
        size = m.state_fixed_bytes + blocks * m.state_block_bytes
        return Sequence_(Buffer(size, m.alignment, fill=0))

    def step(
        self, work: Sequence[tuple[Sequence_, Sequence[int]]], workers: int = 1,
        order: str | None = None, logits_count: int | None = None, expect: int = OK,
    ) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
        """One call, a segment for each (sequence, tokens): (hidden, logits) of each."""
        m = self.model
        scheduler = Scheduler(order or "forward")
        env = Env(c.sizeof(Env), workers, scheduler.callback if order else ParallelFn(), None, None)
        segments, buffers = (Segment * len(work))(), []
        for segment, (sequence, tokens) in zip(segments, work):
            ids, n = np.array(tokens, np.int32), len(tokens)
            wanted = n if logits_count is None else min(n, logits_count)
            logits = Buffer(4 * wanted * m.vocab_size)
            hidden = Buffer(4 * m.layer_count * n * m.hidden_size)
            buffers.append((ids, logits, hidden, wanted))
            segment.state, segment.tokens = sequence.state.address, ids.ctypes.data
            segment.logits, segment.hidden = logits.address, hidden.address
            segment.n, segment.position, segment.logits_count = n, sequence.position, wanted
        scratch = self.scratch(workers)
        scratch.bytes[:] = 0xFF  # NaN: whatever a step finds there is not its own
        memory = [c.c_void_p(self.weights.address), c.c_void_p(scratch.address)]
        status = self._library.tern_step(
            c.byref(m), c.byref(env), *memory, segments, c.c_uint32(len(work))
        )
        assert status == expect, f"step answered {status}, expected {expect}"
        results = []
        for (sequence, tokens), (_, logits, hidden, wanted) in zip(work, buffers):
            for buffer, what in ((logits, "logits"), (hidden, "hidden"), (sequence.state, "state")):
                buffer.check(what)
            if status == OK:
                sequence.position += len(tokens)
            shape = (m.layer_count, len(tokens), m.hidden_size)
            results.append((hidden.floats(*shape), logits.floats(wanted, m.vocab_size)))
        scratch.check("scratch")
        self.weights.check("weights")
        return results

    def last(
        self, hidden: np.ndarray, workers: int = 1, order: str | None = None
    ) -> tuple[np.ndarray, int]:
        """The logits that `head` gives one row, and the token of `best`."""
        logits, best = self.last_of_rows(hidden[None], 0, workers, order)
        return logits[0], int(best[0])

    def last_of_rows(
        self, hidden: np.ndarray, kind: int, workers: int = 1, order: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same of some rows, by the functions for one, for few or for many."""
        m, count = self.model, len(hidden)
        assert count <= m.head_tokens
        scheduler = Scheduler(order or "forward")
        env = Env(c.sizeof(Env), workers, scheduler.callback if order else ParallelFn(), None, None)
        row = self.buffer(np.ascontiguousarray(hidden).view(np.uint8).reshape(-1))
        logits, best = Buffer(4 * count * m.vocab_size), Buffer(4 * count)
        scratch = self.scratch(workers)
        table = (c.c_void_p * count)(
            *(logits.address + 4 * i * m.vocab_size for i in range(count))
        )
        rows = Rows(
            count=count, input=row.address, logits=c.addressof(table), best=best.address
        )  # fmt: skip
        for function in (m.head[kind], m.best[kind]):
            scratch.bytes[:] = 0xFF
            FunctionFn(function)(
                c.addressof(env), self.weights.address, scratch.address, c.addressof(rows), 0
            )
        for buffer, what in ((logits, "logits"), (best, "best"), (scratch, "scratch")):
            buffer.check(what)
        return logits.floats(count, m.vocab_size), best.bytes.view(np.int32).copy()
