# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_reference.synth -o DIR ...`: random checkpoints of any shape and encoding.

For tests and benchmarks where no real checkpoint can be had: names, shapes and
encodings are the real ones, the numbers are random but behave (see
synth_tensors). The same flags and seed give the same files.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from . import gguf
from .delta import DeltaNet
from .exit_status import exit_status
from .published import PUBLISHED
from .safetensors import write_shards
from .synth_tensors import Plan, Spec, Tensors
from .synth_tokenizer import write_tokenizer

TABLES = ("float", "ternary")
ENCODINGS = (
    "packed-multiply", "packed-divide", "master-bf16", "master-f16", "master-f32",
    "products-f16", "products-bf16", "products-f32", "affine",
)  # fmt: skip
# Those of published directories of one model; `--gguf` writes the other forms.
FORMS = {"unpacked": "products-f16", "bf16": "products-bf16", "mlx": "affine"}

DEFAULTS = dict(
    hidden=192, intermediate=512, layers=2, heads=3, kv_heads=1, head_dim=None, vocab=1024,
    context=256, theta=10000.0, eps=1e-5, encoding="packed-multiply", scheme="b158", act="relu2",
    sub_norms=True, norm_names="sub_norm", tied=True, shards=1, seed=0, topk=None, kv_bits=None,
    bos_bits=None, gate_zeros=None, down_zeros=None, bos=None, eos=None, scales="tensor",
    table="float", head=None, group_size=32, bias="none", inner_norms=False, rope="default",
    block=None, family="bitnet", scale_emb=12, scale_depth=1.4, dim_model_base=40,
    key_heads=2, value_heads=4, key_dim=16, value_dim=24, taps=4, interval=4, rotary=0.25,
    nested=False,
)  # fmt: skip


# Class and settings of each family; BitNet's are those of DEFAULTS.
_LLAMA = dict(act="silu", sub_norms=False)
FAMILIES = {
    "bitnet": ("BitNetForCausalLM", {}),
    "llama": ("LlamaForCausalLM", _LLAMA),
    "qwen3": ("Qwen3ForCausalLM", _LLAMA),
    "minicpm": ("MiniCPMForCausalLM", _LLAMA),
    "qwen3_5": ("Qwen3_5ForCausalLM", _LLAMA),
}

ROPE = ("default", "linear", "llama3", "yarn", "yarn-mscale", "longrope", "longrope-far")


