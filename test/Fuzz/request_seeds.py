# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Seeds of RequestFuzzer: a byte for the reader, then a body."""

from __future__ import annotations

import json

TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "now", "parameters": {"type": "object", "properties": {}}},
}
MESSAGES = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "a"}], "name": "me"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{\"x\": [1]}"}}]},
    {"role": "tool", "tool_call_id": "1", "content": "rain"},
]  # fmt: skip
SAMPLING = {
    "temperature": 0.5, "top_p": 1, "min_p": 0.1, "top_k": 40, "repeat_penalty": 1.1, "presence_penalty": -1,
    "frequency_penalty": 0.5, "logit_bias": {"7": -100, "12": 1.5}, "seed": 7, "max_tokens": 5, "stop": ["a", "\u00e9"], "n": 2,
    "ignore_eos": False, "cache_prompt": True, "stream": True, "stream_options": {"include_usage": True},
    "user": "me", "metadata": {"a": "b"}, "service_tier": "auto", "store": False,
}  # fmt: skip
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": {"type": "object"}}}
NAMED = {"type": "function", "function": {"name": "weather"}}

BODIES = {
    "chat": (0, {"model": "m", "messages": MESSAGES[:2], **SAMPLING, "logprobs": True, "top_logprobs": 3}),
    "calls": (0, {"messages": MESSAGES, "tools": [TOOL], "tool_choice": NAMED, "parallel_tool_calls": False,
                  "max_completion_tokens": 9, "chat_template_kwargs": {"enable_thinking": False}}),
    "schema": (0, {"messages": MESSAGES[:1], "response_format": SCHEMA, "modalities": ["text"], "stop": "x",
                   "tools": [TOOL], "tool_choice": "required", "reasoning_effort": "none"}),
    "completion": (1, {"prompt": ["a", "b"], **SAMPLING, "echo": True, "logprobs": 2, "best_of": 2, "suffix": ""}),
    "tokens": (1, {"prompt": [[1, 2], [3]]}),
    "embedding": (2, {"input": ["a", "b"], "encoding_format": "base64", "dimensions": 4, "user": "u"}),
    "tokenize": (3, {"content": "a", "add_special": True, "with_pieces": True}),
    "detokenize": (4, {"tokens": [1, 2, 3.0], "model": "m"}),
    "template": (5, {"messages": MESSAGES, "tools": [TOOL], "enable_thinking": True}),
}  # fmt: skip


def requests() -> dict[str, bytes]:
    return {name: bytes([reader]) + json.dumps(body).encode() for name, (reader, body) in BODIES.items()}
