//===- TinyCheckpoint.h - A checkpoint small enough to break ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_IMPORT_TINYCHECKPOINT_H
#define TERN_TEST_UNIT_IMPORT_TINYCHECKPOINT_H

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include "nlohmann/json.hpp"

#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace tern {

/// A directory that disappears with the object.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    llvm::sys::fs::createUniqueDirectory("tern-test", path);
  }
  ~TemporaryDirectory() { llvm::sys::fs::remove_directories(path); }
  std::string file(llvm::StringRef name) const {
    llvm::SmallString<128> full(path);
    llvm::sys::path::append(full, name);
    return full.str().str();
  }
  std::string str() const { return path.str().str(); }
  void write(llvm::StringRef name, const std::string &bytes) const {
    std::ofstream(file(name), std::ios::binary) << bytes;
  }

private:
  llvm::SmallString<128> path;
};

/// One sentence for each problem, each of which names the file.
inline bool isRefusal(const std::string &message, const std::string &file) {
  for (size_t at = 0; at != std::string::npos;) {
    if (message.compare(at, file.size(), file) != 0)
      return false;
    at = message.find('\n', at);
    if (at != std::string::npos)
      ++at;
  }
  return true;
}

struct TinyTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};

/// Bytes of a safetensors file. `edit` may spoil the header before it is
/// written.
inline std::string
safetensorsBytes(const std::map<std::string, TinyTensor> &tensors,
                 void (*edit)(nlohmann::json &) = nullptr) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const auto &[name, tensor] : tensors) {
    header[name] = {
        {"dtype", tensor.dtype},
        {"shape", tensor.shape},
        {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  if (edit)
    edit(header);
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t size = text.size();
  std::string prefix(8, '\0');
  for (int i = 0; i < 8; ++i)
    prefix[i] = static_cast<char>(size >> 8 * i);
  return prefix + text + data;
}

/// Files that a test may spoil before they are written.
struct TinyDirectory {
  nlohmann::json config;
  std::map<std::string, TinyTensor> tensors;
  TemporaryDirectory directory;

  std::string write() const {
    directory.write("config.json", config.dump());
    directory.write("model.safetensors", safetensorsBytes(tensors));
    return directory.str();
  }
};

/// hidden 8, GLU 12, 2 heads of 4, 1 kv head, 5 tokens, 2 layers; packed.
struct TinyCheckpoint : TinyDirectory {
  TinyCheckpoint() {
    config = {{"architectures", {"BitNetForCausalLM"}},
              {"model_type", "bitnet"},
              {"hidden_act", "relu2"},
              {"vocab_size", 5},
              {"hidden_size", 8},
              {"intermediate_size", 12},
              {"num_hidden_layers", 2},
              {"num_attention_heads", 2},
              {"num_key_value_heads", 1},
              {"rms_norm_eps", 1e-5},
              {"rope_theta", 10000.0},
              {"max_position_embeddings", 16},
              {"tie_word_embeddings", true},
              {"quantization_config",
               {{"quant_method", "bitnet"},
                {"linear_class", "autobitlinear"},
                {"quantization_mode", "offline"}}}};
    addFloats("model.embed_tokens.weight", {5, 8});
    addFloats("model.norm.weight", {8});
    addLayer(0);
    addLayer(1);
  }

  void addLayer(int layer) {
    std::string base = "model.layers." + std::to_string(layer) + ".";
    addFloats(base + "input_layernorm.weight", {8});
    addFloats(base + "post_attention_layernorm.weight", {8});
    addFloats(base + "self_attn.attn_sub_norm.weight", {8});
    addFloats(base + "mlp.ffn_sub_norm.weight", {12});
    addPacked(base + "self_attn.q_proj", 8, 8);
    addPacked(base + "self_attn.k_proj", 4, 8);
    addPacked(base + "self_attn.v_proj", 4, 8);
    addPacked(base + "self_attn.o_proj", 8, 8);
    addPacked(base + "mlp.gate_proj", 12, 8);
    addPacked(base + "mlp.up_proj", 12, 8);
    addPacked(base + "mlp.down_proj", 8, 12);
  }

  /// bf16 values 1, 1.0078125, ...
  void addFloats(const std::string &name, std::vector<int64_t> shape) {
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    std::string bytes;
    for (int64_t i = 0; i < count; ++i)
      bytes += {static_cast<char>(0x80 + i % 100), '\x3f'};
    tensors[name] = {"BF16", std::move(shape), bytes};
  }

  /// Digit W[r][c] = (3r + c) % 3 - 1 + ... varied by the name's length.
  void addPacked(const std::string &prefix, int64_t rows, int64_t columns) {
    std::string bytes;
    for (int64_t r = 0; r < rows / 4; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        int byte = 0;
        for (int64_t i = 0; i < 4; ++i)
          byte |= (digit(i * (rows / 4) + r, c) + 1) << 2 * i;
        bytes += static_cast<char>(byte);
      }
    tensors[prefix + ".weight"] = {"U8", {rows / 4, columns}, bytes};
    tensors[prefix + ".weight_scale"] = {"BF16", {1}, {'\x00', '\x3f'}}; // 0.5
  }
  static int digit(int64_t row, int64_t column) {
    return static_cast<int>((row * 5 + column * 7 + row * column) % 3) - 1;
  }

  /// Turns a packed matrix into f32 masters of +-0.75 and 0.
  void makeMaster(const std::string &prefix) {
    TinyTensor &tensor = tensors[prefix + ".weight"];
    int64_t rows = tensor.shape[0] * 4, columns = tensor.shape[1];
    std::string bytes;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        float value = 0.75f * static_cast<float>(digit(r, c));
        char raw[4];
        std::memcpy(raw, &value, 4);
        bytes.append(raw, 4);
      }
    tensor = {"F32", {rows, columns}, bytes};
    tensors.erase(prefix + ".weight_scale");
  }
  void makeMasters() {
    for (const char *layer : {"0", "1"})
      for (const char *name : {"self_attn.q_proj", "self_attn.k_proj",
                               "self_attn.v_proj", "self_attn.o_proj",
                               "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"})
        makeMaster(std::string("model.layers.") + layer + "." + name);
  }
};

} // namespace tern

#endif // TERN_TEST_UNIT_IMPORT_TINYCHECKPOINT_H
