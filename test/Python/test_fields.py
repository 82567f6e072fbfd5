# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files and fields beside the weights: followed as transformers does, or spoken of.

Needs TERN_BINARY; without it these tests are skipped. One model is compiled once; what
its files say goes into weights of their own, which the same program reads.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cached import case_directory, compiled_once
from cases import CASES
from tern_reference.checkpoint import load
from tern_reference.model import Model
from test_driver import run

CASE = "h196-g44"
PROMPT = [5, 9, 200, 9, 17]
COUNT = 12


@pytest.fixture(scope="module")
def program(tern) -> Path:
    return compiled_once(tern, case_directory(CASE), []) / "bard"


@pytest.fixture
def model(tmp_path) -> Path:
    """A copy whose files may be changed; the weights are a link."""
    source, copy = case_directory(CASE), tmp_path / "model"
    copy.mkdir()
    for path in source.iterdir():
        if path.suffix == ".safetensors":
            (copy / path.name).symlink_to(path)
        else:
            shutil.copy(path, copy)
    return copy


def write(path: Path, **values: object) -> None:
    path.write_text(json.dumps(values))


def weights_of(tern: str, model: Path) -> tuple[Path, str]:
    """Weights for `program` with all that the model's files say, and what was said."""
    out = model.parent / "bard.weights"
    done = run(tern, "compile", model, "-o", out, "--emit", "weights", "--name", "bard")
    assert done.returncode == 0, done.stderr
    return out, done.stderr


# ---------------------------------------------------------------------------
# generation_config.json, by the numbers
# ---------------------------------------------------------------------------

Processor = Callable[[list[int], int, bool, np.ndarray], None]


def processors(eos: list[int], fields: dict) -> list[Processor]:
    """The steps that generate() of transformers takes, from its documentation."""

    def of_one_or_many(name: str) -> list[int]:
        value = fields.get(name)
        return [] if value is None else value if isinstance(value, list) else [value]

    def penalty(text, prompt, last, logits):
        for token in set(text):
            factor = np.float32(fields.get("repetition_penalty", 1))
            logits[token] = logits[token] * factor if logits[token] < 0 else logits[token] / factor

    def ngrams(text, prompt, last, logits):
        n = fields.get("no_repeat_ngram_size", 0)
        runs = [text[i : i + n] for i in range(len(text) - n + 1)] if n else []
        for token in range(len(logits)):
            if n and [*text, token][-n:] in runs:
                logits[token] = -np.inf

    def bad_words(text, prompt, last, logits):
        for word in fields.get("bad_words_ids", []):
            if word not in [[end] for end in eos] and len(word) <= max(len(text), 1):
                if text[len(text) - len(word) + 1 :] == word[:-1]:
                    logits[word[-1]] = -np.inf

    def least(text, prompt, last, logits):
        new = len(text) - prompt
        if len(text) < fields.get("min_length", 0) or new < fields.get("min_new_tokens", 0):
            logits[eos] = -np.inf

    def forced(text, prompt, last, logits):
        first = fields.get("forced_bos_token_id")
        tokens = [first] if first is not None and len(text) == 1 else []
        if last and of_one_or_many("forced_eos_token_id"):
            tokens = of_one_or_many("forced_eos_token_id")
        if tokens:
            logits[:] = -np.inf
            logits[tokens] = 0

    def suppressed(text, prompt, last, logits):
        logits[fields.get("suppress_tokens", [])] = -np.inf
        # A forced token is not the first that is chosen.
        is_forced = prompt <= 1 and "forced_bos_token_id" in fields
        if len(text) == prompt + is_forced:
            logits[fields.get("begin_suppress_tokens", [])] = -np.inf

    return [penalty, ngrams, bad_words, least, forced, suppressed]


def generated(
    model: Model, prompt: list[int], count: int, eos: list[int], fields: dict
) -> list[int]:
    cache, feed, text = model.new_cache(), list(prompt), list(prompt)
    while len(text) - len(prompt) < count:
        logits = model.step(cache, feed, last=1).logits[0].copy()
        last = len(text) - len(prompt) == count - 1
        for process in processors(eos, fields):
            process(text, len(prompt), last, logits)
        feed = [int(np.argmax(logits))]
        if feed[0] in eos:
            break
        text += feed
    return text[len(prompt) :]


