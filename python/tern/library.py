# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds libtern, checks that its structs are those of structs.py, and calls it."""

from __future__ import annotations

import ctypes as c
import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from . import structs as s
from .errors import BY_RESULT, Error, InvalidError

NAME = "libtern.so.0"
S = TypeVar("S", bound=c.Structure)

Handle = c.c_void_p
_count = c.POINTER(c.c_size_t)
_tokens = c.POINTER(c.c_int32)

# Results and arguments of what is called here.
PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "tern_version": (c.c_char_p, ()),
    "tern_engine_error": (c.c_char_p, ()),
    "tern_engine_options_init": (None, (c.c_void_p,)),
    "tern_engine_open": (Handle, (c.c_char_p, c.POINTER(s.Options))),
    "tern_engine_close": (None, (Handle,)),
    "tern_engine_describe": (c.c_int, (Handle, c.POINTER(s.Info))),
    "tern_engine_tokenize": (
        c.c_int,
        (Handle, c.c_char_p, c.c_size_t, c.c_uint32, _tokens, c.c_size_t, _count),
    ),
    "tern_engine_detokenize": (
        c.c_int,
        (Handle, _tokens, c.c_size_t, c.c_char_p, c.c_size_t, _count),
    ),
    "tern_chat_init": (None, (c.c_void_p,)),
    "tern_engine_render": (
        c.c_int,
        (Handle, c.POINTER(s.Chat), c.c_char_p, c.c_size_t, _count),
    ),
    "tern_engine_tokenize_chat": (
        c.c_int,
        (Handle, c.POINTER(s.Chat), _tokens, c.c_size_t, _count),
    ),
    "tern_request_init": (None, (c.c_void_p,)),
    "tern_engine_submit": (c.c_int, (Handle, c.POINTER(s.Request), c.POINTER(c.c_uint64))),
    "tern_engine_cancel": (None, (Handle, c.c_uint64)),
    "tern_engine_start": (c.c_int, (Handle,)),
    "tern_engine_check": (c.c_int, (Handle,)),
    "tern_grammar_from_rules": (Handle, (c.c_char_p, c.c_size_t, c.c_void_p, c.c_char_p)),
    "tern_grammar_from_schema": (Handle, (c.c_char_p, c.c_size_t, c.c_void_p, c.c_char_p)),
    "tern_grammar_any_object": (Handle, (c.c_void_p, c.c_char_p)),
    "tern_grammar_from_tools": (
        Handle,
        (c.c_uint32, c.c_char_p, c.c_size_t, c.c_char_p, c.c_int, c.c_void_p, c.c_char_p),
    ),
    "tern_answer_reader_open": (
        Handle,
        (c.c_uint32, c.c_char_p, c.c_size_t, c.c_uint64, c.c_char_p),
    ),
    "tern_answer_reader_close": (None, (Handle,)),
    "tern_answer_reader_push": (
        c.c_int,
        (Handle, c.c_char_p, c.c_size_t, s.AnswerFunction, c.c_void_p),
    ),
    "tern_answer_reader_flush": (c.c_int, (Handle, s.AnswerFunction, c.c_void_p)),
    "tern_grammar_release": (None, (Handle,)),
    "tern_engine_count": (c.c_int, (Handle, c.POINTER(s.CountsStruct))),
    "tern_sequence_create": (Handle, (Handle,)),
    "tern_sequence_fork": (Handle, (Handle,)),
    "tern_sequence_destroy": (c.c_int, (Handle,)),
    "tern_sequence_tokens": (c.c_int, (Handle, _tokens, c.c_size_t, _count)),
    "tern_sequence_save_bytes": (c.c_size_t, (Handle,)),
    "tern_sequence_save": (c.c_int, (Handle, c.c_char_p, c.c_size_t)),
    "tern_sequence_restore": (Handle, (Handle, c.c_char_p, c.c_size_t)),
}


