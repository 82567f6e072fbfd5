# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a model directory as a GGUF file, and reads one's table, for tests.

Written from the description of the format; the compiler's reader shares nothing
with it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .checkpoint import Layer, Linear, load
from .config import Config, read_config
from .delta import DeltaWeights
from .gguf_encodings import ENCODINGS, Encoding
from .numerics import F32
from .safetensors import Reader
from .tiled import tile
from .tokenizer import LLAMA3_PATTERN, QWEN2_PATTERN

ALIGNMENT = 32
_U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9


@dataclass(frozen=True)
class Tensor:
    """Sizes as in numpy, rows first; `data` as the file has it."""

    name: str
    shape: tuple[int, ...]
    type: int
    data: bytes | np.ndarray  # of bytes


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _value(value: object) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", _U32, value)
    if isinstance(value, float):
        return struct.pack("<If", _F32, value)
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _string(value)
    if not isinstance(value, list):
        raise TypeError(f"no kind for {value!r}")
    if value and all(isinstance(item, float) for item in value):
        return struct.pack(f"<IIQ{len(value)}f", _ARRAY, _F32, len(value), *value)
    if all(isinstance(item, str) for item in value):
        head = struct.pack("<IIQ", _ARRAY, _STRING, len(value))
        return head + b"".join(map(_string, value))
    return struct.pack(f"<IIQ{len(value)}i", _ARRAY, _I32, len(value), *value)


def write(path: Path, metadata: dict[str, object], tensors: list[Tensor]) -> None:
    """A file of version 3; ints become u32, floats f32, in lists i32 and f32."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += _string(key) + _value(value)
    offset = 0
    for tensor in tensors:
        sizes = tensor.shape[::-1]
        head += _string(tensor.name) + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
        head += struct.pack("<IQ", tensor.type, offset)
        offset += len(tensor.data) + -len(tensor.data) % ALIGNMENT
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % ALIGNMENT))
        for tensor in tensors:
            file.write(tensor.data)
            file.write(bytes(-len(tensor.data) % ALIGNMENT))


_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?",
            10: "Q", 11: "q", 12: "d"}  # fmt: skip


class _Cursor:
    """Reads values front to back."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def numbers(self, code: str, count: int = 1) -> list:
        values = struct.unpack_from(f"<{count}{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{count}{code}")
        return list(values)

    def number(self, code: str):
        return self.numbers(code)[0]

    def string(self) -> str:
        size = self.number("Q")
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def value(self) -> object:
        kind = self.number("I")
        if kind == _ARRAY:
            kind, count = self.numbers("I")[0], self.number("Q")
            if kind == _STRING:
                return [self.string() for _ in range(count)]
            return self.numbers(_FORMATS[kind], count)
        return self.string() if kind == _STRING else self.number(_FORMATS[kind])


def read(path: Path) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Metadata and tensors; data run up to the next tensor, padding included."""
    cursor = _Cursor(path.read_bytes())
    cursor.at = 8
    tensors, values = cursor.numbers("Q", 2)
    metadata = {cursor.string(): cursor.value() for _ in range(values)}
    table = []
    for _ in range(tensors):
        name = cursor.string()
        shape = tuple(cursor.numbers("Q", cursor.number("I"))[::-1])
        table.append((name, shape, cursor.number("I"), cursor.number("Q")))
    start = cursor.at + -cursor.at % ALIGNMENT
    ends = [offset for *_, offset in table[1:]] + [len(cursor.data) - start]
    return metadata, {
        name: Tensor(name, shape, kind, cursor.data[start + offset : start + end])
        for (name, shape, kind, offset), end in zip(table, ends)
    }


_KINDS = {"F32": 0, "F16": 1, "BF16": 30}


def write_masters(directory: Path, path: Path) -> None:
    """A directory's floating point as it is, mapped; relu2 with sub-norms only."""
    config, reader, tensors = read_config(directory), Reader(directory), []
    for name, entry in reader.entries.items():
        data = np.memmap(entry.path, np.uint8, "r", entry.begin, (entry.end - entry.begin,))
        tensors.append(Tensor(_gguf_name(name), entry.shape, _KINDS[entry.dtype], data))
    metadata = _model_metadata(config, "bitnet-b1.58")
    write(path, metadata | _tokenizer_metadata(directory, config), tensors)


def _gguf_name(name: str) -> str:
    """Of a tensor in a directory with the usual names."""
    parts = name.split(".")
    if parts[1] != "layers":
        return _OTHERS[name.removesuffix(".weight")] + ".weight"
    return f"blk.{parts[2]}.{(_LINEARS | _NORMS)[parts[-2]]}.weight"


def _table(name: str, values: np.ndarray) -> Tensor:
    """An embedding or head: bf16 or f16 if that holds all of it, else f32."""
    bits = values.astype(F32).view(np.uint32)
    if not np.any(bits & 0xFFFF):
        return Tensor(name, values.shape, 30, (bits >> 16).astype(np.uint16).tobytes())
    halves = values.astype(np.float16)
    if np.array_equal(halves, values):
        return Tensor(name, values.shape, 1, halves.tobytes())
    return _plain(name, values)


