# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Answers of a form: rules, a JSON schema, any JSON object, calls of tools."""

from __future__ import annotations

import ctypes as c
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import structs as s
from .errors import InvalidError
from .library import c_text, dump_json, encode, load

if TYPE_CHECKING:
    from .model import Model


class Grammar:
    """The texts that an answer may be: `model.generate(..., grammar=grammar)`.

    It does not change, is compiled once, and may be used by any model and thread. Answers
    that end at `max_tokens` are the beginning of such a text.
    """

    def __init__(self, make: str, *arguments: Any) -> None:
        library, error = load(), c.create_string_buffer(s.ERROR_BYTES)
        handle = getattr(library, make)(*arguments, None, error)
        if not handle:
            raise InvalidError(error.value.decode(errors="replace"))
        self._handle: int = handle
        weakref.finalize(self, library.tern_grammar_release, handle)

    @classmethod
    def from_rules(cls, text: str) -> Grammar:
        """GBNF-like rules, of which `root` is the answer. InvalidError: where they are wrong."""
        data = encode(text)
        return cls("tern_grammar_from_rules", data, len(data))

    @classmethod
    def from_schema(cls, schema: str | Mapping[str, Any] | bool) -> Grammar:
        """JSON that is valid by a schema. InvalidError: a keyword that is not supported, with
        its place."""
        data = encode(schema) if isinstance(schema, str) else dump_json("schema", schema)
        return cls("tern_grammar_from_schema", data, len(data))

    @classmethod
    def any_object(cls) -> Grammar:
        """Any JSON object."""
        return cls("tern_grammar_any_object")

    @classmethod
    def from_tools(
        cls,
        model: Model,
        tools: Sequence[Mapping[str, Any]],
        *,
        name: str | None = None,
        parallel: bool = False,
    ) -> Grammar:
        """Calls of tools, as this model writes them.

        tools: the list that the chat is given.
        name: of the one to be called; None: any.
        parallel: one call or more; else one.
        """
        data, form = dump_json("tools", list(tools)), model.calls_form
        return cls("tern_grammar_from_tools", form, data, len(data), c_text(name), int(parallel))
