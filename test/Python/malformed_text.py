# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""config.json, tokenizer.json and generation_config.json that must be refused:
name -> what to do to a model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from malformed_tensors import Damage, on_bytes

DEEP = 100000


def on_json(file: str, change: Callable[[dict], object]) -> Damage:
    def damage(model: Path) -> None:
        value = json.loads((model / file).read_text())
        change(value)
        (model / file).write_text(json.dumps(value))

    return damage


def as_any_json(file: str) -> dict[str, Damage]:
    """Texts that are no JSON object, or no file."""

    def bytes_of(change: Callable[[bytes], bytes]) -> Damage:
        return on_bytes(change, file)

    def replaced(by: Callable[[Path], object]) -> Damage:
        return lambda model: ((model / file).unlink(), by(model / file)) and None

    return {
        **{f"cut-{n}-of-8": bytes_of(lambda text, n=n: text[: len(text) * n // 8]) for n in range(1, 8)},
        "cut-last-byte": bytes_of(lambda text: text.rstrip()[:-1]),
        "two-objects": bytes_of(lambda text: text + b"{}"),
        "list": bytes_of(lambda text: b"[" + text + b"]"),
        "number": bytes_of(lambda text: b"7"),
        "null": bytes_of(lambda text: b"null"),
        "blank": bytes_of(lambda text: b" \n"),
        "not-utf8": bytes_of(lambda text: text.replace(b'": ', b'\xc3\x28": ', 1)),
        "utf16": bytes_of(lambda text: text.decode().encode("utf-16")),
        "nul-behind": bytes_of(lambda text: text + b"\0"),
        "deep-lists": bytes_of(lambda text: text.rstrip()[:-1] + b', "a": ' + b"[" * DEEP + b"]" * DEEP + b"}"),
        "deep-objects": bytes_of(lambda text: b'{"a":' * DEEP),
        "lone-surrogate": bytes_of(lambda text: text.rstrip()[:-1] + b', "\\ud800": 1}'),
        "huge-number": bytes_of(lambda text: text.rstrip()[:-1] + b', "a": ' + b"1" * 1000000 + b"}"),
        "many-values": bytes_of(lambda text: text.rstrip()[:-1] + b', "a": [' + b"0," * 4000000 + b"0]}"),
        "many-lists": bytes_of(lambda text: text.rstrip()[:-1] + b', "a": [' + b"[]," * 3000000 + b"0]}"),
        "many-objects": bytes_of(lambda text: text.rstrip()[:-1] + b', "a": [' + b"{}," * 140000 + b"0]}"),
        "many-names": bytes_of(lambda text: text.rstrip()[:-1] + b', "a": {'
                               + b",".join(b'"%d":0' % i for i in range(310000)) + b"}}"),
        "a-pipe": replaced(os.mkfifo),
        "a-folder": replaced(lambda path: path.mkdir()),
        "a-device": replaced(lambda path: path.symlink_to("/dev/zero")),
        "a-loop": replaced(lambda path: path.symlink_to(path.name)),
    }  # fmt: skip


# config.json.

SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
         "num_key_value_heads", "vocab_size", "max_position_embeddings", "head_dim")  # fmt: skip


def config(**values: object) -> Damage:
    return on_json("config.json", lambda fields: fields.update(values))


def without(name: str) -> Damage:
    return on_json("config.json", lambda fields: fields.pop(name))


def _config_damages() -> dict[str, Damage]:
    damages = as_any_json("config.json")
    damages["twice"] = on_bytes(lambda t: t.rstrip()[:-1] + b', "vocab_size": 4}', "config.json")
    many = b'"a":1,' * 20000 + b'"a":{' + b",".join(b'"%d":0' % i for i in range(20000)) + b"}}"
    damages["twice-many"] = on_bytes(lambda t: t.rstrip()[:-1] + b"," + many, "config.json")
    for name in SIZES:
        for what, value in {"0": 0, "minus": -4, "2^31": 1 << 31, "2^63": 1 << 63, "2^64": 1 << 64,
                            "float": 16.5, "text": "16", "list": [16], "true": True}.items():  # fmt: skip
            damages[f"{name}-{what}"] = config(**{name: value})
    for name in ("rms_norm_eps", "rope_theta"):
        for what, value in {"0": 0, "minus": -1e-5, "text": "1e-5", "huge": 1e300, "infinite": 1e999}.items():
            damages[f"{name}-{what}"] = config(**{name: value})
    for name in ("model_type", "hidden_act", "hidden_size", "rms_norm_eps", "vocab_size", "rope_theta",
                 "num_hidden_layers", "num_attention_heads", "intermediate_size", "quantization_config"):  # fmt: skip
        damages[f"no-{name}"] = without(name)
    values = {
        "hidden_act": ["gelu", 1, None, "relu2 "], "model_type": ["gpt2", "BitNet", 5],
        "architectures": [["GPT2LMHeadModel"], [], "BitNetForCausalLM", [1], ["BitNetForCausalLM"] * 2],
        "num_hidden_layers": [2, 4096, 4097], "num_attention_heads": [3, 258, 65537],
        "max_position_embeddings": [1 << 24, 1 << 22],
        "num_key_value_heads": [3, 5], "head_dim": [7, 4098], "tie_word_embeddings": ["yes", 1, False],
        "quantization_config": [
            {"quant_method": "gptq"}, {"quant_method": "bitnet", "linear_class": "lin"}, "bitnet", [],
            {"quant_method": "bitnet", "bits": 4}, {"quant_method": "bitnet", "quantization_mode": "online"},
        ],
        "activation_quantization": [
            {"q_proj": {"scheme": "int3"}}, {"q_proj": {}}, {"x_proj": {"scheme": "int8_absmax"}}, [],
            {"o_proj": {"scheme": "int8_absmax", "topk": 0}},
            {"o_proj": {"scheme": "int8_absmax", "topk": 1.5}},
            {"o_proj": {"scheme": "int8_absmax", "topk": "half"}},
            {"o_proj": {"scheme": "int8_absmax", "seed": 1}},
            {"q_proj": {"scheme": "int4_absmean"}},
        ],
        "kv_cache_quantization": [{"bits": 5}, {"bits": 0}, {"bits": 16, "bos_bits": 3}, {"bits": "3"},
                                  {"bits": 3, "q_bits": 5}, {"bits": 3, "zero": 1}, 3],
        "sliding_window": [128], "attn_logit_softcapping": [30.0], "num_experts": [8], "qk_norm": [True],
        "rope_scaling": [{"rope_type": "yarn", "factor": 2.0}, {"type": "dynamic"}, 2.0, {"rope_type": 1}],
    }  # fmt: skip
    for name, wrong in values.items():
        for i, value in enumerate(wrong):
            damages[f"{name}-wrong-{i}"] = config(**{name: value})
    for what, name in {"del": "a\x7fb", "c1": "a\x9b2Jb", "bidi": "a\u202eb\u2069", "line": "a\u2028b"}.items():
        damages[f"name-{what}"] = config(**{name: 1})
    damages["no-file"] = lambda model: (model / "config.json").unlink()
    return damages


# tokenizer.json and what goes with it.


def tokenizer(change: Callable[[dict], object]) -> Damage:
    return on_json("tokenizer.json", change)


def model_field(**values: object) -> Damage:
    return tokenizer(lambda fields: fields["model"].update(values))


def vocabulary(**tokens: object) -> Damage:
    return tokenizer(lambda fields: fields["model"]["vocab"].update(tokens))


def added(**values: object) -> Damage:
    token = {"id": 299, "content": "<x>", "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True, **values}  # fmt: skip
    return tokenizer(lambda fields: fields["added_tokens"].append(token))


def _tokenizer_damages() -> dict[str, Damage]:
    damages = as_any_json("tokenizer.json")
    for name in ("model", "decoder"):
        damages[f"no-{name}"] = tokenizer(lambda fields, name=name: fields.pop(name))
        damages[f"{name}-text"] = tokenizer(lambda fields, name=name: fields.update({name: "BPE"}))
    for what, value in {"minus": -1, "2^31": 1 << 31, "2^40": 1 << 40, "2^64": 1 << 64, "float": 0.5,
                        "text": "1", "null": None, "taken": 0}.items():  # fmt: skip
        damages[f"token-id-{what}"] = vocabulary(wrong=value)
    for what, value in {"minus": -1, "2^31": 1 << 31, "float": 0.5, "taken": 0, "text": "1"}.items():
        damages[f"added-id-{what}"] = added(id=value)
    for what, value in {"empty": "", "number": 5, "long": "x" * 5000}.items():
        damages[f"added-content-{what}"] = added(content=value)
    # Names of bytes that are none, as SentencePiece writes them.
    fallback = {"<0x-1>": 290, "<0xGG>": 291, "<0x100>": 292, "<0x1>": 293, "<0x>": 294}
    for name, token in fallback.items():
        damages[f"byte-{name}"] = tokenizer(
            lambda fields, n=name, t=token: fields["model"].update(
                byte_fallback=True, vocab={**fields["model"]["vocab"], n: t}
            )
        )
    merges = {"three": ["a b c"], "one": ["a"], "unknown": ["a qq"], "numbers": [[1, 2]], "text": "a b",
              "null": [None], "short": [["a"]], "result-unknown": ["! !"], "object": {"a": "b"}}  # fmt: skip
    for name, value in merges.items():
        damages[f"merges-{name}"] = model_field(merges=value)
    for i, value in enumerate(({}, [], "x", None, {"a": {}})):
        damages[f"vocab-wrong-{i}"] = model_field(vocab=value)
    split = {"type": "Split", "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    patterns = {"unclosed": "(", "class": "[a", "back": "(a)\\1", "deep": "(" * 50000, "range": "a{9999999}",
                "nested": "((((a{1000}){1000}){1000}){1000})", "lone": "*", "property": "\\p{Nope}"}  # fmt: skip
    for name, regex in patterns.items():
        steps = [{**split, "pattern": {"Regex": regex}}, byte_level]
        damages[f"pattern-{name}"] = tokenizer(
            lambda fields, s=steps: fields.update(pre_tokenizer={"type": "Sequence", "pretokenizers": s})
        )
    components = {
        "normalizer": [{"type": "Nope"}, "NFC", [], {"type": "Sequence", "normalizers": [{"type": "Nope"}]}],
        "pre_tokenizer": [{"type": "Nope"}, {"type": "Sequence"}, {"type": "Sequence", "pretokenizers": 1}, 5],
        "decoder": [{"type": "Nope"}, [], {}],
        "post_processor": [{"type": "Nope"}, {"type": "TemplateProcessing"}, {"type": "TemplateProcessing",
                           "single": [{"SpecialToken": {"id": "?", "type_id": 0}}], "special_tokens": {}}],
        "added_tokens": [{}, "x", [1], [{}], [{"id": 1}]],
    }  # fmt: skip
    for name, wrong in components.items():
        for i, value in enumerate(wrong):
            damages[f"{name}-wrong-{i}"] = tokenizer(lambda f, n=name, v=value: f.update({n: v}))
    damages |= {
        "model-type": model_field(type="Nope"),
        "dropout": model_field(dropout=0.5),
        "unknown-field": tokenizer(lambda fields: fields.update(surprise=1)),
        "unknown-model-field": model_field(surprise=1),
        "template-id-far": tokenizer(lambda fields: fields.update(post_processor={
            "type": "TemplateProcessing", "pair": [],
            "single": [{"SpecialToken": {"id": "x", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"x": {"id": "x", "ids": [1 << 40], "tokens": ["x"]}}})),
    }  # fmt: skip
    return damages


def generation(**values: object) -> Damage:
    return lambda model: (model / "generation_config.json").write_text(json.dumps(values)) and None


def _generation_damages() -> dict[str, Damage]:
    damages = as_any_json("generation_config.json")
    for name in ("many-names", "many-objects"):
        damages.pop(name)  # fields that are not known are only spoken of
    wrong = {
        "eos_token_id": ["x", [1, "x"], 1 << 40, -5, list(range(17)), 0.5, {}], "bos_token_id": ["x", 1 << 40, -2],
        "temperature": ["hot", -1], "top_k": [-1, 1 << 40, 0.5], "top_p": [2, -1, "x"], "do_sample": ["yes", 1],
        "min_p": [2], "repetition_penalty": [0, -1], "max_new_tokens": [0, "x", 1 << 40], "min_length": [-1, 0.5],
        "no_repeat_ngram_size": [-1, 1 << 20], "forced_bos_token_id": [[1], -2], "forced_eos_token_id": ["x", {}],
        "suppress_tokens": ["x", [1 << 40], [None], {}], "begin_suppress_tokens": [[-2]], "bad_words_ids": [[1], [[]], [[-1]], {}],
        "stop_strings": ["", [""], [1], ["a" * 1025], [str(i) for i in range(65)], {}],
    }  # fmt: skip
    for name, values in wrong.items():
        for i, value in enumerate(values):
            damages[f"{name}-{i}"] = generation(do_sample=True, **{name: value}) if name != "do_sample" else generation(do_sample=value)
    return damages


CONFIG_DAMAGES = _config_damages()
TOKENIZER_DAMAGES = _tokenizer_damages()
GENERATION_DAMAGES = _generation_damages()
