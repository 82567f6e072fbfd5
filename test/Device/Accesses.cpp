//===- Accesses.cpp - Loads and stores
//--------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Accesses.h"

#include <algorithm>

using namespace tern::ptx;

static uint8_t zeros[64];

void tern::ptx::readAddresses(Warp &warp, const Instruction &in,
                              const Operand &operand, uint32_t on, uint64_t *at,
                              Space *spaces) {
  requireDefined(warp, operand, on, "the address");
  readWide(warp, operand, at);
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    at[lane] += uint64_t(in.offset);
    spaces[lane] = in.space;
    if (in.space != Space::Generic)
      continue;
    uint64_t window = at[lane] >= kLocalWindow    ? kLocalWindow
                      : at[lane] >= kSharedWindow ? kSharedWindow
                                                  : 0;
    spaces[lane] = window == kLocalWindow    ? Space::Local
                   : window == kSharedWindow ? Space::Shared
                                             : Space::Global;
    at[lane] -= window;
  }
}

[[noreturn]] static void failAddress(const Addresses &addresses, unsigned lane,
                                     const char *text) {
  static const char *const names[] = {"generic", "global",    "shared",
                                      "local",   "parameter", "constant"};
  char number[32];
  std::snprintf(number, sizeof(number), "0x%llx",
                static_cast<unsigned long long>(addresses.at[lane]));
  throw Fault(std::string(text) + ": lane " + std::to_string(lane) + ", " +
              std::to_string(addresses.bytes) + " bytes at " + number + " of " +
              names[unsigned(addresses.space)] + " memory");
}

/// All lanes lie in the `size` bytes at `base`, or the launch fails.
static void placeWithin(Addresses &addresses, uint8_t *base, uint64_t size,
                        uint64_t perLane) {
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    addresses.places[lane] = zeros;
    if (!(addresses.on >> lane & 1))
      continue;
    if (addresses.at[lane] > size ||
        addresses.bytes > size - addresses.at[lane])
      failAddress(addresses, lane, "outside of all variables");
    addresses.places[lane] = base + lane * perLane + addresses.at[lane];
  }
}

void tern::ptx::touch(Warp &warp, Addresses &addresses, bool writes) {
  Machine &machine = *warp.machine;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    if ((addresses.on >> lane & 1) && addresses.at[lane] % addresses.bytes != 0)
      failAddress(addresses, lane, "misaligned");
  switch (addresses.space) {
  case Space::Shared:
    placeWithin(addresses, machine.shared.data(), machine.shared.size(), 0);
    machine.touchShared(warp, addresses.at, addresses.on, addresses.bytes,
                        writes, addresses.isAtomic);
    break;
  case Space::Local:
    placeWithin(addresses, warp.local.data(),
                machine.launch->kernel->localBytes,
                machine.launch->kernel->localBytes);
    break;
  case Space::Param:
    if (writes)
      throw Fault("a parameter is written");
    placeWithin(addresses,
                const_cast<uint8_t *>(machine.launch->parameters.data()),
                machine.launch->parameters.size(), 0);
    break;
  default:
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      addresses.places[lane] = zeros;
      if (!(addresses.on >> lane & 1))
        continue;
      if (!machine.memory.find(addresses.at[lane], addresses.bytes))
        failAddress(addresses, lane, "outside of all allocations");
      addresses.places[lane] = reinterpret_cast<uint8_t *>(addresses.at[lane]);
    }
    machine.touchGlobal(warp, addresses.at, addresses.on, addresses.bytes,
                        writes, addresses.isAtomic);
  }
}

/// The flags of poison behind a lane's bytes; NULL where there are none.
static uint8_t *flagsOf(Warp &warp, const Addresses &addresses, unsigned lane) {
  if (addresses.space == Space::Shared)
    return &warp.machine->sharedDefined[addresses.at[lane]];
  if (addresses.space == Space::Local)
    return &warp.localDefined[lane * warp.machine->launch->kernel->localBytes +
                              addresses.at[lane]];
  return nullptr;
}

uint32_t tern::ptx::definedLanes(Warp &warp, const Addresses &addresses) {
  uint32_t known = kAllLanes;
  if (addresses.space != Space::Shared && addresses.space != Space::Local)
    return known;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    if (addresses.on >> lane & 1)
      if (std::memchr(flagsOf(warp, addresses, lane), 0, addresses.bytes))
        known &= ~(1u << lane);
  return known;
}

void tern::ptx::defineBytes(Warp &warp, const Addresses &addresses,
                            uint32_t known) {
  if (addresses.space != Space::Shared && addresses.space != Space::Local) {
    if (addresses.on & ~known)
      throw Fault("a value that was never set is written to global memory");
    return;
  }
  for (unsigned lane = 0; lane < kLanes; ++lane)
    if (addresses.on >> lane & 1)
      std::memset(flagsOf(warp, addresses, lane), known >> lane & 1,
                  addresses.bytes);
}