def _table_as(name: str, table: np.ndarray | Linear, encoding: Encoding) -> Tensor:
    """The same, or digits in the encoding of the other matrices."""
    if not isinstance(table, Linear):
        return _table(name, table)
    return _matrix(name, table.digits, table.alpha, encoding)


def _plain(name: str, values: np.ndarray) -> Tensor:
    return Tensor(name, values.shape, 0, values.astype(F32).tobytes())


def _matrix(name: str, digits: np.ndarray, alpha: np.ndarray, encoding: Encoding) -> Tensor:
    alpha = alpha.reshape(len(alpha), -1)
    return Tensor(name, digits.shape, encoding.id, encoding.encode(digits, alpha))


def _pair_rows(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Rows (i, i + half) of each head become neighbours, as for the llama architecture."""
    rows, columns = matrix.shape
    halves = matrix.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


_LINEARS = {
    "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
    "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
    "in_proj_qkv": "attn_qkv", "in_proj_z": "attn_gate", "out_proj": "ssm_out",
}  # fmt: skip


_NORMS = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "attn_sub_norm": "attn_sub_norm", "ffn_sub_norm": "ffn_sub_norm",
}  # fmt: skip
_OTHERS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def _recurrent(base: str, delta: DeltaWeights) -> list[Tensor]:
    """Tensors without digits, in the order of the file's heads."""
    return [
        _table(base + "ssm_beta.weight", delta.write),
        _table(base + "ssm_alpha.weight", delta.keep),
        _plain(base + "ssm_dt.bias", delta.bias),
        _plain(base + "ssm_a", delta.rate),
        _plain(base + "ssm_conv1d.weight", np.ascontiguousarray(delta.taps.T)),
        _plain(base + "ssm_norm.weight", delta.norm),
    ]


def _layer(
    layer: Layer, index: int, encoding: Encoding, paired: dict[str, int], hybrid: bool
) -> list[Tensor]:
    base = f"blk.{index}."
    norms = {
        "attn_norm": layer.input_norm,
        "post_attention_norm" if hybrid else "ffn_norm": layer.post_attention_norm,
        "attn_q_norm": layer.q_norm,
        "attn_k_norm": layer.k_norm,
        "attn_sub_norm": layer.attn_sub_norm,
        "ffn_sub_norm": layer.ffn_sub_norm,
    }
    out = [_plain(f"{base}{k}.weight", v) for k, v in norms.items() if v is not None]
    for name, linear in layer.linears.items():
        digits, alpha = linear.digits, linear.alpha.reshape(len(linear.alpha), -1)
        if name in paired:
            digits = _pair_rows(digits, paired[name])
            alpha = alpha if len(alpha) == 1 else _pair_rows(alpha, paired[name])
        out.append(_matrix(f"{base}{_LINEARS[name]}.weight", digits, alpha, encoding))
        if linear.bias is not None:
            bias = linear.bias[:, None]
            bias = _pair_rows(bias, paired[name]) if name in paired else bias
            out.append(_plain(f"{base}{_LINEARS[name]}.bias", bias[:, 0]))
    return out if layer.delta is None else out + _recurrent(base, layer.delta)


def _model_metadata(c: Config, architecture: str) -> dict[str, object]:
    fields = {
        "context_length": c.max_position_embeddings,
        "embedding_length": c.hidden_size,
        "feed_forward_length": c.intermediate_size,
        "block_count": c.num_hidden_layers,
        "attention.head_count": c.num_attention_heads,
        "attention.head_count_kv": c.num_key_value_heads,
        "attention.key_length": c.head_dim,
        "attention.value_length": c.head_dim,
        "attention.layer_norm_rms_epsilon": float(c.rms_norm_eps),
        "rope.freq_base": float(c.rope.theta),
        "rope.dimension_count": c.rotary_dim,
        "vocab_size": c.vocab_size,
    }
    if c.delta:
        fields.update({
            "full_attention_interval": c.recurrent.index(False) + 1,
            "rope.dimension_sections": [11, 11, 10, 0],
            "ssm.conv_kernel": c.delta.taps,
            "ssm.state_size": c.delta.key_dim,
            "ssm.group_count": c.delta.key_heads,
            "ssm.time_step_rank": c.delta.value_heads,
            "ssm.inner_size": c.delta.values,
        })  # fmt: skip
    if c.family == "minicpm":
        scales = (c.embedding_scale, c.residual_scale, c.head_divisor)
        fields.update(zip(("embedding_scale", "residual_scale", "logit_scale"), map(float, scales)))
    out: dict[str, object] = {"general.architecture": architecture}
    out.update({f"{architecture}.{key}": value for key, value in fields.items()})
    return out


def _rope_scaling(directory: Path) -> dict:
    raw = json.loads((directory / "config.json").read_text())
    return raw.get("rope_scaling") or raw.get("rope_parameters") or {}


def _rope_metadata(directory: Path, architecture: str) -> dict[str, object]:
    """Of YaRN and longrope; factors of others are a tensor."""
    scaling = _rope_scaling(directory)
    kind = scaling.get("rope_type") or scaling.get("type")
    if kind not in ("yarn", "longrope"):
        return {}
    prefix = f"{architecture}.rope.scaling"
    original = int(scaling["original_max_position_embeddings"])
    out: dict[str, object] = {f"{prefix}.type": kind, f"{prefix}.original_context_length": original}
    if kind == "yarn":
        out[f"{prefix}.factor"] = float(scaling["factor"])
    return out


def _rope_tensors(directory: Path) -> list[Tensor]:
    scaling = _rope_scaling(directory)
    return [
        _plain(f"rope_factors_{kind}.weight", np.array(scaling[f"{kind}_factor"], F32))
        for kind in ("short", "long")
        if f"{kind}_factor" in scaling
    ]


def _tokens(root: dict, vocab_size: int) -> tuple[list[str], list[int]]:
    """Names and types by id."""
    names = [f"[PAD{i}]" for i in range(vocab_size)]
    types = [5] * len(names)
    for token, number in root["model"]["vocab"].items():
        names[number], types[number] = token, 1
    for token in root["added_tokens"]:
        names[token["id"]] = token["content"]
        types[token["id"]] = 3 if token["special"] else 4
    return names, types


def _sentencepiece_metadata(root: dict, config: Config, adds_bos: bool) -> dict[str, object]:
    """Pieces have the rank of their first merge, negative, as score."""
    names, types = _tokens(root, config.vocab_size)
    scores = [0.0] * len(names)
    made = ["".join(merge) for merge in root["model"]["merges"]]
    for rank, piece in reversed(list(enumerate(made))):
        scores[root["model"]["vocab"][piece]] = -float(rank)
    for number, name in enumerate(names):
        if types[number] == 1 and name.startswith("<0x"):
            types[number] = 6
    types[names.index(root["model"]["unk_token"])] = 2
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": names,
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.unknown_token_id": types.index(2),
        "tokenizer.ggml.add_bos_token": adds_bos,
        **_special_ids(config),
    }