@pytest.fixture(scope="module")
def reference() -> Model:
    return Model(load(case_directory(CASE)), CASES[CASE].options)


@pytest.fixture(scope="module")
def plain(reference) -> list[int]:
    return generated(reference, PROMPT, COUNT, [], {})


def test_rules_follow_transformers(tern, program, model, reference, plain):
    a, b, c = plain[0], plain[1], plain[2]
    everything = {
        "suppress_tokens": [a],
        "begin_suppress_tokens": [b, c],
        "bad_words_ids": [[PROMPT[-1], b], [c]],
        "no_repeat_ngram_size": 2,
        "repetition_penalty": 1.4,
        "min_new_tokens": 5,
        "forced_eos_token_id": 7,
    }
    cases = [({name: value}, PROMPT) for name, value in everything.items()]
    cases += [
        (everything, PROMPT),
        ({"no_repeat_ngram_size": 1}, PROMPT),
        ({"bad_words_ids": [[*plain[:2], c], [*PROMPT[-2:], a]]}, PROMPT),
        ({"repetition_penalty": 0.5}, PROMPT),
        ({"min_length": 8}, PROMPT),
        ({"forced_bos_token_id": 11, "begin_suppress_tokens": [11]}, [3]),
        ({"eos_token_id": plain[3], "bad_words_ids": [[plain[3]]]}, PROMPT),
    ]
    changed = 0
    for fields, prompt in cases:
        eos = [fields.get("eos_token_id", plain[4])]
        write(model / "generation_config.json", **{"eos_token_id": eos, **fields})
        config = json.loads((model / "config.json").read_text())
        write(model / "config.json", **{**config, "eos_token_id": eos})
        weights, said = weights_of(tern, model)
        assert all(name in said for name in fields if not name.startswith(("eos", "repetition")))
        ids = ",".join(map(str, prompt))
        done = run(program, "--weights", weights, "--ids", ids, "-n", COUNT, "--print-ids", "-q")
        assert done.returncode == 0, done.stderr
        # The tokenizer's end tokens end a text, too.
        ends = json.loads(run(tern, "inspect", weights, "--json").stdout)["ends_at"]
        expected = generated(reference, prompt, COUNT, [end["id"] for end in ends], fields)
        assert done.stdout.strip() == ",".join(map(str, expected)), fields
        changed += expected != plain[: plain.index(plain[4])]
    assert changed > 10


def test_lengths_are_the_default_of_n(tern, program, model):
    ids = ",".join(map(str, PROMPT))
    for fields, count in (({"max_new_tokens": 3}, 3), ({"max_length": 7}, 2)):
        write(model / "generation_config.json", **fields)
        weights, said = weights_of(tern, model)
        assert list(fields)[0] in said
        flags = ["--weights", weights, "--ids", ids, "--print-ids", "--ignore-eos"]
        done = run(program, *flags)
        assert len(done.stdout.split(",")) == count and "at most" in done.stderr
        assert len(run(program, *flags, "-n", 5, "-q").stdout.split(",")) == 5


# ---------------------------------------------------------------------------
# The tokens around a text
# ---------------------------------------------------------------------------


def rows(program: Path, weights: Path, folder: Path) -> int:
    flags = ["--weights", weights, "-p", "hello", "-n", 0, "-q"]
    done = run(program, *flags, "--logits", folder / "l.npy")
    assert done.returncode == 0, done.stderr
    return len(np.load(folder / "l.npy"))


