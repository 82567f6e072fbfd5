//===- Predicates.cpp - Comparisons and choices
//-----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

using namespace tern::ptx;

namespace {

enum class Compare { Eq, Ne, Lt, Le, Gt, Ge, Ordered, Unordered };

template <Compare how, bool orUnordered, class T> bool compare(T a, T b) {
  if constexpr (orUnordered)
    if (a != a || b != b)
      return true;
  switch (how) {
  case Compare::Eq:
    return a == b;
  case Compare::Ne:
    return a < b || a > b; // false for NaN
  case Compare::Lt:
    return a < b;
  case Compare::Le:
    return a <= b;
  case Compare::Gt:
    return a > b;
  case Compare::Ge:
    return a >= b;
  case Compare::Ordered:
    return a == a && b == b;
  case Compare::Unordered:
    return a != a || b != b;
  }
  return false;
}

enum { JoinNone, JoinAnd, JoinOr, JoinXor };

/// p = a ? b, joined with a predicate; q, where there is one, of its opposite.
template <class T, Compare how, bool orUnordered>
void setPredicate(Warp &warp, const Instruction &in, uint32_t on) {
  const Stored<T> *a = lanes<Stored<T>>(warp, in.ops[2]);
  const Stored<T> *b = lanes<Stored<T>>(warp, in.ops[3]);
  uint32_t known =
      warp.defined[in.ops[2].index] & warp.defined[in.ops[3].index];
  uint8_t bytes[kLanes];
  for (unsigned lane = 0; lane < kLanes; ++lane)
    bytes[lane] = compare<how, orUnordered>(fromStored<T>(a[lane]),
                                            fromStored<T>(b[lane]));
  uint32_t bits = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    bits |= uint32_t(bytes[lane]) << lane;
  uint32_t opposite = ~bits;
  if (in.control != JoinNone) {
    uint32_t other = bitsOf(warp, in.ops[4]);
    known &= warp.defined[in.ops[4].index];
    auto join = [&](uint32_t x) {
      return in.control == JoinAnd  ? x & other
             : in.control == JoinOr ? x | other
                                    : x ^ other;
    };
    bits = join(bits);
    opposite = join(opposite);
  }
  commitBits(warp, in.ops[0], bits, on, known);
  commitBits(warp, in.ops[1], opposite, on, known);
}

template <Compare how, bool orUnordered> Run pickCompared(Type type) {
  if (type.kind == Kind::Bits)
    type.kind = Kind::Unsigned;
  Run run = nullptr;
  auto consider = [&](auto value) {
    using T = decltype(value);
    if (type == typeOf<T>())
      run = setPredicate<T, how, orUnordered>;
  };
  consider(uint16_t());
  consider(int16_t());
  consider(uint32_t());
  consider(int32_t());
  consider(uint64_t());
  consider(int64_t());
  consider(float());
  consider(double());
  return run;
}

void decodeSetPredicate(Decoding &d) {
  static const std::map<std::string, Run (*)(Type)> comparisons = {
      {"eq", pickCompared<Compare::Eq, false>},
      {"ne", pickCompared<Compare::Ne, false>},
      {"lt", pickCompared<Compare::Lt, false>},
      {"le", pickCompared<Compare::Le, false>},
      {"gt", pickCompared<Compare::Gt, false>},
      {"ge", pickCompared<Compare::Ge, false>},
      {"lo", pickCompared<Compare::Lt, false>},
      {"ls", pickCompared<Compare::Le, false>},
      {"hi", pickCompared<Compare::Gt, false>},
      {"hs", pickCompared<Compare::Ge, false>},
      {"equ", pickCompared<Compare::Eq, true>},
      {"neu", pickCompared<Compare::Ne, true>},
      {"ltu", pickCompared<Compare::Lt, true>},
      {"leu", pickCompared<Compare::Le, true>},
      {"gtu", pickCompared<Compare::Gt, true>},
      {"geu", pickCompared<Compare::Ge, true>},
      {"num", pickCompared<Compare::Ordered, false>},
      {"nan", pickCompared<Compare::Unordered, false>}};
  Type type = d.takeType();
  Run (*pickRun)(Type) = nullptr;
  for (auto &[name, picks] : comparisons)
    if (d.takeIf(name.c_str()))
      pickRun = picks;
  if (!pickRun)
    d.fail("expected a comparison");
  d.in.control = d.takeIf("and")   ? JoinAnd
                 : d.takeIf("or")  ? JoinOr
                 : d.takeIf("xor") ? JoinXor
                                   : JoinNone;
  d.expectArguments(d.in.control == JoinNone ? 3 : 4);
  const Argument &to = d.argument(0);
  d.in.ops[1].bits = 0;
  if (to.form == Argument::List) {
    d.in.ops[0] = d.destination(to.parts[0], 1);
    d.in.ops[1] = d.destination(to.parts[1], 1);
  } else {
    d.in.ops[0] = d.destination(to, 1);
  }
  d.in.ops[2] = d.source(d.argument(1), type.bits);
  d.in.ops[3] = d.source(d.argument(2), type.bits);
  if (d.in.control != JoinNone)
    d.in.ops[4] = d.predicate(d.argument(3));
  d.in.run = pickRun(type);
}

/// The value that is not chosen may be rubbish.
template <class S> void select(Warp &warp, const Instruction &in, uint32_t on) {
  const S *a = lanes<S>(warp, in.ops[1]), *b = lanes<S>(warp, in.ops[2]);
  uint32_t bits = bitsOf(warp, in.ops[3]);
  auto choose = [&](const std::vector<uint32_t> &known) {
    return warp.defined[in.ops[3].index] &
           ((bits & known[in.ops[1].index]) | (~bits & known[in.ops[2].index]));
  };
  uint32_t low = choose(warp.definedLow), high = choose(warp.definedHigh);
  S result[kLanes];
  for (unsigned lane = 0; lane < kLanes; ++lane)
    result[lane] = bits >> lane & 1 ? a[lane] : b[lane];
  commit(warp, in.ops[0], result, on, kAllLanes);
  defineHalves(warp, in.ops[0], on, low, high);
}

void decodeSelect(Decoding &d) {
  Type type = d.takeType();
  d.expectArguments(4);
  d.in.ops[0] = d.destination(d.argument(0), type.bits);
  d.in.ops[1] = d.source(d.argument(1), type.bits);
  d.in.ops[2] = d.source(d.argument(2), type.bits);
  d.in.ops[3] = d.predicate(d.argument(3));
  d.in.run = type.bits == 64 ? select<uint64_t> : select<uint32_t>;
}

/// Operations on predicates: `control` is the table of results, by both bits.
void joinPredicates(Warp &warp, const Instruction &in, uint32_t on) {
  uint32_t a = bitsOf(warp, in.ops[1]), b = bitsOf(warp, in.ops[2]), bits = 0;
  for (unsigned row = 0; row < 4; ++row)
    if (in.control >> row & 1)
      bits |= (row & 2 ? a : ~a) & (row & 1 ? b : ~b);
  // A known false makes "and" known, a known true "or".
  uint32_t knownA = warp.defined[in.ops[1].index];
  uint32_t knownB = warp.defined[in.ops[2].index];
  uint32_t known = knownA & knownB;
  if (in.control == 8)
    known |= (knownA & ~a) | (knownB & ~b);
  if (in.control == 14)
    known |= (knownA & a) | (knownB & b);
  commitBits(warp, in.ops[0], bits, on, known);
}

template <unsigned table> void decodeJoined(Decoding &d) {
  d.takeType();
  bool isUnary = d.argumentCount() == 2;
  d.expectArguments(isUnary ? 2 : 3);
  d.in.ops[0] = d.destination(d.argument(0), 1);
  d.in.ops[1] = d.predicate(d.argument(1));
  d.in.ops[2] = d.predicate(d.argument(isUnary ? 1 : 2));
  d.in.control = table;
  d.in.run = joinPredicates;
}

} // namespace

void tern::ptx::addPredicates(Decoders &decoders) {
  decoders["setp"] = decodeSetPredicate;
  decoders["selp"] = decodeSelect;
  decoders["and.p"] = decodeJoined<8>;
  decoders["or.p"] = decodeJoined<14>;
  decoders["xor.p"] = decodeJoined<6>;
  decoders["not.p"] = decodeJoined<1>;
  decoders["mov.p"] = decodeJoined<8>; // of one with itself
}
