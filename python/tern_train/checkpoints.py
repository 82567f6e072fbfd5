# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Model directories: masters to start from, and what a training leaves.

A BitNet is written twice, as Microsoft publishes its own: OUT with packed digits, and
OUT-bf16 with the masters, which a later training starts from. Both compile to the same
digits and scales. A model with scales of groups is written once, as products in f16.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tern_reference.checkpoint import Linear, load, pack
from tern_reference.config import ATTENTION_PROJECTIONS, ConfigError
from tern_reference.numerics import to_bf16
from tern_reference.safetensors import FormatError, Pending, Reader, write

from .linear import values
from .network import Network, Parameters
from .quantizers import ternary
from .recipe import Stage
from .schemes import CHECKPOINT

FAMILIES = {
    "bitnet": ("BitNetForCausalLM", "bfloat16"),
    "llama": ("LlamaForCausalLM", "float16"),
    "qwen3": ("Qwen3ForCausalLM", "float16"),
}
_QUANTIZATION = {"quant_method": "bitnet", "linear_class": "autobitlinear"}
_OF_TRAINING = ("quantization_config", "activation_quantization", "kv_cache_quantization")


def read_config(directory: Path) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    return raw


def bare(raw: dict[str, Any]) -> dict[str, Any]:
    """A config without what a training decides."""
    return {name: value for name, value in raw.items() if name not in _OF_TRAINING}


def read_masters(directory: Path) -> tuple[Network, Parameters]:
    """A checkpoint whose matrices are masters, as floats."""
    raw = read_config(directory)
    network = Network(raw)
    if network.config.weight_scale != "none":
        how = "has no masters, expected a checkpoint of a BitNet in bf16, f16 or f32"
        raise ConfigError(f"{directory} {how} (an OUT-bf16 of an earlier training)")
    reader, parameters = Reader(directory), {}
    shapes = network.shapes()
    for name in reader.entries:
        if name not in shapes:
            raise FormatError(f"{directory}: tensor '{name}' is not trained, expected none")
    for name, shape in shapes.items():
        if name not in reader and name.endswith("_sub_norm.weight"):
            continue
        value = reader.f32(name)
        if value.shape != shape:
            raise FormatError(f"'{name}' is {list(value.shape)}, expected {list(shape)}")
        parameters[name] = torch.from_numpy(np.ascontiguousarray(value))
    return network, parameters


def read_ternary(directory: Path) -> tuple[Network, Parameters]:
    """A model to be measured, packed or not, as masters that give its digits."""
    raw, checkpoint = read_config(directory), load(directory)
    network = Network(bare(raw) | {name: raw[name] for name in _OF_TRAINING[1:] if name in raw})
    network.kind = torch.float32
    tensors = {"model.embed_tokens": checkpoint.table, "model.norm": checkpoint.norm}
    if not network.config.tie_word_embeddings:
        tensors["lm_head"] = checkpoint.head
    for index, layer in enumerate(checkpoint.layers):
        base = f"model.layers.{index}."
        for name, linear in layer.linears.items():
            block = "self_attn." if name in ATTENTION_PROJECTIONS else "mlp."
            tensors[base + block + name] = linear
        norms = {
            "input_layernorm": layer.input_norm,
            "post_attention_layernorm": layer.post_attention_norm,
            "self_attn.attn_sub_norm": layer.attn_sub_norm,
            "self_attn.q_norm": layer.q_norm,
            "self_attn.k_norm": layer.k_norm,
            "mlp.ffn_sub_norm": layer.ffn_sub_norm,
        }
        tensors |= {base + name: weight for name, weight in norms.items() if weight is not None}
    parameters = {}
    for name, value in tensors.items():
        wide = _master(name, value, network.group) if isinstance(value, Linear) else value
        parameters[name + ".weight"] = torch.from_numpy(wide.astype(np.float32))
    return network, parameters