def test_flags_say_what_is_set_around_a_text(tern, program, model, tmp_path):
    config = json.loads((model / "tokenizer_config.json").read_text())
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    bos = config["bos_token"]
    ids = [token["id"] for token in tokenizer["added_tokens"] if token["content"] == bos]
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing", "pair": [],
        "single": [{"SpecialToken": {"id": bos, "type_id": 0}},
                   {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {bos: {"id": bos, "ids": ids, "tokens": [bos]}},
    }  # fmt: skip
    write(model / "tokenizer.json", **tokenizer)
    seen = {}
    for name, kind in (("fast", "PreTrainedTokenizerFast"), ("llama", "LlamaTokenizerFast")):
        for flags in ({}, {"add_bos_token": False}, {"add_bos_token": True, "add_eos_token": True},
                      {"add_eos_token": True}, {"add_bos_token": None}):  # fmt: skip
            write(model / "tokenizer_config.json", **{**config, "tokenizer_class": kind, **flags})
            weights, said = weights_of(tern, model)
            seen[name, str(flags)] = rows(program, weights, tmp_path), "contradicts" in said
    plain = seen["fast", "{}"][0]
    assert seen["llama", "{}"] == seen["fast", "{'add_bos_token': None}"] == (plain, False)
    for name in ("fast", "llama"):
        assert seen[name, "{'add_bos_token': False}"] == (plain - 1, name == "fast")
        assert seen[name, "{'add_eos_token': True}"] == (plain + 1, name == "fast")
        both = seen[name, "{'add_bos_token': True, 'add_eos_token': True}"]
        assert both == (plain + 1, name == "fast")


# ---------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------


def facts(tern: str, model: Path) -> dict:
    return json.loads(run(tern, "inspect", model, "--json").stdout)


def test_adapters_are_refused(tern, model, tmp_path):
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "org/base"}
    alone = tmp_path / "alone"
    alone.mkdir()
    write(alone / "adapter_config.json", **adapter)
    write(model / "adapter_config.json", **adapter)
    for path, words in ((alone, "not a model; merge it"), (model, "merge it first, or move it")):
        for command in (["compile", path, "-o", tmp_path / "out"], ["inspect", path]):
            done = run(tern, *command)
            assert done.returncode == 1
            assert "a LoRA adapter of org/base" in done.stderr and words in done.stderr
    assert not (tmp_path / "out").exists()
    for text in ("", "[1]", '{"peft_type": 7}', '{"peft_type": "IA3"}'):
        (model / "adapter_config.json").write_text(text)
        assert "adapter" in run(tern, "compile", model, "-o", tmp_path / "out").stderr
    (model / "adapter_config.json").unlink()
    (model / "adapter_model.safetensors").write_bytes(b"")
    assert "adapter_model.safetensors is not read" in " ".join(facts(tern, model)["warnings"])


def test_every_file_has_a_fate(tern, model):
    assert facts(tern, model)["warnings"] == []
    names = {
        "README.md": "irrelevant", "trainer_state.json": "irrelevant", "vocab.json": "irrelevant",
        ".gitattributes": "irrelevant", "hf_quant_config.json": "not read",
        "modeling_odd.py": "not read", "other.safetensors": "not read",
        "modules.json": "not read", "surprise.bin": "unknown",
    }  # fmt: skip
    for name in names:
        (model / name).write_text("{}")
    (model / "folder").mkdir()
    found = facts(tern, model)
    uses = {file["name"]: file["use"] for file in found["files"]}
    assert {name: uses[name] for name in names} == names and "folder" not in uses
    assert uses["config.json"] == uses["model.safetensors"] == "read"
    said = "\n".join(found["warnings"])
    for name, use in names.items():
        assert (name in said) == (use in ("not read", "unknown")), name
    (model / "tokenizer.json").unlink()
    assert "vocab.json is not read" in "\n".join(facts(tern, model)["warnings"])


def test_names_of_tokens_from_other_files(tern, model):
    config = json.loads((model / "tokenizer_config.json").read_text())
    tokens = json.loads((model / "tokenizer.json").read_text())["added_tokens"]
    listed = {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in tokens}
    write(model / "tokenizer_config.json", **config, added_tokens_decoder=listed)
    write(model / "added_tokens.json", **{token["content"]: token["id"] for token in tokens})
    assert facts(tern, model)["warnings"] == []
    listed[str(tokens[0]["id"])]["special"] = False
    write(model / "tokenizer_config.json", **config, added_tokens_decoder=listed)
    assert f"token {tokens[0]['id']}" in facts(tern, model)["warnings"][0]
    write(model / "tokenizer_config.json", **config, additional_special_tokens=["<odd>"])
    assert '"<odd>"' in facts(tern, model)["warnings"][0]
    write(model / "tokenizer_config.json", **{**config, "eos_token": "<gone>"})
    assert "eos_token" in facts(tern, model)["warnings"][0]
