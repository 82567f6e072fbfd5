//===- Copies.cpp - Copies that land when they are waited for
//---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Accesses.h"

using namespace tern::ptx;

namespace {

Addresses one(Space space, uint64_t at, unsigned lane, uint32_t bytes) {
  Addresses addresses;
  addresses.space = space;
  addresses.on = 1u << lane;
  addresses.bytes = bytes;
  addresses.isAtomic = false;
  addresses.at[lane] = at;
  return addresses;
}

/// Until it lands, the copy's destination is not to be read.
void issue(Warp &warp, const Instruction &in, uint32_t on) {
  uint64_t to[kLanes], from[kLanes], sizes[kLanes];
  requireDefined(warp, in.ops[0], on, "the address");
  requireDefined(warp, in.ops[1], on, "the address");
  requireDefined(warp, in.ops[2], on, "the size");
  readWide(warp, in.ops[0], to);
  readWide(warp, in.ops[1], from);
  readWide(warp, in.ops[2], sizes);
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(on >> lane & 1))
      continue;
    // Offsets of both addresses, which may be negative.
    Copy copy = {lane, to[lane] + int32_t(in.targets[0]),
                 from[lane] + int32_t(in.targets[1]), in.control,
                 uint32_t(sizes[lane])};
    if (copy.fromBytes > copy.bytes)
      throw Fault("a copy of more bytes than it has room for");
    if (copy.to >= kSharedWindow)
      copy.to -= kSharedWindow;
    Addresses place = one(Space::Shared, copy.to, lane, copy.bytes);
    touch(warp, place, true);
    defineBytes(warp, place, 0);
    Addresses source = one(Space::Global, copy.from, lane, copy.bytes);
    if (copy.fromBytes)
      touch(warp, source, false);
    warp.copies.back().push_back(copy);
  }
}

void land(Warp &warp, const Copy &copy) {
  Addresses place = one(Space::Shared, copy.to, copy.lane, copy.bytes);
  touch(warp, place, true);
  uint8_t *to = place.places[copy.lane];
  std::memset(to, 0, copy.bytes);
  std::memcpy(to, reinterpret_cast<const void *>(copy.from), copy.fromBytes);
  defineBytes(warp, place, kAllLanes);
}

void requireAll(const Warp &warp, uint32_t on) {
  if (on != warp.lanesThere())
    throw Fault("copies are waited for by all lanes, here by some");
}

void closeGroup(Warp &warp, const Instruction &, uint32_t on) {
  requireAll(warp, on);
  warp.copies.emplace_back();
}

/// All but the last `control` groups land.
void waitForGroups(Warp &warp, const Instruction &in, uint32_t on) {
  requireAll(warp, on);
  while (warp.copies.size() > size_t(in.control) + 1) {
    for (const Copy &copy : warp.copies.front())
      land(warp, copy);
    warp.copies.erase(warp.copies.begin());
  }
}

void waitForAll(Warp &warp, const Instruction &, uint32_t on) {
  requireAll(warp, on);
  for (auto &group : warp.copies)
    for (const Copy &copy : group)
      land(warp, copy);
  warp.copies.assign(1, {});
}

void decodeCopy(Decoding &d) {
  Instruction &in = d.in;
  d.expect("async");
  if (d.takeIf("commit_group")) {
    d.expectArguments(0);
    in.run = closeGroup;
    return;
  }
  if (d.takeIf("wait_all")) {
    d.expectArguments(0);
    in.run = waitForAll;
    return;
  }
  if (d.takeIf("wait_group")) {
    d.expectArguments(1);
    in.control = uint32_t(d.number(d.argument(0)));
    in.run = waitForGroups;
    return;
  }
  bool skipsL1 = d.takeIf("cg");
  if (!skipsL1)
    d.expect("ca");
  if (!d.takeIf("shared") && !d.takeIf("shared::cta"))
    d.expect("shared");
  d.expect("global");
  d.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
  if (d.argumentCount() != 3)
    d.expectArguments(4);
  in.ops[0] = d.address(d.argument(0));
  in.targets = {uint32_t(in.offset)};
  in.offset = 0;
  in.ops[1] = d.address(d.argument(1));
  in.targets.push_back(uint32_t(in.offset));
  in.control = uint32_t(d.number(d.argument(2)));
  if (in.control != 16 && (skipsL1 || (in.control != 4 && in.control != 8)))
    d.fail("expected 16 bytes, or 4 or 8 with .ca");
  in.ops[2] = d.argumentCount() == 4 ? d.source(d.argument(3), 32)
                                     : d.names.constant(in.control, 32);
  in.run = issue;
}

} // namespace

void tern::ptx::addCopies(Decoders &decoders) { decoders["cp"] = decodeCopy; }
