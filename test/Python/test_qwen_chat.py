# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Chat with a checkpoint whose text files have the form of Qwen3's.

A bundled model with another tokenizer, so its answers are nonsense, but they depend
on every token. Expected are those to the tokens of the reference tokenizer for what
Jinja2 renders. Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import MODELS, ROOT, model_directory
from tern_reference.tokenizer import Tokenizer
from test_driver import run

DATA = ROOT / "test" / "data" / "templates"
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
FIRST = 1006  # id of the first added token; those above the last one are no tokens
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|box_start|>", "<|box_end|>"]
TEXTUAL = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
TEXTUAL += ["<think>", "</think>"]
TOOLS = [{"type": "function", "function": {"name": "sum", "parameters": {"type": "object"}}}]


def tokenizer_json(model: dict) -> dict:
    """In the form of Qwen3's, key by key."""
    vocab = {text: i for text, i in model["vocab"].items() if i < FIRST}
    merges = [m.split(" ") for m in model["merges"]]
    merges = [[a, b] for a, b in merges if {a, b, a + b} <= vocab.keys()]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": FIRST + i, "content": text, **flags, "special": text in CONTROL}
        for i, text in enumerate(CONTROL + TEXTUAL)
    ]
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    bytes_["use_regex"] = False
    split = {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated"}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{**split, "invert": False}, bytes_],
        },
        "post_processor": bytes_,
        "decoder": bytes_,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }


@functools.cache
def environment():
    """Jinja2 as transformers sets it up."""
    sys.path.append(str(ROOT / "test" / "Runtime"))
    return importlib.import_module("compare_templates").environment()


def rendered(messages: list[dict], template: str = "qwen3", **variables) -> str:
    text = (DATA / f"{template}.jinja").read_text()
    variables = {"tools": None, "documents": None, **variables}
    variables |= {"messages": messages, "add_generation_prompt": True}
    return environment().from_string(text).render(**variables)


