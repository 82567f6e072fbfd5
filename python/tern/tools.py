# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls of tools and thoughts in the text of an answer."""

from __future__ import annotations

import ctypes as c
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import structs as s
from .errors import FailedError
from .library import dump_json, encode, load

CONTENT, THOUGHT, CALL = range(3)  # tern_part_kind


@dataclass(frozen=True)
class Call:
    """A call that the model asks for."""

    name: str
    arguments: Mapping[str, Any]
    id: str
    """A name of its own, for the message with its result."""

    @property
    def json(self) -> dict[str, Any]:
        """As messages of role "assistant" have it, in a list named tool_calls."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}


@dataclass
class Parts:
    """An answer taken apart. A call that cannot be read is content, as the model wrote it."""

    content: str = ""
    thought: str = ""
    calls: list[Call] = field(default_factory=list)

    def take(self, part: s.AnswerPart) -> None:
        text = c.string_at(part.text, part.bytes).decode(errors="replace")
        if part.kind == CONTENT:
            self.content += text
        elif part.kind == THOUGHT:
            self.thought += text
        else:
            self.calls.append(Call(part.name.decode(), json.loads(text), part.id.decode()))


def take_apart(
    text: str, form: int, tools: Sequence[Mapping[str, Any]] | None, seed: int
) -> Parts:
    library, parts, failures = load(), Parts(), list[BaseException]()

    def take(data: int, part: Any) -> int:
        try:
            parts.take(part.contents)
        except BaseException as error:
            failures.append(error)
            return 1
        return 0

    function, data = s.AnswerFunction(take), encode(text)
    listed = None if tools is None else dump_json("tools", list(tools))
    error = c.create_string_buffer(s.ERROR_BYTES)
    reader = library.tern_answer_reader_open(form, listed, len(listed or b""), seed, error)
    if not reader:
        raise FailedError(error.value.decode(errors="replace"))
    try:
        result = library.tern_answer_reader_push(reader, data, len(data), function, None)
        result = result or library.tern_answer_reader_flush(reader, function, None)
    finally:
        library.tern_answer_reader_close(reader)
    if failures:
        raise failures[0]
    if result != 0:
        raise FailedError("out of memory")
    return parts
