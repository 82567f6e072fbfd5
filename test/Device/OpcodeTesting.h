//===- OpcodeTesting.h - An opcode against its definition -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Expected values follow the formulas of the PTX manual, written again here.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_OPCODETESTING_H
#define TERN_TEST_DEVICE_OPCODETESTING_H

// clang-format off
#include "PtxTesting.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace tern::ptx {

using u64 = uint64_t;
using u32 = uint32_t;
using s64 = int64_t;
using s32 = int32_t;

/// `kinds`: of the result and of a, b, c: h, w, l are 16, 32, 64 bits, p is a
/// predicate.
struct Opcode {
  const char *statement;
  const char *kinds;
  std::function<u64(u64 a, u64 b, u64 c)> expected;
};

inline float asFloat(u64 bits) {
  u32 low = u32(bits);
  float value;
  std::memcpy(&value, &low, 4);
  return value;
}
inline u64 bitsOf(float value) {
  u32 bits;
  std::memcpy(&bits, &value, 4);
  return value != value ? 0x7FFFFFFF : bits;
}
inline double asDouble(u64 bits) {
  double value;
  std::memcpy(&value, &bits, 8);
  return value;
}
inline u64 bitsOf(double value) {
  u64 bits;
  std::memcpy(&bits, &value, 8);
  return value != value ? 0x7FFFFFFFFFFFFFFF : bits;
}

inline u64 maskOf(char kind) {
  return kind == 'p' ? 1 : kind == 'h' ? 0xFFFF : kind == 'w' ? 0xFFFFFFFF : ~u64(0);
}

inline std::string bodyOf(const Opcode &opcode) {
  std::string text;
  const char *names[] = {"%d", "%a", "%b", "%c"};
  auto bits = [](char kind) {
    return std::string(kind == 'h' ? "16" : kind == 'l' ? "64" : "32");
  };
  for (size_t i = 0; opcode.kinds[i]; ++i) {
    char kind = opcode.kinds[i];
    text += ".reg " + (kind == 'p' ? std::string(".pred") : ".b" + bits(kind)) +
            " " + names[i] + ";\n";
  }
  text += ".reg .b32 %t;\n.reg .b64 %q<4>;\n";
  for (size_t i = 1; opcode.kinds[i]; ++i) {
    char kind = opcode.kinds[i];
    std::string address = "%q" + std::to_string(i);
    text += "add.s64 " + address + ", %p" + std::to_string(i) + ", %l8;\n";
    if (kind == 'p')
      text += "ld.global.b32 %t, [" + address + "];\nand.b32 %t, %t, 1;\n"
              "setp.ne.b32 " + std::string(names[i]) + ", %t, 0;\n";
    else
      text += "ld.global.b" + bits(kind) + " " + names[i] + ", [" + address + "];\n";
  }
  text += std::string(opcode.statement) + "\nadd.s64 %q0, %p0, %l8;\n";
  char kind = opcode.kinds[0];
  if (kind == 'p')
    text += "selp.b32 %t, 1, 0, %d;\nst.global.b32 [%q0], %t;\n";
  else
    text += "st.global.b" + bits(kind) + " [%q0], %d;\n";
  return text;
}

/// Corners of integers and floats, and numbers of all sizes.
inline std::vector<u64> inputs(unsigned round) {
  static const u64 corners[] = {
      0, 1, 2, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF,
      0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x3F800000, 0xBF800000, 0x7F800000,
      0xFF800000, 0x7FC00000, 0x00000001, 0x807FFFFF, 0x3F000000, 0x40200000,
      0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x3FF0000000000000, 0x4F000000,
      0xFFFFFFFFFFFFFFFF};
  std::mt19937_64 random(round);
  std::vector<u64> values(kLanes);
  for (u64 &value : values)
    value = random() % 3 ? corners[random() % std::size(corners)]
                         : random() >> random() % 64;
  return values;
}

inline void check(const Opcode &opcode) {
  SCOPED_TRACE(opcode.statement);
  for (unsigned round = 0; round < 8; ++round) {
    std::vector<u64> d(kLanes, 0), a = inputs(4 * round), b = inputs(4 * round + 1),
                     c = inputs(4 * round + 2);
    Runner runner;
    std::string body = bodyOf(opcode);
    ASSERT_NO_THROW(runner.run(body, d, a, b, c));
    if (round != 0)
      allKernels().pop_back(); // ptxas needs one
    size_t operands = std::strlen(opcode.kinds);
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      auto in = [&](const std::vector<u64> &values, size_t i) {
        return i < operands ? values[lane] & maskOf(opcode.kinds[i]) : 0;
      };
      u64 expected = opcode.expected(in(a, 1), in(b, 2), in(c, 3)) &
                     maskOf(opcode.kinds[0]);
      EXPECT_EQ(d[lane], expected)
          << std::hex << in(a, 1) << " " << in(b, 2) << " " << in(c, 3);
    }
  }
}

#define INTO [](u64 a, u64 b, u64 c) -> u64
#define S(x) s64(s32(x))
#define H(x) s64(int16_t(x))

inline s64 clampTo(s64 value, s64 low, s64 high) {
  return value < low ? low : value > high ? high : value;
}

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_OPCODETESTING_H