def _tokenizer_metadata(directory: Path, config: Config) -> dict[str, object]:
    path = directory / "tokenizer.json"
    if not path.exists():
        return {}
    root = json.loads(path.read_text(encoding="utf-8"))
    if root["model"]["byte_fallback"]:
        more = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
        adds_bos = root["post_processor"] is not None or more.get("add_bos_token", False)
        return _sentencepiece_metadata(root, config, adds_bos)
    steps = root["pre_tokenizer"]["pretokenizers"]
    llama3 = "llama-bpe" if root["model"].get("ignore_merges") else "dbrx"
    patterns = {LLAMA3_PATTERN: llama3, QWEN2_PATTERN: "qwen2"}
    name = patterns.get(steps[0].get("pattern", {}).get("Regex"))
    if name is None:
        raise ValueError("only Llama-3's and Qwen2's split patterns have names here")
    names, types = _tokens(root, config.vocab_size)
    out: dict[str, object] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": name,
        "tokenizer.ggml.tokens": names,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": root["model"]["merges"],
        "tokenizer.ggml.add_bos_token": root["post_processor"] is not None,
    }
    return {**out, **_special_ids(config)}


def _special_ids(config: Config) -> dict[str, object]:
    out: dict[str, object] = {}
    if config.bos_token_id is not None:
        out["tokenizer.ggml.bos_token_id"] = config.bos_token_id
    for key, number in zip(("eos_token_id", "eot_token_id"), config.eos_token_ids):
        out[f"tokenizer.ggml.{key}"] = number
    return out


def convert(directory: Path, path: Path, kind: str) -> None:
    """The model of a directory, its ternary matrices encoded as `kind`."""
    checkpoint = load(directory)
    config, encoding = checkpoint.config, ENCODINGS[kind]
    is_llama = checkpoint.layers[0].attn_sub_norm is None and config.hidden_act == "silu"
    architecture = "llama" if is_llama else "bitnet-b1.58"
    if config.family in ("qwen3", "minicpm"):
        architecture = config.family
    if config.delta:
        architecture, checkpoint = "qwen35", tile(checkpoint)
    paired = {}
    if architecture in ("llama", "minicpm"):
        paired = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    tensors = [_table_as("token_embd.weight", checkpoint.table, encoding)]
    for index, layer in enumerate(checkpoint.layers):
        tensors += _layer(layer, index, encoding, paired, config.delta is not None)
    tensors.append(_plain("output_norm.weight", checkpoint.norm))
    if not config.tie_word_embeddings:
        tensors.append(_table_as("output.weight", checkpoint.head, encoding))
    metadata = _model_metadata(config, architecture)
    metadata.update(_rope_metadata(directory, architecture))
    tensors += _rope_tensors(directory)
    metadata.update(_tokenizer_metadata(directory, config))
    write(path, metadata, tensors)
