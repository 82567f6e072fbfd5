//===- Races.cpp - Lanes that touch the same bytes -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include <algorithm>

using namespace tern::ptx;

void Machine::failRace(bool isShared, uint64_t at, Tag a, Tag b) {
  throw Fault(std::string("a race on ") + (isShared ? "shared" : "global") +
              " memory: " + memory.moments.describe(a) + " and " +
              memory.moments.describe(b) + " touch byte " + std::to_string(at));
}

/// Logs reads, in one piece where addresses are evenly spaced.
static void log(std::vector<Touch> &reads, const uint64_t *addresses,
                uint32_t on, uint32_t bytes, uint32_t moment) {
  unsigned first = unsigned(__builtin_ctz(on));
  uint32_t rest = on & (on - 1);
  int64_t stride = 0;
  if (rest) {
    unsigned second = unsigned(__builtin_ctz(rest));
    stride =
        int64_t(addresses[second] - addresses[first]) / int64_t(second - first);
  }
  uint64_t base = addresses[first] - uint64_t(stride * first);
  bool isEven = true;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    isEven &=
        !(on >> lane & 1) || addresses[lane] == base + uint64_t(stride * lane);
  if (isEven) {
    reads.push_back({base, stride, bytes, on, moment});
    return;
  }
  for (unsigned lane = 0; lane < kLanes; ++lane)
    if (on >> lane & 1)
      reads.push_back({addresses[lane], 0, bytes, 1u << lane, moment});
}

/// The same of global memory. Code for one lane reads the same again and again.
static void logGlobal(Warp &warp, const uint64_t *addresses, uint32_t on,
                      uint32_t bytes, uint32_t moment) {
  if ((on & (on - 1)) == 0) {
    uint64_t at = addresses[__builtin_ctz(on)];
    Touch &known = warp.knownReads[at / bytes % warp.knownReads.size()];
    if (known.base == at && known.bytes == bytes && known.lanes == on &&
        known.moment == moment)
      return;
    known = {at, 0, bytes, on, moment};
  }
  log(warp.globalReads, addresses, on, bytes, moment);
}

void Machine::touchShared(Warp &warp, const uint64_t *addresses, uint32_t on,
                          uint32_t bytes, bool writes, bool isAtomic) {
  Tag tag = (warp.moment + isAtomic) * kLanes, other;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(on >> lane & 1))
      continue;
    bool isFine = writes
                      ? sharedShadow.write(memory.moments, addresses[lane],
                                           bytes, tag + lane, other)
                      : !isSharedWritten ||
                            sharedShadow.read(memory.moments, addresses[lane],
                                              bytes, tag + lane, other);
    if (!isFine)
      failRace(true, addresses[lane], other, tag + lane);
  }
  if (writes)
    isSharedWritten = warp.hasWritten = true;
  else
    log(warp.sharedReads, addresses, on, bytes, warp.moment + isAtomic);
}

/// Launches may run at once as far as they do not wait.
void Machine::checkEarly(const Allocation &allocation, uint64_t at,
                         uint64_t address, uint32_t bytes, bool writes) {
  if (writes)
    throw Fault("a write in front of griddepcontrol.wait");
  if (!allocation.shadow.isEmpty() &&
      allocation.shadow.newest(at, bytes) >= unseenFrom)
    throw Fault("in front of griddepcontrol.wait, a read of byte " +
                std::to_string(address) + ", which a launch before writes");
}

void Machine::touchGlobal(Warp &warp, const uint64_t *addresses, uint32_t on,
                          uint32_t bytes, bool writes, bool isAtomic) {
  Tag tag = (warp.moment + isAtomic) * kLanes, other;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(on >> lane & 1))
      continue;
    Allocation &allocation = *memory.find(addresses[lane], bytes);
    uint64_t at = addresses[lane] - allocation.from;
    bool isFine = true;
    if (!warp.hasWaited)
      checkEarly(allocation, at, addresses[lane], bytes, writes);
    if (writes) {
      if (allocation.isReadOnly)
        throw Fault("a write to constant memory");
      if (allocation.shadow.isEmpty())
        allocation.shadow.resize(allocation.to - allocation.from);
      allocation.isWritten = true;
      isFine =
          allocation.shadow.write(memory.moments, at, bytes, tag + lane, other);
    } else if (allocation.isWritten) {
      isFine =
          allocation.shadow.read(memory.moments, at, bytes, tag + lane, other);
    }
    if (!isFine)
      failRace(false, addresses[lane], other, tag + lane);
  }
  if (writes)
    isGlobalWritten = warp.hasWritten = true;
  else
    logGlobal(warp, addresses, on, bytes, warp.moment + isAtomic);
}

/// Compares reads with what was written later. Tags below `old` cannot clash.
void Machine::checkReads(const std::vector<Touch> &reads, size_t from,
                         bool isShared, Tag old) {
  Tag other;
  for (size_t i = from; i < reads.size(); ++i) {
    const Touch &touch = reads[i];
    for (uint32_t rest = touch.lanes; rest; rest &= rest - 1) {
      unsigned lane = unsigned(__builtin_ctz(rest));
      uint64_t at = touch.base + lane * uint64_t(touch.stride);
      const Shadow *shadow = &sharedShadow;
      uint64_t offset = at;
      if (!isShared) {
        // Lanes may be in different allocations.
        Allocation *allocation = memory.find(at, touch.bytes);
        if (!allocation || !allocation->isWritten)
          continue;
        shadow = &allocation->shadow;
        offset -= allocation->from;
      }
      Tag tag = touch.moment * kLanes + lane;
      if (!shadow->isOld(offset, touch.bytes, old) &&
          !shadow->read(memory.moments, offset, touch.bytes, tag, other))
        failRace(isShared, at, other, tag);
    }
  }
}

/// Blocks run one after another here; on a GPU they do not.
void Machine::checkLaunch() {
  current = nullptr;
  checkReads(launchReads, 0, false, memory.moments.first());
}
