# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Published ternary checkpoints, as far as their files are known.

A checkpoint is its config.json and generation_config.json, field for field, and
what the config does not say: how matrices and their scales are stored, which
norms there are, how many files. `python -m tern.synth --like NAME` writes such a
directory with random numbers. Beside each row stands which file it was compared with,
and what could not be: shards are as many as the size of the tensors suggests.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BITNET = "BitNetForCausalLM"
_AUTO_MAP = {
    "AutoConfig": "configuration_bitnet.BitNetConfig",
    "AutoModelForCausalLM": "modeling_bitnet.BitNetForCausalLM",
}
_AUTO = {"quant_method": "bitnet", "linear_class": "autobitlinear"}

# Sizes that --small shrinks, as odd as a packed matrix allows.
SMALL = {
    "hidden_size": 196, "intermediate_size": 172, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 300, "max_position_embeddings": 256,
}  # fmt: skip


_SCALES = ("scale_emb", "scale_depth", "dim_model_base")


@dataclass(frozen=True)
class Published:
    """One row: the files' fields, and how the tensors are stored."""

    config: dict
    generation: dict
    encoding: str  # as --encoding of tern.synth
    norm_names: str | None = None  # as --norm-names; None: no sub-norms
    shards: int = 1
    tokenizer: str = "byte_level"  # or qwen or sentencepiece
    table: str = "float"  # or ternary; of the embedding and of a head of its own
    small: dict = field(default_factory=dict)  # over SMALL

    def config_json(self, small: bool) -> dict:
        """The real config, or one of the same form with small sizes."""
        if not small:
            return self.config
        changed = {**SMALL, **self.small}
        names = ("bos_token_id", "eos_token_id", "pad_token_id")
        last = dict(zip(names, (changed["vocab_size"] - k for k in (2, 1, 3))))
        for name in names:  # ids of the small vocabulary stay
            ids = self.config.get(name, 0)
            ids = ids if isinstance(ids, list) else [ids]
            if max(ids) >= changed["vocab_size"]:
                changed[name] = last[name]
        return {key: changed.get(key, value) for key, value in self.config.items()}

    def generation_json(self, small: bool) -> dict:
        config = self.config_json(small)
        ids = {key: config[key] for key in ("bos_token_id", "eos_token_id") if key in config}
        return {**self.generation, **ids} if small else self.generation

    def settings(self, small: bool) -> dict:
        """Settings of tern.synth that make the tensors."""
        config = self.config_json(small)
        heads = config["num_attention_heads"]
        return dict(
            hidden=config["hidden_size"],
            intermediate=config["intermediate_size"],
            layers=config["num_hidden_layers"],
            heads=heads,
            kv_heads=config["num_key_value_heads"],
            head_dim=config.get("head_dim") or config["hidden_size"] // heads,
            vocab=config["vocab_size"],
            context=config["max_position_embeddings"],
            family=config["model_type"],
            theta=config["rope_theta"],
            eps=config["rms_norm_eps"],
            act=config["hidden_act"],
            tied=config["tie_word_embeddings"],
            bos=config.get("bos_token_id", 0),
            eos=config["eos_token_id"],
            encoding=self.encoding,
            table=self.table,
            **{key: config[key] for key in _SCALES if key in config},
            sub_norms=self.norm_names is not None,
            norm_names=self.norm_names or "sub_norm",
            shards=self.shards,
        )


# Every field and number as in a copy of the config of microsoft/bitnet-b1.58-2B-4T
# (Compumacy/Bitnet-B1.58); of the bf16 repository only the mode is known to differ. The
# second end token is that of the chat template; the sampling is not verified.
def _2b_4t(mode: str) -> dict:
    return {
        "architectures": [BITNET],
        "auto_map": _AUTO_MAP,
        "bos_token_id": 128000,
        "eos_token_id": 128001,
        "hidden_act": "relu2",
        "hidden_size": 2560,
        "initializer_range": 0.02,
        "intermediate_size": 6912,
        "max_position_embeddings": 4096,
        "model_type": "bitnet",
        "rms_norm_eps": 1e-05,
        "num_attention_heads": 20,
        "num_hidden_layers": 30,
        "num_key_value_heads": 5,
        "rope_theta": 500000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": 128256,
        "quantization_config": {**_AUTO, "quantization_mode": mode},
    }


_2B_4T_GENERATION = {
    "_from_model_config": True,
    "bos_token_id": 128000,
    "eos_token_id": [128001, 128009],
    "do_sample": True,
    "temperature": 0.6,
    "top_p": 0.9,
}