def places() -> Iterator[str]:
    """Where libtern may be: named, in a wheel, installed around the package, in the build
    folder of a source tree, where the system has libraries."""
    named = os.environ.get("TERN_LIBRARY")
    if named:
        yield named
        return
    package = Path(__file__).resolve().parent
    near = [package / NAME]
    if package.parents[2].name == "lib":  # lib/python3/dist-packages/tern
        near.append(package.parents[2] / NAME)
    near.append(package.parents[1] / "build" / "lib" / NAME)
    yield from (str(path) for path in near if path.exists())
    yield NAME


def _open() -> c.CDLL:
    failures = []
    for place in places():
        try:
            return c.CDLL(place)
        except OSError as error:
            failures.append(str(error))
    raise Error(
        f"cannot load {NAME} ({failures[-1]}); install the package libtern0 or a tern wheel, or "
        "name the file in TERN_LIBRARY"
    )


def _defaults(library: c.CDLL) -> dict[type[c.Structure], bytes]:
    """Structs as the library initializes them, cut to what is known here. Error: one is
    shorter there, so that it would be read past its end."""
    found = {}
    for name, struct in s.SIZED.items():
        room = c.create_string_buffer(c.sizeof(struct) + 4096)
        getattr(library, f"{name}_init")(room)
        size = int.from_bytes(room.raw[:4], "little")
        if size < c.sizeof(struct):
            raise Error(
                f"{library._name} has a {name} of {size} bytes, expected at least "
                f"{c.sizeof(struct)}: it is older than this Python package"
            )
        found[struct] = c.sizeof(struct).to_bytes(4, "little") + room.raw[4 : c.sizeof(struct)]
    return found


@functools.cache
def load() -> Any:
    """libtern, once for the process. Error: it is not there, or too old."""
    library = _open()
    try:
        for name, (result, arguments) in PROTOTYPES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError:
        raise Error(
            f"{library._name} has no {name}: it is older than this Python package"
        ) from None
    library.defaults = _defaults(library)  # type: ignore[attr-defined]
    return library


def default(struct: type[S]) -> S:
    """With its size and all defaults."""
    return struct.from_buffer_copy(load().defaults[struct])


def library_version() -> str:
    """Of the libtern that is loaded. Error: there is none."""
    text: bytes = load().tern_version()
    return text.decode()


def sentence() -> str:
    """Why the last call of this thread that failed did."""
    text: bytes = load().tern_engine_error()
    return text.decode(errors="replace")


def fail(result: int) -> NoReturn:
    raise BY_RESULT.get(result, Error)(sentence())


def check(result: int) -> int:
    if result < 0:
        fail(result)
    return result


def checked_handle(handle: int | None) -> int:
    if not handle:
        raise Error(sentence())
    return handle


def c_text(text: str | os.PathLike[str] | None) -> bytes | None:
    """For arguments that end with a NUL, so that none may be inside. Error: it has one."""
    if text is None:
        return None
    data = os.fsencode(text)
    if b"\0" in data:
        raise InvalidError(f"{os.fspath(text)!r} has a NUL, which no name has")
    return data


def encode(text: str) -> bytes:
    """UTF-8. Error: a surrogate alone, which is no character."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidError(f"the text is no Unicode: {error}") from None


def dump_json(name: str, value: Any) -> bytes:
    """Error: it is nothing that JSON has."""
    try:
        return encode(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidError(f"{name} cannot be JSON: {error}") from None


def read_tokens(call: Callable[..., int], guess: int) -> list[int]:
    """Of a function that fills an array and says how much there is."""
    count, room = c.c_size_t(), guess
    while True:
        tokens = (c.c_int32 * room)()
        check(call(tokens, room, c.byref(count)))
        if count.value <= room:
            return tokens[: count.value]
        room = count.value


def read_text(call: Callable[..., int], guess: int) -> str:
    count, room = c.c_size_t(), guess
    while True:
        text = c.create_string_buffer(max(room, 1))
        check(call(text, room, c.byref(count)))
        if count.value <= room:
            return text.raw[: count.value].decode(errors="replace")
        room = count.value
