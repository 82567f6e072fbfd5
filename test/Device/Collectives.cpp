//===- Collectives.cpp - Instructions of a whole warp
//-----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

using namespace tern::ptx;

namespace {

enum Direction { Up, Down, Butterfly, Index };

/// The lane that another one's value comes from, and if it is one.
bool findSource(unsigned direction, unsigned lane, uint32_t b, uint32_t c,
                unsigned &source) {
  uint32_t segment = c >> 8 & 31, clamp = c & 31, by = b & 31;
  uint32_t least = lane & segment;
  uint32_t most = least | (clamp & ~segment);
  int found = 0;
  bool isFound = false;
  switch (direction) {
  case Up:
    found = int(lane) - int(by);
    isFound = found >= int(most);
    break;
  case Down:
    found = int(lane + by);
    isFound = found <= int(most);
    break;
  case Butterfly:
    found = int(lane ^ by);
    isFound = found <= int(most);
    break;
  case Index:
    found = int(least | (by & ~segment));
    isFound = found <= int(most);
    break;
  }
  source = isFound ? unsigned(found) : lane;
  return isFound;
}

/// ops: value, predicate, source, distance, clamp.
void shuffle(Warp &warp, const Instruction &in, uint32_t on) {
  const uint32_t *a = lanes<uint32_t>(warp, in.ops[2]);
  const uint32_t *b = lanes<uint32_t>(warp, in.ops[3]);
  const uint32_t *c = lanes<uint32_t>(warp, in.ops[4]);
  uint32_t valid = warp.defined[in.ops[2].index] & on;
  uint32_t chosen =
      warp.defined[in.ops[3].index] & warp.defined[in.ops[4].index];
  uint32_t result[kLanes] = {}, known = 0, found = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    unsigned source;
    found |= uint32_t(findSource(in.control, lane, b[lane], c[lane], source))
             << lane;
    result[lane] = a[source];
    known |= (valid >> source & 1) << lane;
  }
  commit(warp, in.ops[0], result, on, known & chosen);
  commitBits(warp, in.ops[1], found, on, chosen);
}

void decodeMembers(Decoding &d, const Argument &argument) {
  d.in.meeting = Meeting::Members;
  d.in.members = d.source(argument, 32);
}

void decodeShuffle(Decoding &d) {
  Instruction &in = d.in;
  d.expect("sync");
  in.control = d.takeIf("up")     ? Up
               : d.takeIf("down") ? Down
               : d.takeIf("bfly") ? Butterfly
                                  : Index;
  if (in.control == Index)
    d.expect("idx");
  d.expect("b32");
  d.expectArguments(5);
  in.ops[1].bits = 0;
  const Argument &to = d.argument(0);
  in.ops[0] = d.destination(to.form == Argument::List ? to.parts[0] : to, 32);
  if (to.form == Argument::List)
    in.ops[1] = d.destination(to.parts[1], 1);
  for (unsigned i = 1; i <= 3; ++i)
    in.ops[i + 1] = d.source(d.argument(i), 32);
  decodeMembers(d, d.argument(4));
  in.run = shuffle;
}

//===----------------------------------------------------------------------===//
// Votes and sums
//===----------------------------------------------------------------------===//

enum Vote { All, Any, Uniform, Ballot };

void vote(Warp &warp, const Instruction &in, uint32_t on) {
  requireDefined(warp, in.ops[1], on, "the predicate");
  uint32_t yes = bitsOf(warp, in.ops[1]) & on;
  if (in.control == Ballot) {
    uint32_t result[kLanes];
    std::fill_n(result, kLanes, yes);
    commit(warp, in.ops[0], result, on, kAllLanes);
    return;
  }
  bool result = in.control == All   ? yes == on
                : in.control == Any ? yes != 0
                                    : yes == on || yes == 0;
  commitBits(warp, in.ops[0], result ? kAllLanes : 0, on, kAllLanes);
}

