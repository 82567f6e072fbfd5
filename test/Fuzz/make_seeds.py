# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the first seeds of the fuzz targets, and dictionaries of the words in them.

`make_seeds.py` writes seeds/TARGET/NAME and TARGET.dict beside itself. Inputs that
were findings lie in the same folders under names of their own (`found-...`).
"""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

from artifact_seeds import artifacts
from gguf_seeds import GGUF_MODELS, GGUFS
from grammar_seeds import grammars
from request_seeds import requests
from sentencepiece_seeds import sentencepiece_models

HERE = Path(__file__).parent
MODELS = HERE.parent / "models"


# Safetensors.


def safetensors(tensors: list[tuple[str, str, list[int], int]], **metadata: str) -> bytes:
    header: dict = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(end)


SAFETENSORS = {
    "packed": safetensors(
        [("w", "U8", [2, 8], 16), ("w_scale", "BF16", [1], 2), ("norm", "F32", [3], 12)],
        format="pt",
    ),
    "shapes": safetensors(
        [("rank0", "F16", [], 2), ("empty", "I64", [0, 7], 0), ("rank3", "BOOL", [1, 2, 3], 6)]
    ),
    "dtypes": safetensors([("a", "F8_E4M3", [1], 1), ("b", "F64", [2], 16), ("c", "U32", [1], 4)]),
    "none": safetensors([]),
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n",
    "page": b"\n<!DOCTYPE html><html></html>",
    "answer": b'{"error": "Repository not found"}',
    "zip": b"PK\3\4" + bytes(22) + struct.pack("<HH", 16, 0) + b"archive/data.pkl",
}

# JSON.


def without(config: dict, *names: str) -> dict:
    return {name: value for name, value in config.items() if name not in names}


def configs() -> dict[str, bytes]:
    a48 = json.loads((MODELS / "shakespeare-a48" / "config.json").read_text())
    plain = without(a48, "activation_quantization", "kv_cache_quantization")
    old = {**plain, "architectures": ["LlamaForCausalLM"], "model_type": "llama",
           "hidden_act": "silu", "tie_word_embeddings": False, "attention_bias": False,
           "quantization_config": {"quant_method": "bitnet", "modules_to_not_convert": None}}  # fmt: skip
    masters = {**without(plain, "quantization_config"), "architectures": ["BitnetForCausalLM"],
               "model_type": "llama", "weight_bits": 1, "input_bits": 8, "hidden_act": "silu",
               "rope_scaling": None}  # fmt: skip
    ropes = {**without(plain, "rope_theta"),
             "rope_parameters": {"rope_type": "default", "rope_theta": 5e5},
             "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                              "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}  # fmt: skip
    original = "original_max_position_embeddings"
    yarn = {"rope_type": "yarn", "factor": 4.0, original: 64, "mscale": 0.7,
            "mscale_all_dim": 0.3, "beta_fast": 24, "truncate": False}  # fmt: skip
    windows = {"use_sliding_window": False, "sliding_window": None, "max_window_layers": 5}
    qwen3 = {**plain, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
             "hidden_act": "silu", "rope_scaling": yarn, **windows,
             "layer_types": ["full_attention"] * 5}  # fmt: skip
    lists = {"short_factor": [1.0] * 32, "long_factor": [1.0] * 32, original: 256}
    minicpm = {**old, "architectures": ["MiniCPMForCausalLM"], "model_type": "minicpm",
               "scale_emb": 12, "scale_depth": 1.4, "dim_model_base": 64,
               "rope_scaling": {"rope_type": "longrope", **lists},
               "sparse_config": {"dense_len": 8192}}  # fmt: skip
    products = {**without(old, "quantization_config"), "head_dim": 64, "hidden_size": 128,
                "intermediate_size": 256}  # fmt: skip
    affine = {**products, "quantization": {"bits": 2, "group_size": 128, "mode": "affine"}}
    found = {"a48": a48, "llama": old, "masters": masters, "ropes": ropes, "qwen3": qwen3,
             "minicpm": minicpm, "products": products, "affine": affine}  # fmt: skip
    return {name: json.dumps(config).encode() for name, config in found.items()}


def generations() -> dict[str, bytes]:
    sampling = {"bos_token_id": 0, "eos_token_id": [1, 2], "do_sample": True, "temperature": 0.6,
                "top_k": 50, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.1}  # fmt: skip
    names = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": True,
             "chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}"}  # fmt: skip
    listed = {"chat_template": [{"name": "default", "template": "a"}, {"name": "b", "template": "c"}]}
    config = {"eos_token_id": 1, "bos_token_id": -1, "max_position_embeddings": 4096}
    rules = {"max_new_tokens": 9, "min_length": 2, "no_repeat_ngram_size": 3, "forced_bos_token_id": 1,
             "forced_eos_token_id": [1], "suppress_tokens": [0, 2], "begin_suppress_tokens": [-1],
             "bad_words_ids": [[1, 2], [0]], "stop_strings": ["a", "<s>"], "num_beams": 2}  # fmt: skip
    tokens = {"added_tokens_decoder": {"0": {"content": "<s>", "special": True}}}
    texts = {
        "all": (sampling, names, config),
        "listed": ({}, listed, {"eos_token_id": None}),
        "rules": (rules, tokens, {"vocab_size": 2}, {"bos_token": {"content": "<s>"}}),
    }
    return {
        name: b"\0".join(json.dumps(part).encode() for part in parts)
        for name, parts in texts.items()
    }


def tokenizers() -> dict[str, bytes]:
    real = json.loads((MODELS / "shakespeare-a48" / "tokenizer.json").read_text())
    letters = ["a", "b", "c", "h", "e", "l", "o", "Ġ", "1", "Ċ", "Ã", "©"]
    vocab = {token: i for i, token in enumerate(letters + ["he", "ll", "hell", "hello", "Ġa"])}
    special = {"single_word": False, "lstrip": False, "rstrip": False}
    added = [
        {"id": 17, "content": "<s>", "normalized": False, "special": True, **special},
        {"id": 18, "content": "<|eot_id|>", "normalized": True, "special": False, **special},
    ]
    post = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [17], "tokens": ["<s>"]}},
    }
    base = {**real, "added_tokens": added, "post_processor": post}
    base["model"] = {**real["model"], "vocab": vocab,
                     "merges": ["h e", "l l", "he ll", "hell o", "Ġ a"]}  # fmt: skip
    gpt2 = {**base, "post_processor": None}
    gpt2["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    gpt2["model"] = {**base["model"], "ignore_merges": True, "merges": [["h", "e"], ["l", "l"]]}
    isolated = {"type": "Split", "behavior": "Isolated", "invert": False}
    regex = {**base, "normalizer": {"type": "NFKC"}, "pre_tokenizer": {
        "type": "Sequence", "pretokenizers": [
            {**isolated, "pattern": {"Regex": "[^\\r\\n\\p{L}]?\\p{Lu}+(?i:x|'s)?|[0-9]{1,3}|\\s+(?!\\S)|."}},
            {"type": "Digits", "individual_digits": True},
            {"type": "Punctuation", "behavior": "Contiguous"},
            gpt2["pre_tokenizer"]]}}  # fmt: skip
    texts = {
        "llama3": (base, "hello a <s>11\n"),
        "gpt2": (gpt2, "hello  \u00e9<|eot_id|>"),
        "regex": (regex, "HELLO's 1234 ..!  a"),
        **{name: (value, "hello  \u00e9 a<s>") for name, value in sentence_pieces().items()},
    }
    return {
        name: json.dumps(value, ensure_ascii=False).encode() + b"\0" + text.encode()
        for name, (value, text) in texts.items()
    }


# Chat templates.


def templates() -> dict[str, bytes]:
    data = HERE.parent / "data" / "templates"
    conversations = json.loads((data / "conversations.json").read_text())
    # The longest one, with tools, is for those templates that know tools.
    seeds = {}
    for path in sorted(data.glob("*.jinja")):
        text = path.read_text()
        titles = ("tools", "a call of a tool") if "tools" in text else ("several turns",)
        for title in titles:
            name = path.stem + (" " + title if len(titles) > 1 else "")
            variables = {"bos_token": "<s>", "eos_token": "</s>", **conversations[title]}
            seeds[name.replace(" ", "-")] = f"{text}\0{json.dumps(variables)}".encode()
    snippets = json.loads((data / "snippets.json").read_text())
    variables = json.dumps(snippets["variables"])
    every = snippets["templates"]
    for i in range(0, len(every), 16):
        seeds[f"snippets-{i // 16}"] = f"{''.join(every[i : i + 16])}\0{variables}".encode()
    return seeds


def sentence_pieces() -> dict[str, dict]:
    """SentencePiece's kinds: merges with bytes to fall back on, and Unigram."""
    mark = "\u2581"
    pieces = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += [mark, "h", "e", "l", "o", "a", "he", "ll", "hell", "hello", mark + "hello"]
    added = [{"id": i, "content": pieces[i], "single_word": False, "lstrip": False,
              "rstrip": False, "normalized": False, "special": True} for i in range(2)]  # fmt: skip
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": mark}
    back = {"type": "Replace", "pattern": {"String": mark}, "content": " "}
    base = {"version": "1.0", "added_tokens": added, "post_processor": None}
    merged = {
        **base,
        "normalizer": {"type": "Sequence",
                       "normalizers": [{"type": "Prepend", "prepend": mark}, replace]},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": [
            back, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                  "vocab": {piece: i for i, piece in enumerate(pieces)},
                  "merges": ["h e", "l l", "he ll", "hell o", f"{mark} hello"]},
    }  # fmt: skip
    metaspace = {"type": "Metaspace", "replacement": mark, "prepend_scheme": "always", "split": True}
    few = pieces[:2] + pieces[258:]
    unigram = {
        **base,
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": metaspace,
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
                  "vocab": [[piece, 0.0 if i < 2 else -1.5 - i] for i, piece in enumerate(few)]},
    }  # fmt: skip
    return {"sentencepiece": merged, "unigram": unigram}


