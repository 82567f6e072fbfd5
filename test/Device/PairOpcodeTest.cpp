//===- PairOpcodeTest.cpp - Opcodes of two floats in a register -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// They are of sm_100 and later: not in the tables that any card is asked.
//
//===----------------------------------------------------------------------===//

#include "OpcodeTesting.h"

using namespace tern::ptx;

namespace {

template <class F> auto pairs(F f) {
  return [f](u64 a, u64 b, u64 c) -> u64 {
    auto half = [&](unsigned shift) {
      return u64(bitsOf(f(asFloat(a >> shift), asFloat(b >> shift),
                          asFloat(c >> shift))))
             << shift;
    };
    return half(0) | half(32);
  };
}

TEST(Opcode, PairsOfFloats) {
  const Opcode opcodes[] = {
      {"add.rn.f32x2 %d, %a, %b;", "lll",
       pairs([](float a, float b, float) { return a + b; })},
      {"sub.rn.f32x2 %d, %a, %b;", "lll",
       pairs([](float a, float b, float) { return a - b; })},
      {"mul.rn.f32x2 %d, %a, %b;", "lll",
       pairs([](float a, float b, float) { return a * b; })},
      {"fma.rn.f32x2 %d, %a, %b, %c;", "llll",
       pairs([](float a, float b, float c) { return std::fma(a, b, c); })}};
  for (const Opcode &opcode : opcodes) {
    check(opcode);
    allKernels().pop_back(); // an assembler for sm_80 refuses it
  }
}

TEST(Opcode, PairsSayHowTheyRound) {
  Runner runner;
  EXPECT_THROW(runner.run(".reg .b64 %d; mul.f32x2 %d, %l8, %l8;"), Fault);
}

} // namespace
