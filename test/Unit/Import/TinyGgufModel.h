//===- TinyGgufModel.h - A whole model in a GGUF file -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_IMPORT_TINYGGUFMODEL_H
#define TERN_TEST_UNIT_IMPORT_TINYGGUFMODEL_H

#include "Packing/GgufEncoders.h"
#include "TinyCheckpoint.h"
#include "TinyGguf.h"

#include "tern/Import/Checkpoint.h"

#include "gtest/gtest.h"

namespace tern {

/// hidden 256, GLU 512, 4 heads of 64, 2 kv heads, 5 tokens, 1 layer; all
/// matrices in one ternary encoding with a scale of 0.5, all else f32.
struct TinyGgufModel {
  TinyGguf file;
  std::string architecture;
  TemporaryDirectory directory;

  explicit TinyGgufModel(const char *encoding = "tq2_0",
                         const std::string &architecture = "bitnet-b1.58")
      : architecture(architecture) {
    file.values = {{"general.architecture", ggufText(architecture)}};
    set("embedding_length", ggufU32(256));
    set("feed_forward_length", ggufU32(512));
    set("block_count", ggufU32(1));
    set("attention.head_count", ggufU32(4));
    set("attention.head_count_kv", ggufU32(2));
    set("attention.layer_norm_rms_epsilon", ggufF32(1e-5f));
    set("context_length", ggufU32(64));
    set("rope.freq_base", ggufF32(500000));
    if (architecture.rfind("bitnet", 0) == 0) {
      set("hidden_activation", ggufText("relu2"));
      addFloats("blk.0.attn_sub_norm.weight", {256});
      addFloats("blk.0.ffn_sub_norm.weight", {512});
    }
    addFloats("token_embd.weight", {256, 5});
    addFloats("output_norm.weight", {256});
    addFloats("blk.0.attn_norm.weight", {256});
    addFloats("blk.0.ffn_norm.weight", {256});
    for (auto [name, rows, columns] : {std::tuple("attn_q", 256, 256),
                                       {"attn_k", 128, 256},
                                       {"attn_v", 128, 256},
                                       {"attn_output", 256, 256},
                                       {"ffn_gate", 512, 256},
                                       {"ffn_up", 512, 256},
                                       {"ffn_down", 256, 512}})
      addDigits("blk.0." + std::string(name) + ".weight", encoding, rows,
                columns);
  }

  /// Sets or replaces a field of the architecture.
  void set(const std::string &field, const std::string &value) {
    setKey(architecture + "." + field, value);
  }
  void setKey(const std::string &key, const std::string &value) {
    for (auto &[old, was] : file.values)
      if (old == key) {
        was = value;
        return;
      }
    file.values.emplace_back(key, value);
  }
  void erase(const std::string &field) {
    llvm::erase_if(file.values, [&](const auto &one) {
      return one.first == architecture + "." + field;
    });
  }

  TinyGguf::Tensor &tensor(const std::string &name) {
    for (TinyGguf::Tensor &one : file.tensors)
      if (one.name == name)
        return one;
    throw std::logic_error("no tensor " + name);
  }

  /// Values 0, 1/8, ... 15/8, again and again.
  void addFloats(const std::string &name, std::vector<uint64_t> sizes) {
    uint64_t count = 1;
    for (uint64_t size : sizes)
      count *= size;
    std::string data;
    for (uint64_t i = 0; i < count; ++i)
      data += little(static_cast<float>(i % 16) / 8);
    file.tensors.push_back({name, std::move(sizes), 0, data, {}, {}});
  }

  void addDigits(const std::string &name, const char *encodingName,
                 int64_t rows, int64_t columns) {
    const GgufEncoding &encoding = *findGgufEncoding(encodingName);
    file.tensors.push_back(
        {name,
         {uint64_t(columns), uint64_t(rows)},
         encoding.id,
         encodeMatrix(encoding, digits(rows, columns), columns, 0.5f),
         {},
         {}});
  }
  static std::vector<int8_t> digits(int64_t rows, int64_t columns) {
    std::vector<int8_t> all;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        all.push_back(static_cast<int8_t>(TinyCheckpoint::digit(r, c)));
    return all;
  }

  llvm::Expected<std::unique_ptr<Checkpoint>>
  open(const GgufOptions &options = {}) const {
    directory.write("x.gguf", file.bytes());
    return Checkpoint::open(directory.file("x.gguf"), options);
  }
  /// Without the file's name; "" if the model opens.
  std::string verdict(const GgufOptions &options = {}) const {
    auto opened = open(options);
    if (opened)
      return "";
    std::string message = llvm::toString(opened.takeError());
    std::string name = directory.file("x.gguf");
    EXPECT_EQ(message.rfind(name, 0), 0u) << message;
    message = message.substr(0, message.find('\n')); // the first problem
    return message.substr(std::min(message.size(), name.size() + 2));
  }
};

/// The sentence of reading q_proj of a model that opens; "" if it reads.
inline std::string readVerdict(const TinyGgufModel &tiny) {
  auto checkpoint = tiny.open();
  if (!checkpoint)
    return "not opened: " + llvm::toString(checkpoint.takeError());
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  return llvm::toString(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
}

/// Just that part of a message that is expected, if it is there.
inline std::string part(const std::string &message,
                        const std::string &expected) {
  return message.find(expected) != std::string::npos ? expected : message;
}

} // namespace tern

#endif // TERN_TEST_UNIT_IMPORT_TINYGGUFMODEL_H