def _master(name: str, linear: Linear, group: int) -> NDArray[np.float32]:
    """A digit times its scale divided by the share of digits that are not 0 under that scale.

    The mean magnitude is the scale again, but for its last bit.
    """
    rows, columns = linear.digits.shape
    scales = (rows, columns // group) if group else (1,)
    if linear.bias is not None or linear.alpha.shape != scales:
        raise ConfigError(f"{name} has a bias, or scales that are not trained so")
    blocks = linear.digits.reshape(*scales, -1)
    share = np.maximum(np.count_nonzero(blocks, axis=-1, keepdims=True), 1) / blocks.shape[-1]
    master: NDArray[np.float32] = blocks * (linear.alpha[..., None] / share).astype(np.float32)
    return master.reshape(rows, columns)


def _bf16(name: str, value: Tensor) -> Pending:
    array = value.detach().numpy()
    return Pending(name, "BF16", tuple(array.shape), lambda: [to_bf16(array)])


def _packed(name: str, value: Tensor) -> list[Pending]:
    """2-bit codes, and the scale in f32, so that no bit of it is lost."""
    if not name.endswith("_proj.weight"):
        return [_bf16(name, value)]
    digits, alpha = ternary(value.detach().to(torch.bfloat16).float())
    codes = pack(digits.numpy().astype(np.int8))
    return [
        Pending(name, "U8", codes.shape, lambda: [codes]),
        Pending(name + "_scale", "F32", (1,), lambda: [alpha.numpy()]),
    ]


def _products(value: Tensor, group: int) -> Tensor:
    return values(value.detach(), group) if value.dim() == 2 else value.detach()


def _half(name: str, value: Tensor) -> Pending:
    array = value.numpy().astype(np.float16)
    return Pending(name, "F16", tuple(array.shape), lambda: [array])


def config_json(network: Network, raw: dict[str, Any], stage: Stage) -> dict[str, Any]:
    """config.json without the form of weights: shape, activations, cache.

    Activations that stayed floats are not written, as in published models of that kind:
    tern then takes int8 in blocks.
    """
    architecture, kind = FAMILIES[network.config.family]
    config: dict[str, Any] = {**bare(raw), "architectures": [architecture], "torch_dtype": kind}
    if stage.activations == CHECKPOINT:
        kept = ("activation_quantization", "kv_cache_quantization")
        return config | {name: raw[name] for name in kept if name in raw}
    if stage.activations not in ("b1.58", "float"):
        config["activation_quantization"] = stage.scheme()
    if stage.cache():
        config["kv_cache_quantization"] = stage.cache()
    return config


def directories(network: Network, output: Path) -> list[Path]:
    """Those that `save` writes."""
    masters = output.with_name(output.name + "-bf16")
    return [output] if network.group else [output, masters]


def save(
    network: Network,
    raw: dict[str, Any],
    stage: Stage,
    parameters: Parameters,
    files: dict[str, dict[str, Any]],
    output: Path,
) -> None:
    """raw: config.json as it was given; files: the tokenizer's, by name."""
    config = config_json(network, raw, stage)
    if network.group:
        tensors = [_half(name, _products(w, network.group)) for name, w in parameters.items()]
        _directory(output, config, files, tensors)
        return
    offline, online = ({**_QUANTIZATION, "quantization_mode": m} for m in ("offline", "online"))
    packed = [pending for item in parameters.items() for pending in _packed(*item)]
    masters = [_bf16(name, value) for name, value in parameters.items()]
    first, second = directories(network, output)
    _directory(second, config | {"quantization_config": online}, files, masters)
    _directory(first, config | {"quantization_config": offline}, files, packed)


def _directory(
    output: Path, config: dict[str, Any], files: dict[str, dict[str, Any]], tensors: list[Pending]
) -> None:
    def fill(directory: Path) -> None:
        write(directory / "model.safetensors", tensors)
        for name, content in {**files, "config.json": config}.items():
            text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            (directory / name).write_text(text, encoding="utf-8")

    appear(output, fill)


def appear(output: Path, fill: Callable[[Path], None]) -> None:
    """A directory that is there whole or not at all, and never in the place of another."""
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        unfinished.chmod(0o755)
        fill(unfinished)
        if output.exists():
            raise FileExistsError(f"{output} is there already")
        os.rename(unfinished, output)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