# As the configs of 1bitLLM/bitnet_b1_58-large and -3B, and a copy of that of -xl
# (BoscoTheDog/bitnet_b1_58-xl_q8_0_gguf). Tensors are larger than their torch_dtype
# says in the two smaller ones, which is from the size of the files only.
def _1bitllm(name: str, hidden: int, intermediate: int, layers: int, heads: int) -> dict:
    return {
        "_name_or_path": f"1bitLLM/bitnet_b1_58-{name}",
        "architectures": ["BitnetForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "input_bits": 8,
        "intermediate_size": intermediate,
        "max_position_embeddings": 2048,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": heads,
        "pad_token_id": 32000,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
        "transformers_version": "4.39.0",
        "use_cache": True,
        "vocab_size": 32002,
        "weight_bits": 1,
    }


# Of a copy (kousw/bitnet_b1_58-3B_quantized), and as long as the published file. Its
# ids are not those of the config.
_1BITLLM_GENERATION = {
    "_from_model_config": True,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "transformers_version": "4.39.0",
}

# As HF1BitLLM/Llama3-8B-1.58-Sigmoid-k100-10B-tokens, of the same series; its
# quantization_config stands there twice, the second time without the null. The path,
# the generation config and the 100B one itself are not verified.
_LLAMA3_8B = {
    "_name_or_path": "HF1BitLLM/Llama3-8B-1.58-100B-tokens",
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 128000,
    "eos_token_id": 128009,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 14336,
    "is_bitnet_config": True,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "pretraining_tp": 1,
    "quantization_config": {"modules_to_not_convert": None, "quant_method": "bitnet"},
    "rms_norm_eps": 1e-05,
    "rope_interleaved": False,
    "rope_scaling": None,
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.44.0.dev0",
    "use_cache": True,
    "vocab_size": 128256,
}


# As the configs of tiiuae/Falcon3-1B-Instruct-1.58bit (b932224), -7B-Base-1.58bit
# (d99c914) and -10B-Base-1.58bit (7b61cb1), without the paths in `_name_or_path`. Not
# seen: the end of 7B's file (its vocabulary is that of other copies), the other
# variants, the generation configs.
def _falcon(
    hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, context: int, **more: object,
) -> dict:  # fmt: skip
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "eos_token_id": 11,
        "head_dim": 256,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": intermediate,
        "is_bitnet_config": True,
        "max_position_embeddings": context,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "pretraining_tp": 1,
        "quantization_config": {"modules_to_not_convert": ["lm_head"], "quant_method": "bitnet"},
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000042,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.48.0.dev0",
        "use_cache": True,
        "vocab_size": 131072,
        **more,
    }


_FALCON_7B = {
    "activation": "swiglu",
    "auto_map": {
        "AutoConfig": "tiiuae/falcon3-7B--configuration_llama.LlamaConfig",
        "AutoModelForCausalLM": "tiiuae/falcon3-7B--modeling_llama.LlamaForCausalLM",
    },
    "bos_token_id": 11,
    "parallel_attn": False,
}
# Of a fine-tuned model of this form (Arvyniitb/1bitModel). Its sizes give those of the
# published files of Falcon-E-1B-Instruct to a tenth of a per cent; the rest is not
# verified, nor is Falcon-E-3B, which has 32 layers of 13312.
_FALCON_E = {"bos_token_id": 1, "head_dim": 128, "rms_norm_eps": 1e-05, "rope_theta": 1000000, "vocab_size": 32768}
_FALCON_GENERATION = {"_from_model_config": True, "bos_token_id": 11, "eos_token_id": 11}
_FALCON_SMALL = {"num_key_value_heads": 2, "head_dim": 36}
_1BITLLM_SMALL = {"num_key_value_heads": 4, "hidden_size": 200}


# Shapes, context, rotary embeddings and the tie from the model cards and the keys of the
# GGUF files of prism-ml/Ternary-Bonsai-1.7B, -4B and -8B; all other fields as in the
# configs of Qwen/Qwen3. Not seen: the files of the -unpacked repositories themselves, in
# particular how they spell YaRN, and the shards.
def _bonsai(
    hidden: int, intermediate: int, layers: int, heads: int, context: int, tied: bool, yarn: bool = False,
) -> dict:  # fmt: skip
    scaling = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16384}
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 151643,
        "eos_token_id": 151645,
        "head_dim": 128,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": intermediate,
        "max_position_embeddings": context,
        "max_window_layers": layers,
        "model_type": "qwen3",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-06,
        "rope_scaling": scaling if yarn else None,
        "rope_theta": 1000000,
        "sliding_window": None,
        "tie_word_embeddings": tied,
        "torch_dtype": "float16",
        "transformers_version": "4.51.0",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": 151936,
    }


