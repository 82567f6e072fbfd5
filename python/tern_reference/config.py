# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The content of config.json, checked: an unknown value is an error, never a guess."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

from .delta import DeltaNet
from .numerics import SCHEMES, hadamard_block
from .rope import Rope, llama3_divisors, longrope_factor, rope_periods
from .rope import yarn_bounds, yarn_divisors, yarn_factor

FLOATS = "f32"  # the scheme that makes no integers

ATTENTION_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP_PROJECTIONS = ("gate_proj", "up_proj", "down_proj")
PROJECTIONS = ATTENTION_PROJECTIONS + MLP_PROJECTIONS
DELTA_PROJECTIONS = ("in_proj_qkv", "in_proj_z", "out_proj")  # of recurrent layers
KV_BITS = (3, 4, 8, 16)
SMALLEST_HADAMARD_BLOCK = 4
SMALLEST_BLOCK = 4  # of features that share a factor
DEFAULT_BLOCK = 128  # of models that were trained without quantized activations
REQUIRED = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "vocab_size", "max_position_embeddings", "rms_norm_eps", "hidden_act",
)  # fmt: skip


class ConfigError(ValueError):
    """config.json asks for something this package does not know."""


@dataclass(frozen=True)
class ActivationQuant:
    """How the input of one projection becomes integers; "f32": it does not."""

    scheme: str = "int8_absmax"
    topk: float | None = None
    hadamard: bool = False  # of the row, before all else
    block: int | None = None  # features that share a factor; None: all


@dataclass(frozen=True)
class Config:
    """A model's shape and arithmetic, in Hugging Face's names."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    max_position_embeddings: int
    rms_norm_eps: float
    rope: Rope
    hidden_act: str
    tie_word_embeddings: bool
    bos_token_id: int | None
    eos_token_ids: tuple[int, ...]
    # multiplies | divides | none: ternarize the masters | products | affine: as MLX
    weight_scale: str
    family: str = "bitnet"  # bitnet | llama | qwen3 | minicpm | qwen3_5
    rotary_dim: int = 0  # features of a head that are turned
    output_gate: bool = False  # q_proj has, behind each head's query, its gate
    norms_from_one: bool = False  # stored as w where 1 + w is meant
    delta: DeltaNet | None = None  # of a hybrid's recurrent layers
    recurrent: tuple[bool, ...] = ()  # which layers these are
    embedding_scale: float = 1.0  # multiplies rows of the embedding
    residual_scale: float = 1.0  # multiplies what attention and MLP add
    head_divisor: float = 1.0  # divides the input of the head
    weight_group: int = 0  # columns that share a scale, of products and affine codes
    inner_norm_eps: float | None = None  # of an rms_norm in each projection, if there is one
    activations: dict[str, ActivationQuant] = field(default_factory=dict)
    kv_bits: int = 16
    bos_bits: int = 16
    q_bits: int = 8

    @property
    def head_norms(self) -> bool:
        """Each head of q and k is normed before it is rotated."""
        return self.family in ("qwen3", "qwen3_5")

    def is_recurrent(self, layer: int) -> bool:
        return bool(self.recurrent) and self.recurrent[layer]

    @property
    def projections(self) -> tuple[str, ...]:
        """Of all kinds of layers."""
        return PROJECTIONS + (DELTA_PROJECTIONS if self.delta else ())

    @property
    def queries_per_kv_head(self) -> int:
        return self.num_attention_heads // self.num_key_value_heads


# By the class in `architectures`; BitNets and Llamas share a graph.
FAMILIES = {
    "BitNetForCausalLM": "bitnet", "BitnetForCausalLM": "bitnet", "LlamaForCausalLM": "llama",
    "Qwen3ForCausalLM": "qwen3", "MiniCPMForCausalLM": "minicpm", "MiniCPM4ForCausalLM": "minicpm",
    "Qwen3_5ForCausalLM": "qwen3_5", "Qwen3_5ForConditionalGeneration": "qwen3_5",
}  # fmt: skip


def _choice(value: object, allowed: tuple, what: str) -> object:
    if value not in allowed:
        names = ", ".join(map(str, allowed))
        raise ConfigError(f"config.json: {what} is {value!r}, expected one of {names}")
    return value


def _affine_group(quantization: dict) -> int:
    """MLX's `quantization`: only 2 bits can be digits."""
    _choice(quantization.get("mode", "affine"), ("affine",), "quantization.mode")
    _choice(quantization.get("bits", 4), (2,), "quantization.bits")
    return quantization.get("group_size", 64)


