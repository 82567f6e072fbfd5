//===- WeightCopies.cpp - Weights that no cache holds ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/WeightCopies.h"

#include "tern/host.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>

using namespace tern;

static constexpr uint64_t kTimesCaches = 4, kLeastBytes = uint64_t(256) << 20;

CopySize tern::getCopySize(uint64_t cacheBytes, uint64_t availableBytes,
                           unsigned layouts) {
  uint64_t wanted = std::max(kTimesCaches * cacheBytes, kLeastBytes);
  uint64_t most = availableBytes / 4 / std::max(layouts, 1u);
  return {std::min(wanted, most), cacheBytes, most < wanted};
}

CopySize tern::getCopySize(unsigned layouts) {
  return getCopySize(tern_cache_bytes(""), tern_memory_available(""), layouts);
}

WeightCopies::WeightCopies(llvm::ArrayRef<uint8_t> weight, uint64_t bytes)
    : weight(weight), stride(llvm::alignTo(weight.size(), 4096)),
      count(std::max<uint64_t>(bytes / stride, 1)),
      memory(static_cast<uint8_t *>(tern_memory_map(count * stride))) {}

WeightCopies::~WeightCopies() { tern_memory_unmap(memory, count * stride); }

void WeightCopies::fill() {
  for (uint64_t i = 0; i < count; ++i)
    std::memcpy(memory + i * stride, weight.data(), weight.size());
}