# The sampling is that of the cards.
_BONSAI_GENERATION = {
    "bos_token_id": 151643,
    "do_sample": True,
    "eos_token_id": [151645, 151643],
    "pad_token_id": 151643,
    "temperature": 0.6,
    "top_k": 20,
    "top_p": 0.95,
    "transformers_version": "4.51.0",
}
_BONSAI_SMALL = {
    "hidden_size": 256, "intermediate_size": 384, "num_attention_heads": 3, "num_key_value_heads": 1,
}  # fmt: skip

# Of a model with the shape of the 1B (VoxCPM2); for heads of 64 features every second one
# is taken here, and that of the 8B may differ a little.
_MINICPM_FACTORS = [
    0.9977997200264581, 1.014658295992452, 1.0349680404997148, 1.059429246056193,
    1.0888815016813513, 1.1243301355211495, 1.166977103606075, 1.2182568066927284,
    1.2798772354275727, 1.3538666751582975, 1.4426259039919596, 1.5489853358570191,
    1.6762658237220625, 1.8283407612492941, 2.0096956085876183, 2.225478927469756,
    2.481536379650452, 2.784415934557119, 3.1413289096347365, 3.560047844772632,
    4.048719380066383, 4.615569542115128, 5.2684819496549835, 6.014438591970396,
    6.858830049237097, 7.804668263503327, 8.851768731513417, 9.99600492938444,
    11.228766118181639, 12.536757560834843, 13.902257701387796, 15.303885189125953,
    16.717837610115794, 18.119465097853947, 19.484965238406907, 20.792956681060105,
    22.02571786985731, 23.16995406772833, 24.217054535738416, 25.16289275000465,
    26.007284207271347, 26.753240849586767, 27.40615325712662, 27.973003419175363,
    28.461674954469114, 28.880393889607006, 29.237306864684626, 29.540186419591297,
    29.79624387177199, 30.01202719065413, 30.193382037992453, 30.34545697551969,
    30.47273746338473, 30.579096895249787, 30.66785612408345, 30.741845563814174,
    30.80346599254902, 30.85474569563567, 30.897392663720595, 30.932841297560394,
    30.962293553185553, 30.986754758742034, 31.007064503249293, 31.02392307921529,
]  # fmt: skip


# Shapes from the sizes of the files and the configs of MiniCPM4 of the same series
# (transformers' tests); eps and the heads of the 3B are not verified. BitCPM-CANN-1B and
# -3B are plain Llamas.
def _bitcpm(
    hidden: int, intermediate: int, layers: int, heads: int, head_dim: int, eps: float, **more: object,
) -> dict:  # fmt: skip
    factors = _MINICPM_FACTORS[:: 128 // head_dim]
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": [2, 73440],
        "head_dim": head_dim,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.1,
        "intermediate_size": intermediate,
        "max_position_embeddings": 32768,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": 2,
        "pad_token_id": 2,
        "rms_norm_eps": eps,
        "rope_scaling": {
            "rope_type": "longrope",
            "factor": 1.0,
            "long_factor": factors,
            "short_factor": factors,
            "original_max_position_embeddings": 32768,
        },
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.46.3",
        "use_cache": True,
        "vocab_size": 73448,
        **more,
    }


_MINICPM = {
    "architectures": ["MiniCPMForCausalLM"],
    "auto_map": {
        "AutoConfig": "configuration_minicpm.MiniCPMConfig",
        "AutoModel": "modeling_minicpm.MiniCPMModel",
        "AutoModelForCausalLM": "modeling_minicpm.MiniCPMForCausalLM",
    },
    "dim_model_base": 256,
    "model_type": "minicpm",
    "mup_denominator": 32,
    "scale_depth": 1.4,
    "scale_emb": 12,
}
_BITCPM_GENERATION = {
    "bos_token_id": 1,
    "do_sample": True,
    "eos_token_id": [2, 73440],
    "pad_token_id": 2,
    "temperature": 0.8,
    "top_p": 0.8,
    "transformers_version": "4.46.3",
}
_BITCPM_SMALL = {
    "hidden_size": 256, "intermediate_size": 384, "num_attention_heads": 2, "num_key_value_heads": 1,
}  # fmt: skip