@pytest.fixture(scope="module")
def model(tern, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("qwen") / "model"
    shutil.copytree(model_directory(MODELS[0]), folder)
    for path in folder.glob("golden.*"):
        path.unlink()
    old = json.loads((folder / "tokenizer.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    config |= {"bos_token_id": FIRST, "eos_token_id": FIRST + 2}
    config["max_position_embeddings"] = 1024
    names = {str(FIRST + i): {"content": t, "lstrip": False, "normalized": False, "rstrip": False,
                              "single_word": False, "special": t in CONTROL}
             for i, t in enumerate(CONTROL + TEXTUAL)}  # fmt: skip
    files = {
        "tokenizer.json": tokenizer_json(old["model"]),
        "config.json": config,
        "generation_config.json": {
            "bos_token_id": FIRST,
            "pad_token_id": FIRST,
            "do_sample": True,
            "eos_token_id": [FIRST + 2, FIRST],
            "temperature": 0.6,
            "top_k": 20,
            "top_p": 0.95,
            "transformers_version": "4.51.0",
        },
        "tokenizer_config.json": {
            "add_bos_token": False,
            "add_prefix_space": False,
            "added_tokens_decoder": names,
            "additional_special_tokens": CONTROL[1:],
            "bos_token": None,
            "chat_template": (DATA / "qwen3.jinja").read_text(),
            "clean_up_tokenization_spaces": False,
            "eos_token": "<|im_end|>",
            "errors": "replace",
            "model_max_length": 131072,
            "pad_token": "<|endoftext|>",
            "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": None,
        },
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def program(tern, model) -> Path:
    made = run(tern, "compile", model, "-o", model.parent / "bard", "--target=generic")
    assert made.returncode == 0 and made.stderr == ""
    return model.parent / "bard"


def answer(program: Path, model: Path, text: str, count: int = 6) -> str:
    ids = ",".join(map(str, Tokenizer.load(model).encode(text)))
    done = run(program, "--ids", ids, "-n", count, "--temp", 0, "-q")
    assert done.returncode == 0, done.stderr
    return done.stdout


def chat(program: Path, lines: str, *flags) -> tuple[str, str]:
    flags = ["-n", 6, "--temp", 0, "-q", "--commands", *flags]
    done = run(program, "chat", *flags, input=lines)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def said(text: str) -> dict:
    assert text.endswith("\n")
    return {"role": "assistant", "content": text[:-1]}


TEXTS = [
    "ROMEO:",
    "I'LL say 1234 e\u0301le\u0300ves, it'S",
    "tabs\t\t and  lines\r\n\n\n  x ",
    "<think>so</think> <|im_start|>a<|im_end|> <tool_call> <thin",
    "日本語 \u0939\u093c \u2028\u00a0x \U0001f600!!\n",
    "\u1e69 s\u0323\u0307 \u212b",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_becomes_the_reference_s_tokens(program, model, text):
    """Without a begin token, as the file says."""
    done = run(program, "-p", text, "-n", 6, "--temp", 0, "-q")
    assert done.stdout == answer(program, model, text)


def test_defaults_of_the_checkpoint(tern, program, model):
    done = run(program, "-p", "x", "-n", 1)
    assert "as the model asks: temperature 0.6, top-k 20, top-p 0.95\n" in done.stderr
    shown = run(tern, "inspect", program).stdout
    assert "ends at      1008 <|im_end|>, 1006 <|endoftext|>\n" in shown
    assert "chat         has a template\n" in shown


def test_turns(program, model):
    first = [{"role": "system", "content": "Be brief."}, user("Who's there? 12")]
    one = answer(program, model, rendered(first))
    second = [*first, said(one), user("And then?")]
    two = answer(program, model, rendered(second))
    out, _ = chat(program, "Who's there? 12\nAnd then?\n", "--system", "Be brief.")
    assert out == one + two


def test_thinking_off_and_on(program, model):
    messages = [user("x")]
    off = answer(program, model, rendered(messages, enable_thinking=False))
    on = answer(program, model, rendered(messages, enable_thinking=True))
    assert on == answer(program, model, rendered(messages)) != off
    assert chat(program, "x\n", "--thinking", "off")[0] == off
    out, heard = chat(program, "/no_think\nx\n/reset\n/think\nx\n")
    assert out == off + on and "thinking is off" in heard
    soft = answer(program, model, rendered([user("x /no_think")]))
    assert chat(program, "x /no_think\n")[0] == soft


def test_tools_and_results(program, model, tmp_path):
    file = tmp_path / "tools.json"
    file.write_text(json.dumps(TOOLS, indent=1))
    messages = [user("1+1?")]
    one = answer(program, model, rendered(messages, tools=TOOLS))
    messages += [said(one), {"role": "tool", "content": '{"sum":\n 2}'}]
    two = answer(program, model, rendered(messages, tools=TOOLS))
    out, _ = chat(program, '1+1?\n/tool {"sum":\\\n 2}\n', "--tools", file)
    assert out == one + two


def test_a_template_that_opens_the_thought(program, model):
    flags = ["--chat-template", DATA / "qwen35.jinja"]
    messages = [user("x")]
    one = answer(program, model, rendered(messages, "qwen35"))
    assert chat(program, "x\n", *flags)[0] == "<think>\n" + one
    assert chat(program, "x\n", *flags, "--hide-thinking")[0] == "\n"
    messages += [said("<think>\n" + one), user("y")]
    two = answer(program, model, rendered(messages, "qwen35"))
    out, _ = chat(program, "x\ny\n", *flags)
    assert out == f"<think>\n{one}<think>\n{two}"
    off = answer(program, model, rendered([user("x")], "qwen35", enable_thinking=False))
    assert chat(program, "x\n", *flags, "--thinking=off")[0] == off


def with_thoughts(model: Path, folder: Path, opening: int, closing: int) -> Path:
    """The model with other names for two tokens that it makes: the tags of thoughts."""
    shutil.copytree(model, folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocab = tokenizer["model"]["vocab"]
    gone = {text for text, i in vocab.items() if i in (opening, closing)}
    tokenizer["model"]["vocab"] = {text: i for text, i in vocab.items() if text not in gone}
    merges = tokenizer["model"]["merges"]
    tokenizer["model"]["merges"] = [m for m in merges if not {*m, "".join(m)} & gone]
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["added_tokens_decoder"] = {}
    for token in tokenizer["added_tokens"]:
        token["id"] = {"<think>": opening, "</think>": closing}.get(token["content"], token["id"])
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def question(program: Path, model: Path) -> tuple[str, list[int], list[int]]:
    """A text, the tokens of its prompt and six of its answer: two may be renamed."""
    tokenizer = Tokenizer.load(model)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        prompt = tokenizer.encode(rendered([user(letter)]))
        flags = ["-n", 6, "--temp", 0, "-q", "--print-ids"]
        done = run(program, "--ids", ",".join(map(str, prompt)), *flags)
        made = [int(i) for i in done.stdout.split(",")]
        pieces = [tokenizer.pieces.get(i, b"\xff") for i in made]
        renamed = [made[0], made[2]]
        if (
            all(256 <= i < FIRST and (prompt + made).count(i) == 1 for i in renamed)
            and all(piece.isascii() for piece in pieces)
            and FIRST > max(made)
        ):
            return letter, prompt, made
    raise AssertionError("no such question")


def test_thoughts_are_hidden_and_forgotten(tern, program, model, tmp_path):
    text, prompt, made = question(program, model)
    folder = with_thoughts(model, tmp_path / "model", made[0], made[2])
    compiled = run(tern, "compile", folder, "-o", tmp_path / "thinker", "--target=generic")
    assert compiled.returncode == 0, compiled.stderr
    thinker, tokenizer = tmp_path / "thinker", Tokenizer.load(folder)
    one = tokenizer.decode(made)
    assert one.startswith("<think>") and "</think>" in one
    second = rendered([user(text), said(one + "\n"), user("x")])
    assert "<think>" not in second
    two = answer(thinker, folder, second)
    lines = f"{text}\nx\n/stats\n"
    out, heard = chat(thinker, lines)
    assert out == f"{one}\n{two}"
    # All that stands before the thoughts is still held, and nothing behind them.
    tokens, before = tokenizer.encode(second), 0
    while [*prompt, *made][before] == tokens[before]:
        before += 1
    assert before == len(prompt)
    assert f"; {before} tokens were not computed again\n" in heard
    # The same conversation, seen otherwise.
    out, _ = chat(thinker, lines, "--hide-thinking")
    thought = re.compile(r"\n*<think>.*?(?:</think>\n*|$)", re.S)
    shown = [thought.sub("", text, count=1) for text in (one, two[:-1])]
    assert out == "".join(f"{text}\n" for text in shown) != f"{one}\n{two}"
    out, _ = chat(thinker, f"{text}\n", "--color", "always")
    dim, plain = "\x1b[2m", "\x1b[22m"
    assert out.replace(plain + dim, "") == one.replace("<think>", f"{dim}<think>").replace(
        "</think>", f"</think>{plain}") + "\n"  # fmt: skip
