//===- Machine.h - Blocks of warps, run by turns ----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lanes of a warp run together where they agree. One that comes to an
// instruction of the whole warp waits there while others go on, the lowest
// address first; that all wait at different places is an error. Warps of a
// block take turns of random length, and blocks come in random order.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_MACHINE_H
#define TERN_TEST_DEVICE_MACHINE_H

#include "Memory.h"

#include <random>

namespace tern::ptx {

class Machine;

/// Lanes at one address.
struct Group {
  uint32_t at, lanes;
};

/// A copy that lands when it is waited for.
struct Copy {
  unsigned lane;
  uint64_t to, from;
  uint32_t bytes, fromBytes; ///< zeros fill the difference
};

struct Warp {
  Machine *machine = nullptr;
  unsigned index = 0;
  std::vector<uint64_t> registers;
  const uint8_t *bases[2] = {nullptr, nullptr}; ///< registers, constants
  /// Lanes for each register, and for its lower and upper half; [0] all.
  std::vector<uint32_t> defined, definedLow, definedHigh;
  std::vector<Group> groups;
  std::vector<uint8_t> local; ///< a part for each lane
  std::vector<uint8_t> localDefined;
  std::vector<std::vector<Copy>> copies; ///< the last group is open
  bool isAtBarrier = false;
  bool hasWaited = true; ///< for the launches before
  uint32_t barrier = 0;
  uint32_t moment = 0, meeting = 0;
  bool hasWritten = false;                     ///< since the last meeting
  size_t checkedShared = 0, checkedGlobal = 0; ///< touches before the meeting
  std::vector<Touch> sharedReads, globalReads; ///< since the last barrier
  std::array<Touch, 4096> knownReads;          ///< some of a lane alone
  WarpOrder order;

  bool hasLeft() const { return groups.empty(); }
  uint32_t lanesThere() const {
    uint32_t lanes = 0;
    for (const Group &group : groups)
      lanes |= group.lanes;
    return lanes;
  }
};

struct Launch {
  const Kernel *kernel = nullptr;
  std::array<uint32_t, 3> grid = {1, 1, 1};
  uint32_t threads = 32;
  uint32_t sharedBytes = 0; ///< besides the kernel's own
  bool isEarly = false;     ///< it may begin while those before run
  std::vector<uint8_t> parameters;
};

class Machine {
public:
  explicit Machine(Memory &memory) : memory(memory) {}

  /// Throws a Fault that says where.
  void run(const Launch &launch, uint64_t seed);

  /// Instructions of warps so far.
  uint64_t executed = 0;
  /// More in one launch are taken for a loop without end.
  uint64_t mostInstructions = uint64_t(4) << 30;

  // For instructions.
  Memory &memory;
  const Launch *launch = nullptr;
  const Instruction *current = nullptr;
  std::vector<uint8_t> shared, sharedDefined;
  Shadow sharedShadow;
  bool isSharedWritten = false, isGlobalWritten = false; ///< in this epoch
  bool isOfManyBlocks = false;

  /// Says that bytes of shared memory or of an allocation are read or written;
  /// throws if that is a race.
  void touchShared(Warp &warp, const uint64_t *addresses, uint32_t on,
                   uint32_t bytes, bool writes, bool isAtomic);
  void touchGlobal(Warp &warp, const uint64_t *addresses, uint32_t on,
                   uint32_t bytes, bool writes, bool isAtomic);
  /// bar.warp.sync of the warp's lanes.
  void meet(Warp &warp);
  /// A fence of the device, and an atomic operation on global memory; see
  /// Order.h. `isRead`: it has a result.
  void fence(Warp &warp, uint32_t on);
  void tell(Warp &warp, const uint64_t *addresses, uint32_t on, bool isRead);

private:
  void runBlock(uint32_t block, std::vector<Warp> &warps);
  void start(Warp &warp, uint32_t block);
  void takeTurn(Warp &warp, unsigned instructions);
  void step(Warp &warp);
  Group *pick(Warp &warp);
  bool canMeet(Warp &warp, const Instruction &instruction, const Group &group);
  void passBarrier(std::vector<Warp> &warps);
  uint32_t viewOf(Warp &warp);
  void checkReads(const std::vector<Touch> &reads, size_t from, bool isShared,
                  Tag old);
  void checkLaunch();
  void checkEarly(const Allocation &allocation, uint64_t at, uint64_t address,
                  uint32_t bytes, bool writes);
  [[noreturn]] void failRace(bool isShared, uint64_t at, Tag a, Tag b);

  std::mt19937_64 random;
  std::vector<Touch> launchReads; ///< of global memory
  uint32_t blockNumber = 0, epoch = 0;
  Tag epochFirst = 0;
  Tag unseenFrom = 0; ///< of launches that an early one may not see yet
  uint64_t started = 0;
};

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_MACHINE_H
