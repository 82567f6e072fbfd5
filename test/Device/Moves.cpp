//===- Moves.cpp - Values as they are, together and apart
//-------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

using namespace tern::ptx;

namespace {

template <class S> void move(Warp &warp, const Instruction &in, uint32_t on) {
  S values[kLanes];
  std::memcpy(values, lanes<S>(warp, in.ops[1]), sizeof(values));
  commit(warp, in.ops[0], values, on, kAllLanes);
  defineHalves(warp, in.ops[0], on, warp.definedLow[in.ops[1].index],
               warp.definedHigh[in.ops[1].index]);
}

/// d = {a, b, ...}: a is in the lowest bits. `control`: bits of a part.
void pack(Warp &warp, const Instruction &in, uint32_t on) {
  uint64_t values[kLanes] = {}, part[kLanes];
  uint32_t known[2] = {kAllLanes, kAllLanes};
  uint64_t mask = (uint64_t(1) << in.control) - 1;
  for (unsigned i = 0; i < in.count; ++i) {
    readWide(warp, in.ops[i + 1], part);
    for (unsigned lane = 0; lane < kLanes; ++lane)
      values[lane] |= (part[lane] & mask) << (i * in.control);
    known[2 * i / in.count] &= warp.defined[in.ops[i + 1].index];
  }
  commitWide(warp, in.ops[0], values, on, kAllLanes);
  defineHalves(warp, in.ops[0], on, known[0], known[1]);
}

void unpack(Warp &warp, const Instruction &in, uint32_t on) {
  uint64_t values[kLanes], part[kLanes];
  const Operand &from = in.ops[in.count];
  readWide(warp, from, values);
  const uint32_t known[2] = {warp.definedLow[from.index],
                             warp.definedHigh[from.index]};
  uint64_t mask = (uint64_t(1) << in.control) - 1;
  for (unsigned i = 0; i < in.count; ++i) {
    for (unsigned lane = 0; lane < kLanes; ++lane)
      part[lane] = values[lane] >> (i * in.control) & mask;
    commitWide(warp, in.ops[i], part, on, known[2 * i / in.count]);
  }
}

void decodeMove(Decoding &d) {
  Type type = d.takeType();
  d.expectArguments(2);
  const Argument &to = d.argument(0), &from = d.argument(1);
  if (to.form != Argument::List && from.form != Argument::List) {
    d.in.ops[0] = d.destination(to, type.bits);
    d.in.ops[1] = d.source(from, type.bits);
    d.in.run = type.bits == 64 ? move<uint64_t> : move<uint32_t>;
    return;
  }
  bool packs = from.form == Argument::List;
  const auto &parts = packs ? from.parts : to.parts;
  if (parts.size() != 2 && parts.size() != 4)
    d.fail("expected two or four parts");
  d.in.count = uint8_t(parts.size());
  d.in.control = type.bits / unsigned(parts.size());
  // A part of 8 bits lies in a register of 16.
  unsigned bits = std::max(d.in.control, 16u);
  if (packs) {
    d.in.ops[0] = d.destination(to, type.bits);
    for (size_t i = 0; i < parts.size(); ++i)
      d.in.ops[i + 1] = d.source(parts[i], bits);
    d.in.run = pack;
  } else {
    for (size_t i = 0; i < parts.size(); ++i)
      d.in.ops[i] = d.destination(parts[i], bits);
    d.in.ops[parts.size()] = d.source(from, type.bits);
    d.in.run = unpack;
  }
}

/// Adds to an address, or takes from it, where its space begins.
template <bool toGeneric>
void convertAddress(Warp &warp, const Instruction &in, uint32_t on) {
  uint64_t values[kLanes];
  readWide(warp, in.ops[1], values);
  uint64_t window = in.space == Space::Shared  ? kSharedWindow
                    : in.space == Space::Local ? kLocalWindow
                                               : 0;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    values[lane] += toGeneric ? window : -window;
  commitWide(warp, in.ops[0], values, on, warp.defined[in.ops[1].index]);
}

void decodeConvertAddress(Decoding &d) {
  bool isBack = d.takeIf("to");
  d.in.space = d.takeIf("shared") || d.takeIf("shared::cta") ? Space::Shared
               : d.takeIf("local")                           ? Space::Local
               : d.takeIf("const")                           ? Space::Constant
                                                             : Space::Global;
  if (d.in.space == Space::Global)
    d.expect("global");
  d.takeType();
  d.expectArguments(2);
  d.in.ops[0] = d.destination(d.argument(0), 64);
  d.in.ops[1] = d.source(d.argument(1), 64);
  d.in.run = isBack ? convertAddress<false> : convertAddress<true>;
}

} // namespace

void tern::ptx::addMoves(Decoders &decoders) {
  decoders["mov"] = decodeMove;
  decoders["cvta"] = decodeConvertAddress;
}
