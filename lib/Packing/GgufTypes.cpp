//===- lib/Packing/GgufTypes.cpp - Which encodings there are --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/GgufCodecs.h"

#include <algorithm>
#include <cstring>

using namespace tern;

const std::vector<GgufEncoding> &tern::allGgufEncodings() {
  using C = GgufCodec;
  static const std::vector<GgufEncoding> all = {
      // codec, name, id, elements, bytes, row prefix, suffix, ternary
      {C::F32, "f32", 0, 1, 4, 0, 0, false},
      {C::F16, "f16", 1, 1, 2, 0, 0, false},
      {C::BF16, "bf16", 30, 1, 2, 0, 0, false},
      {C::Q4_0, "q4_0", 2, 32, 18, 0, 0, false},
      {C::Q8_0, "q8_0", 8, 32, 34, 0, 0, false},
      {C::Q4_K, "q4_k", 12, 256, 144, 0, 0, false},
      {C::Q6_K, "q6_k", 14, 256, 210, 0, 0, false},
      {C::TQ1_0, "tq1_0", 34, 256, 54, 0, 0, true},
      {C::TQ2_0, "tq2_0", 35, 256, 66, 0, 0, true},
      {C::I2_S, "i2_s", 36, 128, 32, 0, 32, true},
      {C::I2_S_ARM, "i2_s_arm", 36, 64, 16, 0, 32, true},
      {C::Q2_0_G64, "q2_0_g64", 42, 64, 18, 0, 0, true},
      {C::Q2_0_G128, "q2_0_g128", 42, 128, 34, 0, 0, true},
      {C::PQ2_0, "pq2_0", 142, 128, 34, 0, 0, true},
      {C::PTQ1_0, "ptq1_0", 143, 128, 28, 0, 0, true},
      {C::IQ1_BN, "iq1_bn", 134, 64, 13, 2, 0, true},
      {C::IQ2_BN, "iq2_bn", 135, 64, 16, 4, 0, true},
  };
  return all;
}

const GgufEncoding *tern::findGgufEncoding(const char *name) {
  for (const GgufEncoding &encoding : allGgufEncodings())
    if (!std::strcmp(encoding.name, name))
      return &encoding;
  return nullptr;
}

const GgufEncoding &tern::bareCodes() {
  static const GgufEncoding codes = {
      GgufCodec::Codes, "2-bit codes", UINT32_MAX, 4, 1, 0, 0, true};
  return codes;
}

std::optional<uint64_t> tern::ggufBytes(const GgufEncoding &encoding,
                                        uint64_t columns, uint64_t rows) {
  auto blockElements = static_cast<uint64_t>(encoding.blockElements);
  if (columns % blockElements)
    return std::nullopt;
  uint64_t bytes = columns / blockElements;
  if (__builtin_mul_overflow(bytes, encoding.blockBytes, &bytes) ||
      __builtin_add_overflow(bytes, encoding.rowPrefix, &bytes) ||
      __builtin_mul_overflow(bytes, rows, &bytes) ||
      __builtin_add_overflow(bytes, encoding.suffix, &bytes) || bytes >> 63)
    return std::nullopt;
  return bytes;
}

const char *tern::ggufTypeName(uint32_t id) {
  struct Name {
    uint32_t id;
    const char *name;
  };
  static constexpr Name names[] = {
      {0, "F32"},
      {1, "F16"},
      {2, "Q4_0"},
      {3, "Q4_1"},
      {6, "Q5_0"},
      {7, "Q5_1"},
      {8, "Q8_0"},
      {9, "Q8_1"},
      {10, "Q2_K"},
      {11, "Q3_K"},
      {12, "Q4_K"},
      {13, "Q5_K"},
      {14, "Q6_K"},
      {15, "Q8_K"},
      {16, "IQ2_XXS"},
      {17, "IQ2_XS"},
      {18, "IQ3_XXS"},
      {19, "IQ1_S"},
      {20, "IQ4_NL"},
      {21, "IQ3_S"},
      {22, "IQ2_S"},
      {23, "IQ4_XS"},
      {24, "I8"},
      {25, "I16"},
      {26, "I32"},
      {27, "I64"},
      {28, "F64"},
      {29, "IQ1_M"},
      {30, "BF16"},
      {34, "TQ1_0"},
      {35, "TQ2_0"},
      {36, "I2_S or the old IQ4_NL_4_4"},
      {38, "TL1 or the old IQ4_NL_8_8"},
      {39, "TL2 or MXFP4"},
      {40, "NVFP4"},
      {41, "Q1_0"},
      {42, "Q2_0 or TL2"},
      {134, "IQ1_BN"},
      {135, "IQ2_BN"},
      {142, "PQ2_0"},
      {143, "PTQ1_0"},
      {335, "IQ2_BN_R4"},
  };
  const auto *found = std::find_if(std::begin(names), std::end(names),
                                   [&](const Name &n) { return n.id == id; });
  return found == std::end(names) ? nullptr : found->name;
}