PUBLISHED = {
    "2b-4t": Published(
        _2b_4t("offline"), _2B_4T_GENERATION, "packed-multiply", "sub_norm",
        small={"num_key_value_heads": 1, "hidden_size": 208},
    ),
    "2b-4t-bf16": Published(
        _2b_4t("online"), _2B_4T_GENERATION, "master-bf16", "sub_norm",
        small={"num_key_value_heads": 1, "hidden_size": 208},
    ),
    "700m": Published(
        _1bitllm("large", 1536, 4096, 24, 16), _1BITLLM_GENERATION, "master-f32", "inner_ln",
        tokenizer="sentencepiece", small=_1BITLLM_SMALL,
    ),
    "1.3b": Published(
        _1bitllm("xl", 2048, 5460, 24, 32), _1BITLLM_GENERATION, "master-f32", "inner_ln",
        tokenizer="sentencepiece", small=_1BITLLM_SMALL, shards=2,
    ),
    "3b": Published(
        _1bitllm("3B", 3200, 8640, 26, 32), _1BITLLM_GENERATION, "master-f16", "inner_ln",
        tokenizer="sentencepiece", small=_1BITLLM_SMALL, shards=3,
    ),
    "llama3-8b-158": Published(
        _LLAMA3_8B, {"_from_model_config": True, "bos_token_id": 128000, "eos_token_id": 128009},
        "packed-divide", small={"num_key_value_heads": 2, "hidden_size": 240},
    ),
    "falcon3-1b": Published(
        _falcon(2048, 8192, 18, 8, 4, 8192), {**_FALCON_GENERATION, "bos_token_id": 1}, "packed-divide",
        small=_FALCON_SMALL,
    ),
    "falcon3-7b": Published(
        _falcon(3072, 23040, 28, 12, 4, 8192, **_FALCON_7B), _FALCON_GENERATION, "packed-divide",
        small=_FALCON_SMALL,
    ),
    "falcon3-10b": Published(
        _falcon(3072, 23040, 40, 12, 4, 32768, bos_token_id=1), _FALCON_GENERATION, "packed-divide",
        small=_FALCON_SMALL, shards=2,
    ),
    "falcon-e-1b": Published(
        _falcon(2048, 9216, 24, 16, 2, 32768, **_FALCON_E), {**_FALCON_GENERATION, "bos_token_id": 1},
        "packed-divide", small=_FALCON_SMALL,
    ),
    "bonsai-1.7b": Published(
        _bonsai(2048, 6144, 28, 16, 32768, tied=True), _BONSAI_GENERATION, "products-f16",
        tokenizer="qwen", table="ternary", small=_BONSAI_SMALL, shards=1,
    ),
    "bonsai-4b": Published(
        _bonsai(2560, 9728, 36, 32, 32768, tied=True), _BONSAI_GENERATION, "products-f16",
        tokenizer="qwen", table="ternary", small=_BONSAI_SMALL, shards=2,
    ),
    "bonsai-8b": Published(
        _bonsai(4096, 12288, 36, 32, 65536, tied=False, yarn=True), _BONSAI_GENERATION, "products-f16",
        tokenizer="qwen", table="ternary", small=_BONSAI_SMALL, shards=4,
    ),
    "bitcpm-0.5b": Published(
        _bitcpm(1024, 4096, 24, 16, 64, 1e-06, **_MINICPM, tie_word_embeddings=True), _BITCPM_GENERATION,
        "products-bf16", tokenizer="sentencepiece",
        small={**_BITCPM_SMALL, "num_attention_heads": 4, "num_key_value_heads": 2},
    ),
    "bitcpm-1b": Published(
        _bitcpm(2048, 6144, 28, 16, 128, 1e-05), _BITCPM_GENERATION, "products-bf16",
        tokenizer="sentencepiece", small=_BITCPM_SMALL,
    ),
    "bitcpm-3b": Published(
        _bitcpm(2560, 10240, 32, 32, 128, 1e-05), _BITCPM_GENERATION, "products-bf16",
        tokenizer="sentencepiece", small=_BITCPM_SMALL, shards=2,
    ),
    "bitcpm-8b": Published(
        _bitcpm(4096, 16384, 32, 32, 128, 1e-06, **_MINICPM), _BITCPM_GENERATION, "products-bf16",
        tokenizer="sentencepiece", small=_BITCPM_SMALL, shards=4,
    ),
}  # fmt: skip
