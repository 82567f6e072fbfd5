# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tokenizer.json and tokenizer_config.json of synthetic models: bytes and filler.

No kind has merges. Filler tokens are "<256>", "<257>", ...: no text
encodes to them, but every id a model may answer decodes to something.
"""

from __future__ import annotations

from .tokenizer import LLAMA3_PATTERN, QWEN2_PATTERN, byte_alphabet

_FLAGS = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
_BPE = {
    "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
    "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
}  # fmt: skip


def _file(special: dict[int, str], **parts: object) -> dict:
    added = [{"id": i, "content": t, **_FLAGS, "special": True} for i, t in sorted(special.items())]
    head = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added}
    return {**head, "normalizer": None, "pre_tokenizer": None, "post_processor": None, **parts}


def byte_level(vocab_size: int, bos: int, eos: list[int]) -> tuple[dict, dict]:
    """Byte-level BPE: bytes are the first 256 ids that are not special."""
    special = {i: f"<|special_{i}|>" for i in eos}
    special.update({eos[0]: "<|end_of_text|>", bos: "<|begin_of_text|>"})
    names = {"bos_token": special[bos], "eos_token": special[eos[0]]}
    config = {**names, "tokenizer_class": "PreTrainedTokenizerFast"}
    return _byte_level(vocab_size, special, LLAMA3_PATTERN), config


def qwen(vocab_size: int, bos: int, eos: list[int]) -> tuple[dict, dict]:
    """Byte-level BPE as Qwen2's: a text begins with nothing, a turn ends with <|im_end|>."""
    start = bos - 1 if bos + 1 in eos else bos + 1
    special = {bos: "<|endoftext|>", start: "<|im_start|>", eos[0]: "<|im_end|>"}
    names = {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    config = {"add_bos_token": False, **names, "tokenizer_class": "Qwen2Tokenizer"}
    return _byte_level(vocab_size, special, QWEN2_PATTERN), config


def _byte_level(vocab_size: int, special: dict[int, str], pattern: str) -> dict:
    free = [i for i in range(vocab_size) if i not in special]
    vocab = dict(zip(byte_alphabet(), free))
    vocab.update({f"<{i}>": i for i in free[256:]})
    split = {"type": "Split", "pattern": {"Regex": pattern}}
    split.update({"behavior": "Isolated", "invert": False})
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False}
    bytes_.update({"trim_offsets": True, "use_regex": False})
    steps = {"type": "Sequence", "pretokenizers": [split, bytes_]}
    model = {**_BPE, "vocab": vocab, "merges": []}
    return _file(special, pre_tokenizer=steps, decoder=bytes_, model=model)


def sentencepiece(vocab_size: int, bos: int, eos: list[int]) -> tuple[dict, dict]:
    """As Llama-2's: spaces become U+2581, one is put first, bytes fall back."""
    special = {0: "<unk>", bos: "<s>", eos[0]: "</s>"}
    free = [i for i in range(vocab_size) if i not in special]
    vocab = {text: i for i, text in sorted(special.items())}
    vocab.update({f"<0x{byte:02X}>": free[byte] for byte in range(256)})
    vocab.update({f"<{i}>": i for i in free[256:]})
    mark = "\u2581"
    before = [{"type": "Prepend", "prepend": mark}]
    before.append({"type": "Replace", "pattern": {"String": " "}, "content": mark})
    after = [{"type": "Replace", "pattern": {"String": mark}, "content": " "}]
    after += [{"type": "ByteFallback"}, {"type": "Fuse"}]
    after.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    model = {**_BPE, "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}
    model.update({"vocab": vocab, "merges": []})
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    config = {"add_bos_token": True, "add_eos_token": False, **names}
    config["tokenizer_class"] = "LlamaTokenizer"
    return (
        _file(
            special,
            normalizer={"type": "Sequence", "normalizers": before},
            decoder={"type": "Sequence", "decoders": after},
            model=model,
        ),
        config,
    )


def write_tokenizer(kind: str, vocab_size: int, context: int, bos: int, eos: list[int]) -> dict:
    """Files by name."""
    make = {"byte_level": byte_level, "qwen": qwen, "sentencepiece": sentencepiece}[kind]
    tokenizer, config = make(vocab_size, bos, eos)
    config = {**config, "model_max_length": context}
    return {"tokenizer.json": tokenizer, "tokenizer_config.json": config}
