//===- Atomics.cpp - Atomic operations
//--------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Accesses.h"

#include <algorithm>

using namespace tern::ptx;

namespace {

enum Operation {
  Add,
  Min,
  Max,
  And,
  Or,
  Xor,
  Exchange,
  CompareAndSwap,
  Inc,
  Dec
};

template <class T> T update(unsigned operation, T old, T value, T other) {
  using U = std::make_unsigned_t<T>;
  switch (operation) {
  case Add:
    return T(U(old) + U(value));
  case Min:
    return std::min(old, value);
  case Max:
    return std::max(old, value);
  case And:
    return old & value;
  case Or:
    return old | value;
  case Xor:
    return old ^ value;
  case Exchange:
    return value;
  case CompareAndSwap:
    return old == value ? other : old;
  case Inc:
    return U(old) >= U(value) ? T(0) : T(old + 1);
  case Dec:
    return old == 0 || U(old) > U(value) ? value : T(old - 1);
  }
  return old;
}

/// ops[0] = old value, nobody's for red; ops[1] the address; ops[2], ops[3].
template <class T>
void runAtomic(Warp &warp, const Instruction &in, uint32_t on) {
  uint64_t values[kLanes], others[kLanes], olds[kLanes] = {};
  readWide(warp, in.ops[2], values);
  readWide(warp, in.ops[3], others);
  uint32_t known =
      warp.defined[in.ops[2].index] & warp.defined[in.ops[3].index];
  forEachSpace(warp, in, in.ops[1], on, sizeof(T), [&](Addresses &addresses) {
    addresses.isAtomic = true;
    touch(warp, addresses, true);
    if (addresses.space == Space::Global && in.count)
      warp.machine->tell(warp, addresses.at, addresses.on,
                         /*isRead=*/in.ops[0].bits != 0);
    known &= definedLanes(warp, addresses);
    // In another order each time.
    unsigned from = unsigned(warp.machine->executed % kLanes);
    for (unsigned i = 0; i < kLanes; ++i) {
      unsigned lane = (from + i) % kLanes;
      if (!(addresses.on >> lane & 1))
        continue;
      T old;
      std::memcpy(&old, addresses.places[lane], sizeof(T));
      olds[lane] = std::make_unsigned_t<T>(old);
      T changed = update<T>(in.control, old, T(values[lane]), T(others[lane]));
      std::memcpy(addresses.places[lane], &changed, sizeof(T));
    }
    defineBytes(warp, addresses, known);
  });
  if (in.ops[0].bits)
    commitWide(warp, in.ops[0], olds, on, known);
}

template <bool hasResult> void decodeAtomic(Decoding &d) {
  Instruction &in = d.in;
  in.space = takeSpace(d);
  d.takeOneOf({"relaxed", "acq_rel", "acquire", "release"});
  std::string scope = d.takeOneOf({"gpu", "cta", "sys", "cluster"});
  // Without a word it is the device's. Others tell no other block.
  in.count = scope != "cta" && scope != "cluster";
  static const std::pair<const char *, Operation> operations[] = {
      {"add", Add}, {"min", Min},           {"max", Max}, {"and", And},
      {"or", Or},   {"xor", Xor},           {"inc", Inc}, {"exch", Exchange},
      {"dec", Dec}, {"cas", CompareAndSwap}};
  bool isKnown = false;
  for (auto &[name, operation] : operations)
    if (d.takeIf(name)) {
      in.control = operation;
      isKnown = true;
    }
  if (!isKnown)
    d.fail("expected an operation");
  Type type = d.takeType();
  if (type.kind == Kind::Float || type.kind == Kind::BFloat)
    d.fail("expected integers, as sums of floats depend on the order");
  unsigned at = hasResult ? 1 : 0;
  bool isSwap = in.control == CompareAndSwap;
  d.expectArguments(at + 2 + isSwap);
  in.ops[0].bits = 0;
  if (hasResult)
    in.ops[0] = d.destination(d.argument(0), type.bits);
  in.ops[1] = d.address(d.argument(at));
  in.ops[2] = d.source(d.argument(at + 1), type.bits);
  in.ops[3] = isSwap ? d.source(d.argument(at + 2), type.bits) : in.ops[2];
  bool isSigned = type.kind == Kind::Signed;
  if (type.bits == 32)
    in.run = isSigned ? runAtomic<int32_t> : runAtomic<uint32_t>;
  else if (type.bits == 64)
    in.run = isSigned ? runAtomic<int64_t> : runAtomic<uint64_t>;
}

} // namespace

void tern::ptx::addAtomics(Decoders &decoders) {
  for (const char *suffix : {"", ".f"}) {
    decoders[std::string("atom") + suffix] = decodeAtomic<true>;
    decoders[std::string("red") + suffix] = decodeAtomic<false>;
  }
}
