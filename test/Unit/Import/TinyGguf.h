//===- TinyGguf.h - A GGUF file small enough to break -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_IMPORT_TINYGGUF_H
#define TERN_TEST_UNIT_IMPORT_TINYGGUF_H

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tern {

/// The lowest `size` bytes of a number.
inline std::string little(uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i)
    bytes += static_cast<char>(value >> 8 * i);
  return bytes;
}
inline std::string little(float value) {
  uint32_t word;
  std::memcpy(&word, &value, 4);
  return little(word, 4);
}
inline std::string ggufString(const std::string &text) {
  return little(text.size(), 8) + text;
}

/// Values of metadata: a kind and what follows it.
inline std::string ggufU32(uint32_t value) {
  return little(4, 4) + little(value, 4);
}
inline std::string ggufF32(float value) { return little(6, 4) + little(value); }
inline std::string ggufBool(bool value) {
  return little(7, 4) + little(value, 1);
}
inline std::string ggufText(const std::string &text) {
  return little(8, 4) + ggufString(text);
}
inline std::string ggufArray(uint32_t kind, uint64_t count,
                             const std::string &elements) {
  return little(9, 4) + little(kind, 4) + little(count, 8) + elements;
}
inline std::string ggufTexts(const std::vector<std::string> &texts) {
  std::string elements;
  for (const std::string &text : texts)
    elements += ggufString(text);
  return ggufArray(8, texts.size(), elements);
}

struct TinyGguf {
  struct Tensor {
    std::string name;
    std::vector<uint64_t> sizes; ///< columns first
    uint32_t type;
    std::string data;
    std::optional<uint64_t> offset; ///< absent: the right one
    std::optional<uint32_t> sizeCount;
  };

  std::string magic = "GGUF";
  uint32_t version = 3;
  uint64_t alignment = 32; ///< what the writer pads to
  std::vector<std::pair<std::string, std::string>> values = {
      {"general.architecture", ggufText("bitnet")}};
  std::vector<Tensor> tensors;
  std::optional<uint64_t> tensorCount, valueCount;
  bool padsLast = true;
  std::string tail;

  std::string padded(std::string text) const {
    text.resize((text.size() + alignment - 1) / alignment * alignment);
    return text;
  }

  std::string bytes() const {
    std::string out = magic + little(version, 4) +
                      little(tensorCount.value_or(tensors.size()), 8) +
                      little(valueCount.value_or(values.size()), 8);
    for (const auto &[key, value] : values)
      out += ggufString(key) + value;
    std::string data;
    for (const Tensor &tensor : tensors) {
      data = padded(data);
      out += ggufString(tensor.name) +
             little(tensor.sizeCount.value_or(tensor.sizes.size()), 4);
      for (uint64_t size : tensor.sizes)
        out += little(size, 8);
      out += little(tensor.type, 4) +
             little(tensor.offset.value_or(data.size()), 8);
      data += tensor.data;
    }
    if (tensors.empty())
      return out + tail;
    return padded(out) + (padsLast ? padded(data) : data) + tail;
  }
};

/// f32 [2, 3] named a, and tq2_0 [256] named b.
inline TinyGguf twoTensors() {
  TinyGguf file;
  file.tensors = {{"a", {3, 2}, 0, std::string(24, 'a'), {}, {}},
                  {"b", {256}, 35, std::string(66, 'b'), {}, {}}};
  return file;
}

} // namespace tern

#endif // TERN_TEST_UNIT_IMPORT_TINYGGUF_H