namespace {

template <class T>
void loadElements(Warp &warp, const Instruction &in,
                  const Addresses &addresses) {
  for (unsigned i = 0; i < in.count; ++i) {
    // Part by part, so that poison of one does not reach the others.
    Addresses part = addresses;
    part.bytes = sizeof(T);
    for (unsigned lane = 0; lane < kLanes; ++lane)
      part.at[lane] += i * sizeof(T);
    uint32_t known = definedLanes(warp, part);
    if (in.ops[i].bits == 64) {
      uint64_t values[kLanes];
      for (unsigned lane = 0; lane < kLanes; ++lane) {
        T value;
        std::memcpy(&value, addresses.places[lane] + i * sizeof(T), sizeof(T));
        values[lane] = uint64_t(int64_t(value));
      }
      commit(warp, in.ops[i], values, addresses.on, known);
      continue;
    }
    uint32_t values[kLanes];
    uint32_t mask = in.ops[i].bits == 16 ? 0xFFFF : ~0u;
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      T value;
      std::memcpy(&value, addresses.places[lane] + i * sizeof(T), sizeof(T));
      values[lane] = uint32_t(value) & mask;
    }
    commit(warp, in.ops[i], values, addresses.on, known);
  }
}

template <class T> void load(Warp &warp, const Instruction &in, uint32_t on) {
  forEachSpace(warp, in, in.ops[in.count], on, uint32_t(sizeof(T)) * in.count,
               [&](Addresses &addresses) {
                 addresses.isAtomic = in.control;
                 touch(warp, addresses, false);
                 loadElements<T>(warp, in, addresses);
               });
}

template <class T> void store(Warp &warp, const Instruction &in, uint32_t on) {
  forEachSpace(warp, in, in.ops[in.count], on, uint32_t(sizeof(T)) * in.count,
               [&](Addresses &addresses) {
                 addresses.isAtomic = in.control;
                 touch(warp, addresses, true);
                 for (unsigned i = 0; i < in.count; ++i) {
                   uint64_t values[kLanes];
                   readWide(warp, in.ops[i], values);
                   for (unsigned lane = 0; lane < kLanes; ++lane)
                     if (addresses.on >> lane & 1)
                       std::memcpy(addresses.places[lane] + i * sizeof(T),
                                   &values[lane], sizeof(T));
                   Addresses part = addresses;
                   part.bytes = sizeof(T);
                   for (unsigned lane = 0; lane < kLanes; ++lane)
                     part.at[lane] += i * sizeof(T);
                   defineBytes(warp, part, warp.defined[in.ops[i].index]);
                 }
               });
}

Run pickLoad(Type type) {
  bool isSigned = type.kind == Kind::Signed;
  switch (type.bits * type.parts) {
  case 8:
    return isSigned ? load<int8_t> : load<uint8_t>;
  case 16:
    return isSigned ? load<int16_t> : load<uint16_t>;
  case 32:
    return isSigned ? load<int32_t> : load<uint32_t>;
  case 64:
    return load<uint64_t>;
  }
  return nullptr;
}

Run pickStore(Type type) {
  switch (type.bits * type.parts) {
  case 8:
    return store<uint8_t>;
  case 16:
    return store<uint16_t>;
  case 32:
    return store<uint32_t>;
  case 64:
    return store<uint64_t>;
  }
  return nullptr;
}

/// How accesses are ordered and cached; those that are ordered do not race.
void takeOrder(Decoding &d) {
  d.in.control = d.takeIf("relaxed") || d.takeIf("acquire") ||
                 d.takeIf("release") || d.takeIf("volatile");
  d.takeIf("weak");
  d.takeOneOf({"gpu", "cta", "sys", "cluster"});
  d.takeOneOf({"ca", "cg", "cs", "cv", "lu", "wb", "wt"});
  d.takeOneOf({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first",
               "L1::evict_last", "L1::no_allocate"});
  d.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
}

template <bool isStore> void decodeAccess(Decoding &d) {
  d.in.space = takeSpace(d);
  takeOrder(d);
  if (!isStore && d.takeIf("nc") && d.in.space != Space::Global)
    d.fail("expected .global with .nc");
  d.in.count = d.takeIf("v2") ? 2 : d.takeIf("v4") ? 4 : d.takeIf("v8") ? 8 : 1;
  Type type = d.takeType();
  d.expectArguments(2);
  const Argument &value = d.argument(isStore ? 1 : 0);
  const Argument &address = d.argument(isStore ? 0 : 1);
  bool isList = value.form == Argument::List;
  if (isList ? value.parts.size() != d.in.count : d.in.count != 1)
    d.fail("expected " + std::to_string(d.in.count) + " elements");
  unsigned bits = type.bits * type.parts;
  for (unsigned i = 0; i < d.in.count; ++i) {
    const Argument &one = isList ? value.parts[i] : value;
    Operand &operand = d.in.ops[i];
    operand = !isStore ? d.destination(one)
              : one.form == Argument::Number
                  ? d.source(one, std::max(bits, 16u))
                  : d.source(one);
    if (operand.bits && operand.bits < bits)
      d.fail("expected wider registers");
  }
  d.in.ops[d.in.count] = d.address(address);
  d.in.run = isStore ? pickStore(type) : pickLoad(type);
}

} // namespace

Space tern::ptx::takeSpace(Decoding &d) {
  if (d.takeIf("global"))
    return Space::Global;
  if (d.takeIf("shared") || d.takeIf("shared::cta"))
    return Space::Shared;
  if (d.takeIf("local"))
    return Space::Local;
  if (d.takeIf("const"))
    return Space::Constant;
  if (d.takeIf("param") || d.takeIf("param::entry"))
    return Space::Param;
  return Space::Generic;
}

void tern::ptx::addAccesses(Decoders &decoders) {
  decoders["ld"] = decodeAccess<false>;
  decoders["st"] = decodeAccess<true>;
  decoders["ld.f"] = decodeAccess<false>;
  decoders["st.f"] = decodeAccess<true>;
}
