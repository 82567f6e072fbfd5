//===- Products.cpp - Products of small matrices and of bytes
//---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

using namespace tern::ptx;

namespace {

/// A word's byte with its sign, or without.
int16_t byteOf(uint32_t word, unsigned i, bool isSigned) {
  uint8_t byte = uint8_t(word >> 8 * i);
  return isSigned ? int16_t(int8_t(byte)) : int16_t(byte);
}

/// d += the dot product of four bytes each. `control`: bit 0, a has a sign;
/// bit 1, b has one.
void dotBytes(Warp &warp, const Instruction &in, uint32_t on) {
  const uint32_t *a = lanes<uint32_t>(warp, in.ops[1]);
  const uint32_t *b = lanes<uint32_t>(warp, in.ops[2]);
  const uint32_t *c = lanes<uint32_t>(warp, in.ops[3]);
  uint32_t result[kLanes], known = kAllLanes;
  for (unsigned i = 1; i <= 3; ++i)
    known &= warp.defined[in.ops[i].index];
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    result[lane] = c[lane];
    for (unsigned i = 0; i < 4; ++i)
      result[lane] += uint32_t(int32_t(byteOf(a[lane], i, in.control & 1)) *
                               byteOf(b[lane], i, in.control & 2));
  }
  commit(warp, in.ops[0], result, on, known);
}

void decodeDotBytes(Decoding &d) {
  Type a = d.takeType(), b = d.takeType();
  d.expectArguments(4);
  if (a.bits != 32 || b.bits != 32)
    d.fail("expected u32 or s32");
  d.in.ops[0] = d.destination(d.argument(0), 32);
  for (unsigned i = 1; i <= 3; ++i)
    d.in.ops[i] = d.source(d.argument(i), 32);
  d.in.control =
      unsigned(a.kind == Kind::Signed) | unsigned(b.kind == Kind::Signed) << 1;
  d.in.run = dotBytes;
}

/// D = A B + C of 16 x K, K x 8 and 16 x 8, K of 16 or 32 bytes. Of group
/// g = lane / 4 and t = lane % 4 a lane holds, for each 16 columns, 4 bytes
/// from 4t of A's rows g and g + 8; the same of B's column g; and of C the
/// columns 2t and 2t + 1 of both rows. ops: 4 of D, K / 8 of A, K / 16 of B, 4
/// of C.
template <unsigned K>
void multiplyMatrices(Warp &warp, const Instruction &in, uint32_t on) {
  constexpr unsigned wordsA = K / 8, wordsB = K / 16;
  const Operand *a = &in.ops[4], *b = a + wordsA, *c = b + wordsB;
  alignas(16) int16_t rows[16][K], columns[8][K];
  uint32_t knownRows = 0xFFFF, knownColumns = 0xFF;
  for (unsigned word = 0; word < wordsA; ++word) {
    const uint32_t *values = lanes<uint32_t>(warp, a[word]);
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      unsigned row = lane / 4 + word % 2 * 8;
      for (unsigned i = 0; i < 4; ++i)
        rows[row][word / 2 * 16 + lane % 4 * 4 + i] =
            byteOf(values[lane], i, in.control & 1);
      if (!(warp.defined[a[word].index] >> lane & 1))
        knownRows &= ~(1u << row);
    }
  }
  for (unsigned word = 0; word < wordsB; ++word) {
    const uint32_t *values = lanes<uint32_t>(warp, b[word]);
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      for (unsigned i = 0; i < 4; ++i)
        columns[lane / 4][word * 16 + lane % 4 * 4 + i] =
            byteOf(values[lane], i, in.control & 2);
      if (!(warp.defined[b[word].index] >> lane & 1))
        knownColumns &= ~(1u << lane / 4);
    }
  }
  uint32_t result[4][kLanes], allKnown[4];
  for (unsigned i = 0; i < 4; ++i) {
    const uint32_t *values = lanes<uint32_t>(warp, c[i]);
    uint32_t known = 0;
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      int32_t sum = 0;
      for (unsigned k = 0; k < K; ++k)
        sum += int32_t(rows[row][k]) * columns[column][k];
      result[i][lane] = values[lane] + uint32_t(sum);
      known |= (knownRows >> row & knownColumns >> column & 1) << lane;
    }
    allKnown[i] = known & warp.defined[c[i].index];
  }
  for (unsigned i = 0; i < 4; ++i)
    commit(warp, in.ops[i], result[i], on, allKnown[i]);
}

void decodeMatrices(Decoding &d) {
  Instruction &in = d.in;
  for (const char *word : {"sync", "aligned", "row", "col"})
    d.expect(word);
  bool isLong = d.takeIf("m16n8k32");
  if (!isLong)
    d.expect("m16n8k16");
  Type types[4];
  for (Type &type : types)
    type = d.takeType();
  if (!(types[0] == typeOf<int32_t>()) || !(types[3] == types[0]) ||
      types[1].bits != 8 || types[2].bits != 8)
    d.fail("expected s32, u8 or s8, u8 or s8, s32");
  in.control = unsigned(types[1].kind == Kind::Signed) |
               unsigned(types[2].kind == Kind::Signed) << 1;
  d.expectArguments(4);
  const size_t counts[4] = {4, isLong ? 4u : 2u, isLong ? 2u : 1u, 4};
  unsigned at = 0;
  for (unsigned i = 0; i < 4; ++i) {
    Argument list = d.argument(i);
    if (list.form != Argument::List)
      list.parts = {list};
    if (list.parts.size() != counts[i])
      d.fail("expected " + std::to_string(counts[i]) + " registers");
    for (const Argument &part : list.parts)
      in.ops[at++] = i == 0 ? d.destination(part, 32) : d.source(part, 32);
  }
  in.meeting = Meeting::All;
  in.run = isLong ? multiplyMatrices<32> : multiplyMatrices<16>;
}

} // namespace

void tern::ptx::addProducts(Decoders &decoders) {
  decoders["dp4a"] = decodeDotBytes;
  decoders["mma"] = decodeMatrices;
}