void decodeVote(Decoding &d) {
  d.expect("sync");
  d.expectArguments(3);
  bool isBallot = d.takeIf("ballot");
  d.in.control = isBallot          ? Ballot
                 : d.takeIf("all") ? All
                 : d.takeIf("any") ? Any
                                   : Uniform;
  if (d.in.control == Uniform)
    d.expect("uni");
  d.expect(isBallot ? "b32" : "pred");
  d.in.ops[0] = d.destination(d.argument(0), isBallot ? 32 : 1);
  d.in.ops[1] = d.predicate(d.argument(1));
  decodeMembers(d, d.argument(2));
  d.in.run = vote;
}

void activeMask(Warp &warp, const Instruction &in, uint32_t on) {
  uint32_t result[kLanes];
  std::fill_n(result, kLanes, on);
  commit(warp, in.ops[0], result, on, kAllLanes);
}

void decodeActiveMask(Decoding &d) {
  d.expect("b32");
  d.expectArguments(1);
  d.in.ops[0] = d.destination(d.argument(0), 32);
  d.in.run = activeMask;
}

enum Reduction { Sum, Min, Max, And, Or, Xor };

template <class T> void reduce(Warp &warp, const Instruction &in, uint32_t on) {
  const uint32_t *values = lanes<uint32_t>(warp, in.ops[1]);
  bool isKnown = (on & ~warp.defined[in.ops[1].index]) == 0;
  bool isFirst = true;
  T total = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(on >> lane & 1))
      continue;
    T value = T(values[lane]);
    switch (isFirst ? ~0u : in.control) {
    case Sum:
      total = T(uint32_t(total) + uint32_t(value));
      break;
    case Min:
      total = std::min(total, value);
      break;
    case Max:
      total = std::max(total, value);
      break;
    case And:
      total &= value;
      break;
    case Or:
      total |= value;
      break;
    case Xor:
      total ^= value;
      break;
    default:
      total = value;
    }
    isFirst = false;
  }
  uint32_t result[kLanes];
  std::fill_n(result, kLanes, uint32_t(total));
  commit(warp, in.ops[0], result, on, isKnown ? kAllLanes : 0);
}

void decodeReduction(Decoding &d) {
  d.expect("sync");
  d.in.control = d.takeIf("add")   ? Sum
                 : d.takeIf("min") ? Min
                 : d.takeIf("max") ? Max
                 : d.takeIf("and") ? And
                 : d.takeIf("or")  ? Or
                                   : Xor;
  if (d.in.control == Xor)
    d.expect("xor");
  Type type = d.takeType();
  d.expectArguments(3);
  d.in.ops[0] = d.destination(d.argument(0), 32);
  d.in.ops[1] = d.source(d.argument(1), 32);
  decodeMembers(d, d.argument(2));
  if (type.bits == 32)
    d.in.run = type.kind == Kind::Signed ? reduce<int32_t> : reduce<uint32_t>;
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

void meetWarp(Warp &warp, const Instruction &, uint32_t) {
  warp.machine->meet(warp);
}

void waitForBlock(Warp &warp, const Instruction &in, uint32_t) {
  warp.isAtBarrier = true;
  warp.barrier = in.control;
}

void decodeBarrier(Decoding &d) {
  if (d.takeIf("warp")) {
    d.expect("sync");
    d.expectArguments(1);
    decodeMembers(d, d.argument(0));
    d.in.run = meetWarp;
    return;
  }
  d.takeIf("cta");
  d.expect("sync");
  d.takeIf("aligned");
  d.expectArguments(1);
  d.in.meeting = Meeting::All;
  d.in.control = uint32_t(d.number(d.argument(0)));
  if (d.in.control > 15)
    d.fail("expected a barrier from 0 to 15");
  d.in.run = waitForBlock;
}

} // namespace

void tern::ptx::addCollectives(Decoders &decoders) {
  decoders["shfl"] = decodeShuffle;
  decoders["vote"] = decodeVote;
  decoders["vote.p"] = decodeVote;
  decoders["activemask"] = decodeActiveMask;
  decoders["redux"] = decodeReduction;
  decoders["bar"] = decodeBarrier;
  decoders["barrier"] = decodeBarrier;
}
