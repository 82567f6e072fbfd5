#!/usr/bin/env python3
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""hello.py LIBRARY MODEL WEIGHTS TEXT: the likeliest 20 tokens after TEXT.

A model and the runtime in one shared library, called with ctypes. docs/embedding.md
says how the library is made.
"""

import ctypes as c
import sys


class Model(c.Structure):
    """tern_model up to the vocabulary, tern/abi.h."""

    _fields_ = [(name, c.c_uint32) for name in ("abi_version", "size", "vocab_size")]


class Artifact(c.Structure):
    """tern_artifact: the fields read here, and room for the others."""

    _fields_ = [
        ("weights", c.c_void_p),
        ("weights_bytes", c.c_uint64),
        ("weights_id", c.c_uint64),
        ("tokenizer", c.c_void_p),
        ("tokenizer_bytes", c.c_uint64),
        ("others", c.c_char * 4096),
    ]


class Env(c.Structure):
    """tern_env, tern/abi.h."""

    _fields_ = [
        ("size", c.c_uint32),
        ("worker_count", c.c_uint32),
        ("parallel", c.c_void_p),
        ("host", c.c_void_p),
        ("counters", c.c_void_p),
        ("thread_count", c.c_size_t),
        ("device", c.c_void_p),
    ]


class SessionConfig(c.Structure):
    """tern_session_config, tern/tern.h."""

    _fields_ = [
        ("size", c.c_uint32),
        ("context", c.c_uint32),
        ("model", c.c_void_p),
        ("env", c.c_void_p),
        ("weights", c.c_void_p),
        ("weights_bytes", c.c_uint64),
        ("scratch", c.c_void_p),
        ("call_tokens", c.c_uint32),
        ("reserved", c.c_uint32),
        ("state", c.c_void_p),
    ]


def main(library: str, name: str, weights: str, text: str) -> None:
    tern = c.CDLL(library)
    for function in ("tern_tokenizer_encode_bytes", "tern_tokenizer_max_tokens"):
        getattr(tern, function).restype = c.c_size_t
    tern.tern_session_bytes.restype = c.c_size_t
    tern.tern_status_text.restype = c.c_char_p
    tern.tern_tokenizer_token.restype = c.c_void_p
    tern.tern_pool_create.restype = c.c_void_p

    def check(status: int) -> None:
        if status:
            sys.exit(tern.tern_status_text(status).decode())

    model = Model.in_dll(tern, f"tern_model_{name}")
    artifact, error = Artifact(), c.create_string_buffer(512)
    for status in (
        tern.tern_artifact_open(c.byref(artifact), weights.encode(), error),
        tern.tern_artifact_check(c.byref(artifact), c.byref(model), weights.encode(), error),
    ):
        if status:
            sys.exit(error.value.decode())

    pool = c.c_void_p(tern.tern_pool_create(0))
    env = Env(c.sizeof(Env), tern.tern_pool_threads(pool))
    env.parallel, env.host = c.cast(tern.tern_pool_run, c.c_void_p), pool

    config = SessionConfig(c.sizeof(SessionConfig), 0, c.addressof(model))
    config.env = c.addressof(env)
    config.weights, config.weights_bytes = artifact.weights, artifact.weights_bytes
    room = tern.tern_session_bytes(c.byref(config))
    memory = c.create_string_buffer(room + 4096)
    aligned = c.c_void_p(c.addressof(memory) + -c.addressof(memory) % 4096)
    session = c.c_void_p()
    check(tern.tern_session_init(aligned, c.c_size_t(room), c.byref(config), c.byref(session)))

    tokenizer = c.create_string_buffer(4096)  # tern_tokenizer, whose fields are private
    table = c.c_void_p(artifact.tokenizer)
    check(tern.tern_tokenizer_load(tokenizer, table, c.c_size_t(artifact.tokenizer_bytes)))
    line = text.encode()
    size = c.c_size_t(len(line))
    scratch = c.create_string_buffer(tern.tern_tokenizer_encode_bytes(tokenizer, size))
    tokens = (c.c_int32 * tern.tern_tokenizer_max_tokens(tokenizer, size))()
    count, flags = c.c_size_t(), c.c_uint32(0)
    check(
        tern.tern_tokenizer_encode(
            tokenizer, line, size, flags, scratch, c.c_size_t(len(scratch)),
            tokens, c.c_size_t(len(tokens)), c.byref(count),
        )
    )  # fmt: skip

    logits = c.POINTER(c.c_float)()
    answer = b""
    for _ in range(20):
        check(tern.tern_session_eval(session, tokens, c.c_uint32(count.value), c.byref(logits)))
        token = max(range(model.vocab_size), key=logits.__getitem__)
        length = c.c_size_t()
        piece = tern.tern_tokenizer_token(tokenizer, c.c_int32(token), c.byref(length), None)
        answer += c.string_at(piece, length.value)
        tokens, count = (c.c_int32 * 1)(token), c.c_size_t(1)
    print(answer.decode(errors="replace"))
    tern.tern_pool_destroy(pool)
    tern.tern_artifact_close(c.byref(artifact))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(f"usage: {sys.argv[0]} LIBRARY MODEL WEIGHTS TEXT")
    main(*sys.argv[1:])