def _rope_scaling(s: dict) -> dict | None:
    """With numbers such that all cases of a formula occur at small sizes."""
    kind, original = s["rope"], "original_max_position_embeddings"
    pairs = range(s["head_dim"] // 2)
    if kind == "linear":
        return {"rope_type": "linear", "factor": 4.0}
    if kind == "llama3":
        bounds = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
        return {"rope_type": "llama3", "factor": 8.0, **bounds, original: 8192}
    if kind == "yarn":
        return {"rope_type": "yarn", "factor": 4.0, original: 8192}
    if kind == "yarn-mscale":
        weights = {"mscale": 0.7, "mscale_all_dim": 0.3, "beta_fast": 24, "truncate": False}
        return {"rope_type": "yarn", "factor": 6.0, **weights, original: 4096}
    if kind.startswith("longrope"):
        curve = [1 + 30 / (1 + math.exp((len(pairs) / 2 - i) / 4)) for i in pairs]
        factors = [round(64 * factor) / 64 for factor in curve]  # exact in float32
        lists = {"long_factor": factors, "short_factor": factors}
        far = kind == "longrope-far"
        return {"rope_type": "longrope", **lists, original: s["context"] // (4 if far else 1)}
    return None


def _shape(hidden, intermediate, layers, heads, kv_heads, vocab, context=2048, **more) -> dict:
    return dict(
        hidden=hidden, intermediate=intermediate, layers=layers, heads=heads, kv_heads=kv_heads,
        vocab=vocab, context=context, **more,
    )  # fmt: skip


_A48 = dict(scheme="a48", kv_bits=3, bos_bits=4)
_1BITLLM = dict(encoding="master-f32", act="silu", norm_names="inner_ln", tied=False)

_INT8 = {"scheme": "int8_absmax"}
_MIXED_INT8 = {**_INT8, "hadamard": True}
_MIXED_INT4 = {"scheme": "int4_absmean", "hadamard": True}

# How activations are quantized: the inputs of q, k, v, gate and up; of o; of down.
SCHEMES = {
    "b158": ("int8_absmax", _INT8, _INT8),
    "a48": ("int4_absmean", {**_INT8, "topk": 0.5}, _INT8),
    "a48-fp4": ("fp4_e2m1", {"scheme": "fp4_e2m1", "topk": 0.5}, _INT8),
    "v2": ("int4_absmean", _MIXED_INT4, _MIXED_INT4),
    "v2-a8": ("int8_absmax", _MIXED_INT8, _MIXED_INT8),
    "float": ("f32", {"scheme": "f32"}, {"scheme": "f32"}),
}

# Shapes of BitNet a4.8 (arXiv 2411.04965) with its table 2's zeros (%), and of
# published checkpoints.
PRESETS = {
    "700M": _shape(1536, 4096, 24, 24, 24, 32000, gate_zeros=0.662, down_zeros=0.809, **_A48),
    "1.3B": _shape(2048, 5460, 24, 32, 32, 32000, gate_zeros=0.659, down_zeros=0.818, **_A48),
    "3B": _shape(3200, 8640, 26, 32, 32, 32000, gate_zeros=0.707, down_zeros=0.856, **_A48),
    "7B": _shape(4096, 11008, 32, 32, 32, 32000, gate_zeros=0.714, down_zeros=0.842, **_A48),
    "2B-4T": _shape(
        2560, 6912, 30, 20, 5, 128256, 4096, theta=5e5, bos=128000, eos=[128001, 128009]
    ),
    "1bitLLM-large": _shape(1536, 4096, 24, 16, 16, 32002, **_1BITLLM),
    "1bitLLM-3B": _shape(3200, 8640, 26, 32, 32, 32002, **{**_1BITLLM, "encoding": "master-f16"}),
    "Llama3-8B": _shape(
        4096, 14336, 32, 32, 8, 128256, 8192, theta=5e5, bos=128000, eos=[128001, 128009],
        encoding="packed-divide", act="silu", sub_norms=False, tied=False,
    ),
}  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tern_reference.synth", description=__doc__)
    add = parser.add_argument
    add("-o", "--output", type=Path, required=True, help="a directory; made if it is not there")
    add("--preset", choices=PRESETS, help="start from this model; other flags override it")
    add("--like", choices=PUBLISHED, help="the files of this published checkpoint, field for field")
    add("--form", choices=FORMS, help="with --like: the published form that is written")
    add("--small", action="store_true", default=None, help="with --like: of small sizes")
    for name in ("hidden", "intermediate", "layers", "heads", "kv-heads", "head-dim", "vocab"):
        add(f"--{name}", type=int)
    add("--context", type=int, help="max_position_embeddings")
    add("--theta", type=float, help="rope_theta")
    add("--eps", type=float, help="rms_norm_eps")
    add("--family", choices=FAMILIES, help="of graphs; all but bitnet have silu and no sub-norms")
    add("--scale-emb", type=float, help="of minicpm: what rows of the embedding are multiplied by")
    add("--scale-depth", type=float, help="of minicpm: blocks add their output times this/sqrt(L)")
    add("--dim-model-base", type=float, help="of minicpm: the head is fed norm / (hidden/this)")
    for name in ("key-heads", "value-heads", "key-dim", "value-dim"):
        add(f"--{name}", type=int, help="of a recurrent layer of qwen3_5")
    add("--taps", type=int, help="of qwen3_5: tokens that its convolutions see")
    add("--interval", type=int, help="of qwen3_5: every so many layers have attention")
    add("--rotary", type=float, help="of qwen3_5: the share of a head that is turned")
    add("--nested", action="store_true", default=None, help="qwen3_5 as part of one with pictures")
    add("--encoding", choices=ENCODINGS)
    add("--scheme", choices=SCHEMES, help="quantization of activations")
    add("--block", type=int, help="inputs that share a factor (default: all of a token's)")
    add("--act", choices=("relu2", "silu"))
    add("--scales", choices=("tensor", "row", "group"), help="of packed matrices")
    add("--group-size", type=int, help="columns that share a scale (products: 128)")
    add("--bias", choices=("none", "qkv", "attention", "all"), help="projections that have one")
    add("--inner-norms", action="store_true", default=None, help="an rms_norm in each projection")
    add("--rope", choices=ROPE, help="scaling of rotary embeddings")
    add("--no-sub-norms", dest="sub_norms", action="store_false", default=None)
    add("--norm-names", choices=("sub_norm", "inner_ln"))
    add("--untied", dest="tied", action="store_false", default=None, help="write lm_head.weight")
    add("--table", choices=TABLES, help="of the embedding; ternary is packed as matrices are")
    add("--head", choices=TABLES, help="of lm_head.weight (default: as the embedding)")
    add("--shards", type=int, help="files to spread the tensors over")
    add("--topk", type=float, help="share of o_proj's inputs that stay (a48: 0.5)")
    add("--kv-bits", type=int, choices=(3, 4, 8, 16))
    add("--bos-bits", type=int, choices=(3, 4, 8))
    add("--gate-zeros", type=float, help="share of gates that are not positive (relu2)")
    add("--down-zeros", type=float, help="share of down_proj inputs that round to 0")
    add("--bos", type=int, help="bos_token_id (default: vocab - 2, or the last)")
    add("--eos", type=int, help="eos_token_id (default: the last)")
    add("--seed", type=int)
    add("--no-tokenizer", action="store_true")
    add("--gguf", choices=gguf.ENCODINGS, help="also write model.gguf, encoded like this")
    return parser


def _has_groups(encoding: str) -> bool:
    """Stored as products of digits and scales, or as MLX's codes."""
    return encoding == "affine" or encoding.startswith("products")


def settings(arguments: dict) -> dict:
    """Defaults, then the preset, then the flags that were given; checked."""
    given = {k: v for k, v in arguments.items() if v is not None}
    preset, like = given.pop("preset", None), given.pop("like", None)
    small, form = given.pop("small", False), given.pop("form", None)
    if like and not given.keys() <= {"seed", "shards"}:
        raise ValueError("--like is what a published checkpoint is; only --seed and --shards vary")
    if small and not like:
        raise ValueError("--small needs --like")
    result = {**DEFAULTS, **(PRESETS[preset] if preset else {})}
    if _has_groups(given.get("encoding", "")):  # of no BitNet
        result["family"] = "llama"
    result.update(FAMILIES[given.get("family", result["family"])][1])
    result.update(PUBLISHED[like].settings(small) if like else {})
    result.update(given)
    result["published"] = (PUBLISHED[like], small) if like else None
    if form and not result["encoding"].startswith("products"):
        raise ValueError("--form is of models that are published as products or MLX's codes")
    result["encoding"] = FORMS.get(form, result["encoding"])
    has_groups = _has_groups(result["encoding"])
    if has_groups:
        result["scales"] = "group"
        result["group_size"] = given.get("group_size", 128)
    result["head_dim"] = result["head_dim"] or result["hidden"] // result["heads"]
    last = result["vocab"] - 1
    if result["eos"] is None:
        result["eos"] = last
    if result["bos"] is None:
        result["bos"] = last if result["vocab"] < 258 else last - 1
    keys = result["kv_heads"] * result["head_dim"]
    sizes = (result["hidden"], result["intermediate"], keys)
    if result["encoding"].startswith("packed") and any(n % 4 for n in sizes):
        raise ValueError(f"packed tensors need multiples of 4, got {sizes}")
    if result["scales"] != "tensor" and not (has_groups or result["encoding"].startswith("packed")):
        raise ValueError("--scales needs a packed encoding: masters have no scales")
    widths = (result["hidden"], result["heads"] * result["head_dim"], result["intermediate"])
    if result["family"] == "qwen3_5":
        widths += (result["value_heads"] * result["value_dim"],)
        if result["value_heads"] % result["key_heads"]:
            raise ValueError("--value-heads is no multiple of --key-heads")
        if result["layers"] < result["interval"]:
            raise ValueError("--layers is less than --interval: no layer has attention")
    if result["scales"] == "group" and any(n % result["group_size"] for n in widths):
        raise ValueError(f"--group-size {result['group_size']} does not divide all of {widths}")
    if result["block"] is not None and any(n % result["block"] for n in widths):
        raise ValueError(f"--block {result['block']} does not divide all of {widths}")
    if result["head"] is None:
        result["head"] = result["table"]
    if result["tied"] and result["head"] != result["table"]:
        raise ValueError("--head needs --untied: a tied head is the embedding")
    _check_tables(result)
    if result["gate_zeros"] is not None and result["act"] != "relu2":
        raise ValueError("--gate-zeros needs --act relu2: silu has no zeros")
    if result["down_zeros"] is not None and not result["sub_norms"]:
        raise ValueError("--down-zeros is set by a sub-norm's weight; there is none")
    return result


def _check_tables(s: dict) -> None:
    """Refuses what ternary tables cannot be."""
    if "ternary" not in (s["table"], s["head"]):
        return
    if not (_has_groups(s["encoding"]) or s["encoding"].startswith("packed")):
        raise ValueError("a ternary table needs a packed encoding, products or MLX's codes")
    if s["encoding"].startswith("packed") and s["vocab"] % 4:
        raise ValueError(f"packed tables need a multiple of 4 tokens, got {s['vocab']}")
    if s["gate_zeros"] is not None or s["down_zeros"] is not None:
        raise ValueError("zeros on demand need an embedding of floats, which has anchors")


def config_json(s: dict) -> dict:
    """config.json with Hugging Face's keys, in their usual order."""
    if s["published"]:
        published, small = s["published"]
        return {**published.config_json(small), **_affine(s)}
    family = s["family"]
    config = {
        "architectures": [FAMILIES[family][0]],
        "model_type": family,
        "hidden_act": s["act"],
        "bos_token_id": s["bos"],
        "eos_token_id": s["eos"],
        "tie_word_embeddings": s["tied"],
        "torch_dtype": {"f16": "float16", "f32": "float32"}.get(s["encoding"][7:], "bfloat16"),
        "vocab_size": s["vocab"],
        "hidden_size": s["hidden"],
        "num_hidden_layers": s["layers"],
        "num_attention_heads": s["heads"],
        "num_key_value_heads": s["kv_heads"],
        "head_dim": s["head_dim"],
        "intermediate_size": s["intermediate"],
        "rms_norm_eps": s["eps"],
        "rope_theta": s["theta"],
        "max_position_embeddings": s["context"],
    }
    auto = {"quant_method": "bitnet", "linear_class": "autobitlinear"}
    if s["rope"] != "default":
        config["rope_scaling"] = _rope_scaling(s)
    if family == "qwen3":
        windows = {"use_sliding_window": False, "sliding_window": None}
        config.update({"attention_bias": False, **windows, "max_window_layers": s["layers"]})
    if family == "qwen3_5":
        config = _hybrid(config, s)
    if family == "minicpm":
        config.update({key: s[key] for key in ("scale_emb", "scale_depth", "dim_model_base")})
    if s["bias"] in ("attention", "all"):  # q, k and v alone is what no field says
        config["attention_bias"] = True
        config["mlp_bias"] = s["bias"] == "all"
    quantization = {
        "packed-multiply": {**auto, "quantization_mode": "offline"},
        "packed-divide": {"quant_method": "bitnet"},
        "master-bf16": {**auto, "quantization_mode": "online"},
    }.get(s["encoding"])
    config.update(_affine(s))
    if s["inner_norms"]:
        online = {**auto, "quantization_mode": "online"}
        norms = {"use_rms_norm": True, "rms_norm_eps": 1e-6}
        quantization = {**(quantization or online), **norms}
    if quantization:
        config["quantization_config"] = quantization
    activations = _activations(s)
    if activations:
        config["activation_quantization"] = activations
    if s["kv_bits"] is not None:
        config["kv_cache_quantization"] = {"bits": s["kv_bits"]}
        if s["bos_bits"] is not None:
            config["kv_cache_quantization"]["bos_bits"] = s["bos_bits"]
    return config


def _hybrid(config: dict, s: dict) -> dict:
    """Of Qwen3.5, the text model's config or, nested, the whole one's."""
    rope = {"rope_type": "default", **(config.pop("rope_scaling", None) or {})}
    rope.update(rope_theta=config.pop("rope_theta"), partial_rotary_factor=s["rotary"])
    pairs = int(s["head_dim"] * s["rotary"]) // 2
    sections = [pairs - 2 * (pairs // 3), pairs // 3, pairs // 3]
    kinds = ["linear_attention", "full_attention"]
    config.update(
        model_type="qwen3_5_text",
        rope_parameters={**rope, "mrope_interleaved": True, "mrope_section": sections},
        full_attention_interval=s["interval"],
        layer_types=[kinds[(layer + 1) % s["interval"] == 0] for layer in range(s["layers"])],
        attn_output_gate=True,
        attention_bias=False,
        linear_conv_kernel_dim=s["taps"],
        linear_num_key_heads=s["key_heads"],
        linear_num_value_heads=s["value_heads"],
        linear_key_head_dim=s["key_dim"],
        linear_value_head_dim=s["value_dim"],
        mamba_ssm_dtype="float32",
        mtp_num_hidden_layers=1,
        mlp_only_layers=[],
    )
    if not s["nested"]:
        return config
    tied = config["tie_word_embeddings"]
    return {
        "architectures": ["Qwen3_5ForConditionalGeneration"],
        "model_type": "qwen3_5",
        "text_config": {k: v for k, v in config.items() if k != "architectures"},
        "vision_config": {"model_type": "qwen3_5", "depth": 1, "hidden_size": 8},
        "image_token_id": 5,
        "tie_word_embeddings": tied,
    }


def _affine(s: dict) -> dict:
    """MLX's addition to a config, twice."""
    if s["encoding"] != "affine":
        return {}
    quantization = {"group_size": s["group_size"], "bits": 2, "mode": "affine"}
    return {"quantization": quantization, "quantization_config": quantization}


def generation_json(s: dict) -> dict:
    if s["published"]:
        published, small = s["published"]
        return published.generation_json(small)
    return {"bos_token_id": s["bos"], "eos_token_id": s["eos"], "do_sample": False}


def _delta(s: dict) -> DeltaNet:
    return DeltaNet(s["key_heads"], s["value_heads"], s["key_dim"], s["value_dim"], s["taps"])


def _graph(s: dict) -> dict:
    """Of the family's graph, what tensors depend on."""
    minicpm = s["family"] == "minicpm"
    return dict(
        head_norms=s["family"] in ("qwen3", "qwen3_5"),
        delta=_delta(s) if s["family"] == "qwen3_5" else None,
        embedding_scale=s["scale_emb"] if minicpm else 1.0,
        residual_scale=s["scale_depth"] / math.sqrt(s["layers"]) if minicpm else 1.0,
    )


def _activations(s: dict) -> dict:
    if s["scheme"] == "b158" and s["topk"] is None and s["block"] is None:
        return {}
    low, o, down = SCHEMES[s["scheme"]]
    table = {n: {"scheme": low} for n in ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")}
    table["o_proj"], table["down_proj"] = dict(o), dict(down)
    if s["topk"] is not None:
        table["o_proj"]["topk"] = s["topk"]
    if s["family"] == "qwen3_5":
        table |= {n: {"scheme": low} for n in ("in_proj_qkv", "in_proj_z")}
        table["out_proj"] = dict(table["o_proj"])
    if s["block"] is not None:
        table = {name: {**entry, "block": s["block"]} for name, entry in table.items()}
    return table


def synthesize(directory: Path, tokenizer: bool = True, **arguments) -> dict:
    """Writes a model directory; arguments are the flags' names. Returns the config."""
    s = settings(arguments)
    s = {**s, **_graph(s)}
    fields = Spec.__dataclass_fields__
    tensors = Tensors(Plan(Spec(**{k: v for k, v in s.items() if k in fields})))
    directory.mkdir(parents=True, exist_ok=True)
    for stale in ("model.safetensors.index.json", "model.safetensors", "tokenizer.json"):
        (directory / stale).unlink(missing_ok=True)

    def write_json(name: str, value: object) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        (directory / name).write_text(text + "\n", encoding="utf-8")

    config = config_json(s)
    eos = s["eos"] if isinstance(s["eos"], list) else [s["eos"]]
    write_json("config.json", config)
    write_json("generation_config.json", generation_json(s))
    if tokenizer and s["vocab"] >= 257:
        kind = s["published"][0].tokenizer if s["published"] else "byte_level"
        for name, value in write_tokenizer(kind, s["vocab"], s["context"], s["bos"], eos).items():
            write_json(name, value)
    write_shards(directory, tensors.all(), s["shards"])
    return config


def main(argv: list[str] | None = None) -> int:
    arguments = vars(_parser().parse_args(argv))
    directory, plain = arguments.pop("output"), arguments.pop("no_tokenizer")
    encoding = arguments.pop("gguf")

    def work() -> None:
        synthesize(directory, tokenizer=not plain, **arguments)
        if encoding:
            gguf.convert(directory, directory / "model.gguf", encoding)

    return exit_status("tern_reference.synth", work)


if __name__ == "__main__":
    sys.exit(main())
