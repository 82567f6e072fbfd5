//===- TinyGroups.h - A model with scales of groups -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_IMPORT_TINYGROUPS_H
#define TERN_TEST_UNIT_IMPORT_TINYGROUPS_H

#include "TinyCheckpoint.h"
#include "TinyGguf.h"

#include "tern/Packing/HalfFloat.h"

namespace tern {

/// A Llama of hidden 256, GLU 384, 2 heads of 64, 1 kv head, 70 tokens, 1 layer
/// and a head of its own. Its matrices, embedding and head are ternary with a
/// scale for each row and group, as products ("F16", "BF16", "F32") or as codes
/// of MLX ("MLX").
struct TinyGroups : TinyDirectory {
  std::string form;
  int64_t group;

  explicit TinyGroups(const std::string &form = "F16", int64_t group = 128)
      : form(form), group(group) {
    config = {{"architectures", {"LlamaForCausalLM"}},
              {"model_type", "llama"},
              {"hidden_act", "silu"},
              {"vocab_size", 70},
              {"hidden_size", 256},
              {"intermediate_size", 384},
              {"num_hidden_layers", 1},
              {"num_attention_heads", 2},
              {"num_key_value_heads", 1},
              {"head_dim", 64},
              {"rms_norm_eps", 1e-5},
              {"rope_theta", 10000.0},
              {"max_position_embeddings", 16},
              {"tie_word_embeddings", false}};
    if (form == "MLX") {
      config["quantization"] = {
          {"group_size", group}, {"bits", 2}, {"mode", "affine"}};
      config["quantization_config"] = config["quantization"];
    }
    std::string base = "model.layers.0.";
    for (std::string norm :
         {base + "input_layernorm", base + "post_attention_layernorm",
          std::string("model.norm")})
      addFloats(norm + ".weight", 256);
    addMatrix("model.embed_tokens", 70, 256);
    addMatrix("lm_head", 70, 256);
    // Another one than the embedding: a group of row 2 is 0.
    std::string &head = tensors["lm_head.weight"].bytes;
    size_t groupBytes = head.size() / (70 * 2);
    head.replace(4 * groupBytes, groupBytes,
                 std::string(groupBytes, form == "MLX" ? '\x55' : '\0'));
    addMatrix(base + "self_attn.q_proj", 128, 256);
    addMatrix(base + "self_attn.k_proj", 64, 256);
    addMatrix(base + "self_attn.v_proj", 64, 256);
    addMatrix(base + "self_attn.o_proj", 256, 128);
    addMatrix(base + "mlp.gate_proj", 384, 256);
    addMatrix(base + "mlp.up_proj", 384, 256);
    addMatrix(base + "mlp.down_proj", 256, 384);
  }

  /// No group is 0 throughout.
  static int8_t digit(int64_t row, int64_t column) {
    return static_cast<int8_t>((row + column + column / 5) % 3 - 1);
  }
  /// A number of all formats, of columns in 128.
  static float scale(int64_t row, int64_t column) {
    return 0.5f + static_cast<float>((row * 3 + column / 128) % 16) / 32;
  }

  std::string word(float value) const {
    std::string bytes = little(value);
    return form == "F32"    ? bytes
           : form == "BF16" ? bytes.substr(2)
                            : little(floatToHalf(value), 2);
  }
  std::string type() const { return form == "MLX" ? "F16" : form; }

  void addFloats(const std::string &name, int64_t size) {
    std::string bytes;
    for (int64_t i = 0; i < size; ++i)
      bytes += word(1 + static_cast<float>(i % 16) / 16);
    tensors[name] = {type(), {size}, bytes};
  }

  void addMatrix(const std::string &prefix, int64_t rows, int64_t columns) {
    std::string values, scales, biases;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        if (form != "MLX") {
          values += word(scale(r, c) * static_cast<float>(digit(r, c)));
          continue;
        }
        if (c % 4 == 0)
          values += static_cast<char>(
              (digit(r, c) + 1) | (digit(r, c + 1) + 1) << 2 |
              (digit(r, c + 2) + 1) << 4 | (digit(r, c + 3) + 1) << 6);
        if (c % group)
          continue;
        scales += word(scale(r, c));
        biases += word(-scale(r, c));
      }
    if (form != "MLX") {
      tensors[prefix + ".weight"] = {type(), {rows, columns}, values};
      return;
    }
    tensors[prefix + ".weight"] = {"U32", {rows, columns / 16}, values};
    tensors[prefix + ".scales"] = {"F16", {rows, columns / group}, scales};
    tensors[prefix + ".biases"] = {"F16", {rows, columns / group}, biases};
  }

  /// Puts a value of a tensor of products, or of scales or biases.
  void put(const std::string &name, int64_t at, float value) {
    std::string bytes = word(value);
    tensors[name].bytes.replace(at * bytes.size(), bytes.size(), bytes);
  }
};

} // namespace tern

#endif // TERN_TEST_UNIT_IMPORT_TINYGROUPS_H
