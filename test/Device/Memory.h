//===- Memory.h - A device's memory, and who touched it ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each byte that is written has a tag that says by whom and when; reads are
// logged and compared with the tags when a barrier, or the launch, ends. Two
// lanes that touch a byte, one of them to write it, race unless something lies
// between: a barrier, bar.warp.sync in one warp, the end of a launch, fences
// and atomic operations by which one warp has told another (Order.h); or both
// touch it atomically.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_MEMORY_H
#define TERN_TEST_DEVICE_MEMORY_H

#include "Order.h"
#include "Ptx.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace tern::ptx {

/// A stretch of a warp's execution that nothing interrupts.
struct Moment {
  uint32_t block, warp, epoch, meeting;
  bool isAtomic;
  uint32_t view; ///< what the warp has learnt of others
};

/// Who: a moment and a lane.
using Tag = uint32_t;

/// A lane for each bit of `lanes` touched bytes at base + lane * stride.
struct Touch {
  uint64_t base;
  int64_t stride;
  uint32_t bytes, lanes, moment;
};

/// The moments of all launches, which are counted through.
class Moments {
public:
  /// The number of the plain moment; that of atomics is the next.
  uint32_t add(uint32_t block, uint32_t warp, uint32_t epoch, uint32_t meeting,
               uint32_t view = 0);
  void beginLaunch();
  bool race(Tag a, Tag b) const;
  /// Tags below are of launches that have ended.
  Tag first() const { return firstMoment * kLanes; }
  uint32_t next() const { return firstMoment + uint32_t(moments.size()); }
  std::string describe(Tag tag) const;

  Order order;

private:
  uint32_t firstMoment = 1;
  std::vector<Moment> moments;
};

/// The tags of consecutive bytes. They are four times as large as what they are
/// of, so pages of them are there once they are written.
class Shadow {
public:
  /// None is of anybody.
  void resize(uint64_t bytes);
  bool isEmpty() const { return !tags; }
  /// False if that is a race; `other` says with whom.
  bool write(const Moments &moments, uint64_t at, uint32_t bytes, Tag tag,
             Tag &other);
  bool read(const Moments &moments, uint64_t at, uint32_t bytes, Tag tag,
            Tag &other) const;
  /// True if no byte there has a tag of `old` or later.
  bool isOld(uint64_t at, uint32_t bytes, Tag old) const {
    for (uint64_t line = at / kLine; line <= (at + bytes - 1) / kLine; ++line)
      if (lines[line] >= old)
        return false;
    return true;
  }

  /// The newest tag of these bytes.
  Tag newest(uint64_t at, uint32_t bytes) const {
    return *std::max_element(&tags[at], &tags[at] + bytes);
  }

private:
  static constexpr uint64_t kLine = 64;
  struct Free {
    void operator()(Tag *tags) const { std::free(tags); }
  };
  using Tags = std::unique_ptr<Tag[], Free>;
  Tags tags, lines; ///< of bytes, and the newest of a line
  uint64_t size = 0;
};

struct Allocation {
  bool holds(uint64_t at, uint64_t bytes) const {
    return from <= at && at < to && bytes <= to - at;
  }

  uint64_t from, to;
  bool isReadOnly = false;
  bool isWritten = false; ///< in the launch that runs
  Shadow shadow;          ///< empty until a kernel writes
};

/// Global memory: of allocations that do not touch each other.
class Memory {
public:
  Moments moments;

  void add(uint64_t from, uint64_t bytes, bool isReadOnly = false);
  void remove(uint64_t from);
  /// NULL if [at, at + bytes) is not inside of one.
  Allocation *find(uint64_t at, uint64_t bytes) {
    Allocation *last = recent[0];
    return last && last->holds(at, bytes) ? last : search(at, bytes);
  }
  void beginLaunch();

private:
  std::map<uint64_t, std::unique_ptr<Allocation>> allocations; ///< by `from`
  Allocation *search(uint64_t at, uint64_t bytes);

  std::array<Allocation *, 4> recent = {};
};

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_MEMORY_H
