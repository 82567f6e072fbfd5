//===- Accesses.h - Addresses of lanes
//--------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_ACCESSES_H
#define TERN_TEST_DEVICE_ACCESSES_H

#include "Decoding.h"
#include "Lanes.h"

namespace tern::ptx {

/// The addresses of lanes that are on, all in one space.
struct Addresses {
  Space space;
  uint32_t on, bytes;
  bool isAtomic;
  uint64_t at[kLanes];
  uint8_t *places[kLanes]; ///< in this process; of lanes that are off, zeros
};

/// Checks addresses, and that no other lane touches the bytes. Throws a Fault.
void touch(Warp &warp, Addresses &addresses, bool writes);

/// Calls `use` once for the lanes of each space that the operand's addresses
/// are in.
template <class Use>
void forEachSpace(Warp &warp, const Instruction &in, const Operand &operand,
                  uint32_t on, uint32_t bytes, Use use);

/// Reads addresses; generic ones tell their space.
void readAddresses(Warp &warp, const Instruction &in, const Operand &operand,
                   uint32_t on, uint64_t *at, Space *spaces);

template <class Use>
void forEachSpace(Warp &warp, const Instruction &in, const Operand &operand,
                  uint32_t on, uint32_t bytes, Use use) {
  Addresses addresses;
  Space spaces[kLanes];
  readAddresses(warp, in, operand, on, addresses.at, spaces);
  addresses.bytes = bytes;
  addresses.isAtomic = false;
  while (on) {
    addresses.space = spaces[__builtin_ctz(on)];
    addresses.on = 0;
    for (unsigned lane = 0; lane < kLanes; ++lane)
      if ((on >> lane & 1) && spaces[lane] == addresses.space)
        addresses.on |= 1u << lane;
    on &= ~addresses.on;
    use(addresses);
  }
}

/// The bytes of lanes that were written; all, in spaces without poison.
uint32_t definedLanes(Warp &warp, const Addresses &addresses);
/// Says so of `known` lanes, and the opposite of the others.
void defineBytes(Warp &warp, const Addresses &addresses, uint32_t known);

/// Takes .global, .shared and others.
Space takeSpace(Decoding &d);

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_ACCESSES_H
