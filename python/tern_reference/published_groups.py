# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Configs of the models with scales of groups in `published`: Bonsai and BitCPM."""

from __future__ import annotations


# Shapes, context, rotary embeddings and the tie from the model cards and the keys of the
# GGUF files of prism-ml/Ternary-Bonsai-1.7B, -4B and -8B; all other fields as in the
# configs of Qwen/Qwen3. Not seen: the files of the -unpacked repositories themselves, in
# particular how they spell YaRN, and the shards.
def bonsai(
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
BONSAI_GENERATION = {
    "bos_token_id": 151643,
    "do_sample": True,
    "eos_token_id": [151645, 151643],
    "pad_token_id": 151643,
    "temperature": 0.6,
    "top_k": 20,
    "top_p": 0.95,
    "transformers_version": "4.51.0",
}
BONSAI_SMALL = {
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


# Shapes from the sizes of the files, the configs of MiniCPM4 of the same series
# (transformers' tests) and notes of people who converted the files, of the 32 heads of 128
# of the 3B too; 1e-6 is the eps of MiniCPM4's class and of a reader of the 8B. Not verified:
# eps of the 1B and 3B, and how the files spell tokens and generation. BitCPM-CANN-1B and -3B
# are plain Llamas.
def bitcpm(
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


MINICPM = {
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
BITCPM_GENERATION = {
    "bos_token_id": 1,
    "do_sample": True,
    "eos_token_id": [2, 73440],
    "pad_token_id": 2,
    "temperature": 0.8,
    "top_p": 0.8,
    "transformers_version": "4.46.3",
}
BITCPM_SMALL = {
    "hidden_size": 256, "intermediate_size": 384, "num_attention_heads": 2, "num_key_value_heads": 1,
}  # fmt: skip