PRODUCT_GROUP = 128


def _weight_form(raw: dict, family: str) -> tuple[str, int]:
    """How ternary matrices are stored, and the columns that share a scale."""
    affine, quantization = raw.get("quantization"), raw.get("quantization_config")
    if affine:
        return "affine", _affine_group(affine)
    if quantization:
        return _weight_scale(quantization), 0
    if family == "bitnet" or "weight_bits" in raw:
        return "none", 0
    return "products", PRODUCT_GROUP


def _weight_scale(quantization: dict) -> str:
    """The meaning of `weight_scale`, from `quantization_config`."""
    _choice(quantization.get("quant_method"), ("bitnet",), "quant_method")
    linear = quantization.get("linear_class") or "bitlinear"
    mode = quantization.get("quantization_mode") or "offline"
    _choice(linear, ("bitlinear", "autobitlinear"), "linear_class")
    _choice(mode, ("offline", "online"), "quantization_mode")
    if mode == "online":
        return "none"
    return "multiplies" if linear == "autobitlinear" else "divides"


def _family(raw: dict) -> str:
    """bitnet, llama, qwen3, minicpm or qwen3_5."""
    names = raw.get("architectures") or []
    kind = raw.get("model_type")
    kind = {"minicpm4": "minicpm", "qwen3_5_text": "qwen3_5"}.get(kind, kind)
    families = {FAMILIES.get(name) for name in names} | {kind}
    families.discard(None)
    if len(families) > 1 and families != {"bitnet", "llama"}:
        raise ConfigError(f"config.json: {', '.join(sorted(families))} are not one model")
    return str(_choice(min(families, default=None), tuple(FAMILIES.values()), "model_type"))


def _minicpm_scales(raw: dict) -> dict[str, float]:
    """Of the embedding, of the depth and of the width, each rounded once to f32."""
    depth = raw["scale_depth"] / math.sqrt(raw["num_hidden_layers"])
    return dict(
        embedding_scale=float(raw["scale_emb"]),
        residual_scale=depth,
        head_divisor=raw["hidden_size"] / raw["dim_model_base"],
    )


def _rope(raw: dict, head_dim: int) -> Rope:
    rope = {**(raw.get("rope_scaling") or {}), **(raw.get("rope_parameters") or {})}
    theta = float(rope.get("rope_theta") or raw.get("rope_theta") or 10000.0)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    _choice(kind, ("default", "linear", "llama3", "yarn", "longrope"), "rope_type")
    if kind == "default":
        return Rope(theta)
    periods = rope_periods(head_dim, theta)
    if kind == "linear":
        return Rope(theta, (float(rope["factor"]),) * len(periods))
    if kind == "yarn":
        return _yarn(rope, head_dim, theta)
    if kind == "longrope":
        return _longrope(rope, raw["max_position_embeddings"], theta)
    names = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    return Rope(theta, tuple(llama3_divisors(periods, *(float(rope[name]) for name in names))))


def _yarn(rope: dict, head_dim: int, theta: float) -> Rope:
    if "original_max_position_embeddings" not in rope:
        raise ConfigError("config.json: yarn without original_max_position_embeddings")
    factor, original = float(rope["factor"]), rope["original_max_position_embeddings"]
    fast, slow = rope.get("beta_fast") or 32, rope.get("beta_slow") or 1
    bounds = yarn_bounds(head_dim, theta, original, fast, slow, rope.get("truncate", True))
    table = rope.get("attention_factor")
    if table is None:
        table = yarn_factor(factor)
        weight, all_dim = rope.get("mscale"), rope.get("mscale_all_dim")
        if weight and all_dim:
            table = yarn_factor(factor, weight) / yarn_factor(factor, all_dim)
    return Rope(theta, tuple(yarn_divisors(head_dim, factor, *bounds)), table)


