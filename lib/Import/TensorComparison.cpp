//===- lib/Import/TensorComparison.cpp - Tensors that are there twice -----===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Safetensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tern {

bool TensorFiles::areSameBytes(const TensorEntry &a,
                               const TensorEntry &b) const {
  constexpr uint64_t piece = 1 << 20;
  if (a.dtype != b.dtype || a.encoding != b.encoding || a.bytes != b.bytes)
    return false;
  bool equal = true;
  for (uint64_t at = 0; at < a.bytes && equal; at += piece) {
    uint64_t now = std::min(piece, a.bytes - at);
    equal = bytes(a).slice(at, now) == bytes(b).slice(at, now);
    release(a, at, now);
    release(b, at, now);
  }
  return equal;
}

/// Values that widen exactly; digits stand for others.
static bool hasFloats(const TensorEntry &entry) {
  return entry.dtype == DType::BF16 || entry.dtype == DType::F16 ||
         entry.dtype == DType::F32;
}

/// A multiple of any encoding's block.
static constexpr int64_t pieceElements = 1 << 16;

static void decode(const TensorEntry &entry, ArrayRef<uint8_t> bytes,
                   int64_t from, MutableArrayRef<float> out) {
  int64_t count = static_cast<int64_t>(out.size());
  if (!entry.isBlocked()) {
    widen(entry.dtype, bytes.data() + from * byteSize(entry.dtype), count,
          out.data());
    return;
  }
  const GgufEncoding &encoding = *entry.encoding;
  decodeFloats(encoding,
               bytes.data() +
                   from / encoding.blockElements * encoding.blockBytes,
               count / encoding.blockElements, out.data());
}

std::string TensorFiles::difference(const TensorEntry &a,
                                    const TensorEntry &b) const {
  auto areOfTypes = [&] {
    return "are " + a.describe() + " and " + b.describe();
  };
  if (a.shape != b.shape || a.pairedHeads != b.pairedHeads ||
      a.exactScale != b.exactScale)
    return areOfTypes();
  if (areSameBytes(a, b))
    return "";
  if (!hasFloats(a) || !hasFloats(b)) {
    if (a.dtype != b.dtype || a.encoding != b.encoding)
      return areOfTypes();
    auto [inA, inB] =
        std::mismatch(bytes(a).begin(), bytes(a).end(), bytes(b).begin());
    return formatv("differ at byte {0}, {1} and {2}", inA - bytes(a).begin(),
                   unsigned(*inA), unsigned(*inB));
  }
  std::vector<float> left(pieceElements), right(pieceElements);
  for (int64_t from = 0, count = a.elements(); from < count;) {
    size_t now = std::min(pieceElements, count - from);
    left.resize(now);
    right.resize(now);
    decode(a, bytes(a), from, left);
    decode(b, bytes(b), from, right);
    auto [inA, inB] = std::mismatch(left.begin(), left.end(), right.begin());
    if (inA != left.end())
      return formatv("differ at element {0}, {1:e8} and {2:e8}",
                     from + (inA - left.begin()), *inA, *inB);
    from += static_cast<int64_t>(now);
  }
  release(a, 0, a.bytes);
  release(b, 0, b.bytes);
  return "";
}

void TensorFiles::rename(StringRef name, StringRef other) {
  if (find(other))
    return;
  auto node = tensors.extract(tensors.find(std::string_view(name)));
  node.key() = other.str();
  tensors.insert(std::move(node));
}

void TensorFiles::drop(StringRef name) {
  tensors.erase(tensors.find(std::string_view(name)));
}

} // namespace tern