SEEDS = {
    "ArtifactFuzzer": artifacts(),
    "ConfigFuzzer": configs(),
    "GenerationFuzzer": generations(),
    "GgufFuzzer": {**GGUFS, **GGUF_MODELS},
    "GrammarFuzzer": grammars(),
    "RequestFuzzer": requests(),
    "SafetensorsFuzzer": SAFETENSORS,
    "TemplateFuzzer": templates(),
    "TokenizerFuzzer": tokenizers(),
    "TokenizerModelFuzzer": sentencepiece_models(),
}


def dictionary(seeds: dict[str, bytes]) -> str:
    """The quoted words of JSON, and what else JSON is made of."""
    found = {word for seed in seeds.values() for word in re.findall(rb'"[\w.:|<>/-]{2,}"', seed)}
    found |= {b"null", b"true", b"false", b"[]", b"{}", b"1e999", b"-1", b"18446744073709551615"}
    return written(found)


def template_words(seeds: dict[str, bytes]) -> str:
    """The names in tags, and the tags."""
    tags = {tag for seed in seeds.values() for tag in re.findall(rb"\{[{%].*?[%}]\}", seed)}
    found = {word for tag in tags for word in re.findall(rb"[|.]? ?[a-z_]{2,}\(?", tag)}
    return written(found | {b"{{", b"}}", b"{%", b"%}", b"{#", b"#}", b"{%-", b"-%}", b"//", b"**"})


def written(words: set[bytes]) -> str:
    escape = lambda word: word.decode().replace("\\", "\\\\").replace('"', '\\"')
    return "".join(f'"{escape(word)}"\n' for word in sorted(words))


def main() -> None:
    for target, seeds in SEEDS.items():
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (folder / name).write_bytes(content)
        if target == "TemplateFuzzer":
            (HERE / f"{target}.dict").write_text(template_words(seeds))
        elif target == "GgufFuzzer":
            keys = re.findall(rb"[a-z]+[.][a-z0-9_.-]+[a-z0-9]", b" ".join(seeds.values()))
            (HERE / f"{target}.dict").write_text(written(set(keys)))
        elif any(content.lstrip()[:1] == b"{" or b'{"' in content for content in seeds.values()):
            (HERE / f"{target}.dict").write_text(dictionary(seeds))


if __name__ == "__main__":
    main()