def _longrope(rope: dict, positions: int, theta: float) -> Rope:
    original = rope["original_max_position_embeddings"]
    if positions > original and rope["short_factor"] != rope["long_factor"]:
        raise ConfigError("config.json: longrope with two lists needs two tables")
    table = rope.get("attention_factor")
    if table is None:
        table = longrope_factor(positions, original)
    return Rope(theta, tuple(map(float, rope["short_factor"])), table)


def _inner_norm_eps(quantization: dict) -> float | None:
    if not quantization.get("use_rms_norm"):
        return None
    return quantization.get("rms_norm_eps", 1e-6)


def _activations(table: dict, absent: dict[str, ActivationQuant]) -> dict[str, ActivationQuant]:
    """`absent`: of a config that says nothing; its keys are the model's projections."""
    result = {name: ActivationQuant() for name in absent} if table else dict(absent)
    for name, entry in table.items():
        _choice(name, (*absent, "lm_head"), "a key of activation_quantization")
        for key in entry:
            keys = ("scheme", "topk", "hadamard", "block")
            _choice(key, keys, f"a key of {name}'s quantization")
        scheme = entry.get("scheme", "int8_absmax")
        _choice(scheme, (*SCHEMES, FLOATS), f"scheme of {name}")
        topk = entry.get("topk")
        if topk is not None and not 0 < topk <= 1:
            raise ConfigError(f"config.json: topk of {name} is {topk}, expected (0, 1]")
        hadamard = _choice(entry.get("hadamard", False), (False, True), f"hadamard of {name}")
        block = entry.get("block")
        if block is not None and block < SMALLEST_BLOCK:
            raise ConfigError(
                f"config.json: block of {name} is {block}, expected {SMALLEST_BLOCK} or more"
            )
        if scheme == FLOATS and (block is not None or topk not in (None, 1)):
            raise ConfigError(f"config.json: {name} has no codes, so no block and no topk")
        result[name] = ActivationQuant(scheme, topk, hadamard, block)
    if "lm_head" not in result:  # of a ternary head
        result["lm_head"] = replace(result["q_proj"], topk=None, hadamard=False)
    return result


def default_quantization(weight_only: bool, columns: int) -> ActivationQuant:
    """Where a config says nothing of the inputs of a projection with so many columns.

    `weight_only`: digits times scales of a model whose activations were not quantized in
    training. Blocks are the largest power of two up to 128 that divides the columns.
    """
    block = columns & -columns if columns % DEFAULT_BLOCK else DEFAULT_BLOCK
    if weight_only and block >= SMALLEST_BLOCK:
        return ActivationQuant(block=block)
    return ActivationQuant()


def _check_activations(config: Config) -> None:
    """Refuses rows that a transform would hardly mix, or that blocks do not fill."""
    for name, quant in config.activations.items():
        columns = {
            "o_proj": config.num_attention_heads * config.head_dim,
            "down_proj": config.intermediate_size,
            "out_proj": config.delta.values if config.delta else 0,
        }.get(name, config.hidden_size)
        if quant.block is not None and columns % quant.block:
            raise ConfigError(
                f"config.json: block of {name} is {quant.block}, which does not divide its "
                f"{columns} inputs"
            )
        if quant.hadamard and hadamard_block(columns) < SMALLEST_HADAMARD_BLOCK:
            raise ConfigError(
                f"config.json: hadamard of {name} needs a multiple of "
                f"{SMALLEST_HADAMARD_BLOCK} features, not {columns}"
            )


def _text_config(raw: dict) -> dict:
    """The text model's fields of a model of text and pictures, and those of both."""
    if raw.get("model_type") != "qwen3_5":
        return raw
    own = {k: v for k, v in raw.items() if k not in ("text_config", "vision_config", "model_type")}
    return {**own, **raw["text_config"], **{k: own[k] for k in ("eos_token_id",) if k in own}}


