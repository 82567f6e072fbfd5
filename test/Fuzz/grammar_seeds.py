# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rules, schemas, tools and answers; the first letter says which (GrammarFuzzer.cpp)."""

from __future__ import annotations

import json
from pathlib import Path

SCHEMAS = Path(__file__).parent.parent / "data" / "grammars" / "schemas.json"

RULES = {
    "json": r"""root ::= object
value ::= object | "[" (value ("," value)*)? "]" | string | [0-9]+ | "true" | "null"
object ::= "{" (string ":" value ("," string ":" value)*)? "}"
string ::= "\"" ([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\"" # a string""",
    "pairs": 'root ::= "(" root ")" root | ""',
    "classes": r'root ::= ([^a-c\]\u00e9] | . | [\U0001F600-\U0010FFFF]){2,5} "\n"?',
    "deep": 'root ::= x\nx ::= "a" x "b" | "a" x "\\"" | "1"',
    "left": 'root ::= a "b"\na ::= c? root | "x"\nc ::= "z"',
    "many": 'root ::= ("ab"{3,}){,40} ("a" | "b" | "1")*',
}

TOOLS = json.dumps(
    [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "place": {"type": "string"},
                        "unit": {"type": "string", "enum": ["c", "f"]},
                        "days": {"type": "integer", "minimum": 1},
                    },
                    "required": ["place"],
                },
            },
        },
        {"function": {"name": "now", "parameters": {"properties": {"x": {"format": "email"}}}}},
    ]
)

ANSWERS = {
    "G": '<think>\na</think>\nb <tool_call>{"name": "f", "arguments": {"x": "</tool_call>"}}'
    '</tool_call>\n<tool_call>{"name": "g"}</tool_call> c',
    "O": '<|python_tag|>{"name": "f", "parameters": {}}; {"name": "g"}',
    "W": "<|tool_call_start|>\n```python\nf(x='a\\n', y=[1, {'k': None}], z=(True,))\n```\n"
    "<|tool_call_end|>",
    "_": "a<tool_call>\n<function=f>\n<parameter=x>\n1\n</parameter>\n</function>\n</tool_call>",
    "g": '[TOOL_CALLS] [{"name": "f", "arguments": {"x": [1]}}, {"name": "g"}]',
}


def grammars() -> dict[str, bytes]:
    seeds = {f"rules-{name}": b"@" + text.encode() for name, text in RULES.items()}
    for i, case in enumerate(json.loads(SCHEMAS.read_text())["schemas"]):
        seeds[f"schema-{i}"] = b"C" + json.dumps(case["schema"]).encode()
    for letter in "FNV^":
        seeds[f"tools-{ord(letter)}"] = letter.encode() + TOOLS.encode()
    for letter, text in ANSWERS.items():
        seeds[f"answer-{ord(letter)}"] = letter.encode() + text.encode()
    return seeds
