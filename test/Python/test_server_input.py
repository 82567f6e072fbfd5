# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern serve` and what no client should send: numbers far away, no Unicode, noise.

Needs TERN_BINARY, built with the server; without it these tests are skipped.
"""

from __future__ import annotations

import json
import random
import socket

import pytest
from served import Served, serving
from test_server import GREEDY, TEXT, need_server
from test_server_faults import head, is_idle, until


@pytest.fixture(scope="module")
def server(tern, tmp_path_factory) -> Served:
    need_server(tern)
    # Whoever ends in the middle of a request is waited for, also by a stop.
    with serving(tern, tmp_path_factory.mktemp("input"), "--idle-timeout", "2") as served:
        yield served


NUMBERS = ("temperature", "top_p", "min_p", "top_k", "n", "seed", "repeat_penalty", "presence_penalty",
           "frequency_penalty", "logprobs", "max_tokens")  # fmt: skip
NO_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", '"1"', "true", "[1]", "{}", "+1", "0x1", "01")
FAR = ("-1", "-1e308", "1e308", "-9223372036854775809", "18446744073709551616", "4294967297.5")


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_in_their_ranges_or_refused(server, name):
    """By a sentence; none is cut to what fits."""
    allowed = {"presence_penalty": ("-1",), "frequency_penalty": ("-1",)}
    for value in NO_NUMBERS + FAR:
        status, _, text = server.ask("/v1/completions", f'{{"prompt": "ROMEO:", "{name}": {value}}}')
        if value in allowed.get(name, ()):
            assert status == 200, (value, text)
            continue
        assert status == 400, (value, text)
        assert json.loads(text)["error"]["param"] == name or "no valid JSON" in text, (value, text)


@pytest.mark.parametrize("text", [b"\\ud800", b"\\udc00\\ud800", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_text_that_is_no_unicode_is_refused(server, text):
    """Halves of pairs, longer forms, what lies behind the last character; wherever it stands."""
    chat = b'{"messages": [{"role": "user", "content": "%s"}], "max_tokens": 1}'
    for path, body in (("/v1/completions", b'{"prompt": "%s"}'), ("/v1/completions", b'{"prompt": "a", "stop": "%s"}'),
                       ("/v1/completions", b'{"prompt": "a", "%s": 1}'), ("/v1/chat/completions", chat),
                       ("/tokenize", b'{"content": "%s"}'), ("/v1/embeddings", b'{"input": ["a", "%s"]}')):  # fmt: skip
        assert "no valid JSON" in server.refused(path, body % text)["message"]


def test_all_of_unicode_is_text(server):
    for text in ("\U0010ffff", "\ud7ff\ue000\ufffe", "\u202e\u0301\u0000\u0007", "\U0001f468\u200d\U0001f469" * 9):
        tokens = server.json("/tokenize", {"content": text})["tokens"]
        assert server.json("/detokenize", {"tokens": tokens})["content"] == text
        assert server.json("/v1/completions", {**TEXT, "prompt": text, "max_tokens": 2})["choices"]


def test_noise_is_survived(server):
    """Random bytes, random JSON, and a request cut at many places."""
    rng = random.Random(1)
    data = json.dumps({**TEXT, "stop": ["\U0001f600", "\0x"[1:]]}).encode()
    whole = head("/v1/completions", len(data)) + data
    noise = [rng.randbytes(rng.randrange(1, 400)) for _ in range(30)]
    noise += [whole[: rng.randrange(1, len(whole))] for _ in range(30)]
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        noise.append(head("/v1/completions", len(damaged)) + bytes(damaged))
    for text in noise:
        with socket.create_connection((server.host, server.port), timeout=10) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
    assert server.json("/v1/completions", TEXT)["choices"][0]["text"] == GREEDY["text"]
    until(lambda: is_idle(server))