def _hybrid(raw: dict, head_dim: int) -> dict:
    """Fields of a Config that a qwen3_5 alone has."""
    count = raw["num_hidden_layers"]
    interval = raw.get("full_attention_interval") or 4
    recurrent = [(layer + 1) % interval != 0 for layer in range(count)]
    if raw.get("layer_types"):
        for kind in raw["layer_types"]:
            _choice(kind, ("linear_attention", "full_attention"), "an entry of layer_types")
        recurrent = [kind == "linear_attention" for kind in raw["layer_types"]]
    if len(recurrent) != count or all(recurrent):
        raise ConfigError("config.json: layer_types is expected to name attention, of all layers")
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    share = rope.get("partial_rotary_factor", raw.get("partial_rotary_factor", 0.25))
    delta = DeltaNet(
        raw.get("linear_num_key_heads", 16),
        raw.get("linear_num_value_heads", 32),
        raw.get("linear_key_head_dim", 128),
        raw.get("linear_value_head_dim", 128),
        raw.get("linear_conv_kernel_dim", 4),
    )
    if delta.value_heads % delta.key_heads:
        raise ConfigError("config.json: value heads are not a multiple of key heads")
    return dict(
        rotary_dim=int(head_dim * share),
        output_gate=raw.get("attn_output_gate", True),
        norms_from_one=True,
        delta=delta,
        recurrent=tuple(recurrent),
    )


def parse_config(raw: dict) -> Config:
    """config.json as parsed JSON -> Config."""
    raw = _text_config(raw)
    missing = [key for key in REQUIRED if key not in raw]
    if missing:
        raise ConfigError(f"config.json: missing {', '.join(missing)}")
    heads = raw["num_attention_heads"]
    eos = raw.get("eos_token_id")
    eos_ids = () if eos is None else (eos,) if isinstance(eos, int) else tuple(eos)
    kv = raw.get("kv_cache_quantization") or {}
    kv_bits = _choice(kv.get("bits", 16), KV_BITS, "kv_cache_quantization.bits")
    bos_bits = _choice(kv.get("bos_bits", kv_bits), KV_BITS, "bos_bits")
    q_bits = _choice(kv.get("q_bits", 8), (4, 8), "q_bits")
    family = _family(raw)
    head_dim = raw.get("head_dim") or {"qwen3": 128, "qwen3_5": 256}.get(
        family, raw["hidden_size"] // heads
    )
    hybrid = _hybrid(raw, head_dim) if family == "qwen3_5" else dict(rotary_dim=head_dim)
    delta = hybrid.get("delta")
    weight_scale, weight_group = _weight_form(raw, family)
    queries = heads * head_dim
    columns = {"o_proj": queries, "down_proj": raw["intermediate_size"]}
    columns["out_proj"] = delta.values if delta else 0
    absent = {
        name: default_quantization(weight_group != 0, columns.get(name, raw["hidden_size"]))
        for name in PROJECTIONS + (DELTA_PROJECTIONS if delta else ())
    }
    config = Config(
        hidden_size=raw["hidden_size"],
        intermediate_size=raw["intermediate_size"],
        num_hidden_layers=raw["num_hidden_layers"],
        num_attention_heads=heads,
        num_key_value_heads=raw.get("num_key_value_heads") or heads,
        head_dim=head_dim,
        vocab_size=raw["vocab_size"],
        max_position_embeddings=raw["max_position_embeddings"],
        rms_norm_eps=raw["rms_norm_eps"],
        rope=_rope(raw, hybrid["rotary_dim"]),
        family=family,
        **hybrid,
        **(_minicpm_scales(raw) if family == "minicpm" else {}),
        inner_norm_eps=_inner_norm_eps(raw.get("quantization_config") or {}),
        hidden_act=_choice(raw["hidden_act"], ("relu2", "silu"), "hidden_act"),
        tie_word_embeddings=raw.get("tie_word_embeddings", family == "minicpm"),
        bos_token_id=raw.get("bos_token_id"),
        eos_token_ids=eos_ids,
        weight_scale=weight_scale,
        weight_group=weight_group,
        activations=_activations(raw.get("activation_quantization") or {}, absent),
        kv_bits=kv_bits,
        bos_bits=bos_bits,
        q_bits=q_bits,
    )
    if heads % config.num_key_value_heads:
        raise ConfigError("config.json: num_attention_heads is not a multiple of kv heads")
    if config.head_dim % 2:
        raise ConfigError("config.json: head_dim is odd, RoPE needs pairs")
    _check_activations(config)
    return config


def read_config(directory: Path) -> Config:
    return parse_config(json.loads((directory / "config.json").read_text()))
