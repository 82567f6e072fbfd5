//===- Order.h - What warps tell each other by atomics ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A warp that writes, then executes a fence, then an atomic operation, and
// another one with an atomic operation on the same address after it, and a
// fence: what the first has done comes before what the second does next (PTX
// manual, memory consistency model: release and acquire patterns). Both fences
// are of the device. A warp does not tell on what it has learnt from others:
// that would order more.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_ORDER_H
#define TERN_TEST_DEVICE_ORDER_H

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace tern::ptx {

/// The first `count` of what was told at an address.
struct Learnt {
  uint32_t channel, count;
};

class Order {
public:
  /// By a warp, at an address, of what it has done in moments below `upto`.
  void tell(uint64_t at, uint32_t block, uint32_t warp, uint32_t upto);
  /// All that was told at an address so far.
  Learnt learn(uint64_t at);

  /// The number of a view: what a warp has learnt.
  uint32_t addView(std::vector<Learnt> view);
  /// True if it has what a warp did in `moment` behind it. View 0 has nothing.
  bool includes(uint32_t view, uint32_t block, uint32_t warp,
                uint32_t moment) const;

  bool isEmpty() const { return channels.empty(); }
  void clear();

private:
  /// At one address: of each warp when it told, and of what.
  struct Channel {
    uint32_t count = 0;
    std::map<std::pair<uint32_t, uint32_t>,
             std::vector<std::pair<uint32_t, uint32_t>>>
        told;
  };
  std::vector<Channel> channels;
  std::map<uint64_t, uint32_t> byAddress;
  std::vector<std::vector<Learnt>> views;
};

/// Of one warp.
struct WarpOrder {
  /// Of an atomic operation in front of a fence.
  struct Read {
    Learnt learnt;
    unsigned lane;
    uint32_t moment;
  };

  uint32_t fencedMoment = 0; ///< of the last fence; 0: there was none
  uint32_t fencedLanes = 0;
  std::vector<Read> reads;
  std::vector<Learnt> learnt;
  uint32_t view = 0; ///< of `learnt`, or 0 while it has changed
};

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_ORDER_H
