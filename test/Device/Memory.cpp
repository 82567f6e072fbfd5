//===- Memory.cpp - A device's memory, and who touched it ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Memory.h"

#include <algorithm>

using namespace tern::ptx;

/// Beyond it a tag would not fit into 32 bits.
static constexpr uint32_t kMostMoments = 1u << 26;

uint32_t Moments::add(uint32_t block, uint32_t warp, uint32_t epoch,
                      uint32_t meeting, uint32_t view) {
  if (next() > kMostMoments)
    throw Fault("a launch with too many barriers");
  moments.push_back({block, warp, epoch, meeting, false, view});
  moments.push_back({block, warp, epoch, meeting, true, view});
  return next() - 2;
}

void Moments::beginLaunch() {
  firstMoment = next();
  moments.clear();
  order.clear();
}

bool Moments::race(Tag a, Tag b) const {
  if (a < first() || b < first())
    return false;
  const Moment &x = moments[a / kLanes - firstMoment];
  const Moment &y = moments[b / kLanes - firstMoment];
  if (x.isAtomic && y.isAtomic)
    return false;
  if (x.block != y.block)
    return !order.includes(y.view, x.block, x.warp, a / kLanes) &&
           !order.includes(x.view, y.block, y.warp, b / kLanes);
  if (x.epoch != y.epoch)
    return false;
  if (x.warp != y.warp)
    return true;
  return a % kLanes != b % kLanes && x.meeting == y.meeting;
}

std::string Moments::describe(Tag tag) const {
  const Moment &moment = moments[tag / kLanes - firstMoment];
  return "lane " + std::to_string(tag % kLanes) + " of warp " +
         std::to_string(moment.warp) + " of block " +
         std::to_string(moment.block);
}

/// More than a block may have.
static constexpr uint64_t kMostShared = 1 << 20;

/// Large memory of zeros takes none until it is written.
static Tag *allocateTags(uint64_t count) {
  void *tags = std::calloc(count, sizeof(Tag));
  if (!tags)
    throw Fault("no memory for tags of " + std::to_string(count) + " bytes");
  return static_cast<Tag *>(tags);
}

void Shadow::resize(uint64_t bytes) {
  uint64_t lineCount = bytes / kLine + 1;
  // Blocks of a kernel follow each other, with as much shared memory.
  if (tags && bytes == size && bytes <= kMostShared) {
    std::fill_n(tags.get(), bytes, 0);
    std::fill_n(lines.get(), lineCount, 0);
    return;
  }
  tags.reset(allocateTags(std::max<uint64_t>(bytes, 1)));
  lines.reset(allocateTags(lineCount));
  size = bytes;
}

bool Shadow::write(const Moments &moments, uint64_t at, uint32_t bytes, Tag tag,
                   Tag &other) {
  for (uint64_t line = at / kLine; line <= (at + bytes - 1) / kLine; ++line)
    lines[line] = std::max(lines[line], tag);
  for (Tag *t = &tags[at], *end = t + bytes, known = 0; t != end; ++t) {
    if (*t >= moments.first() && *t != known && moments.race(*t, tag)) {
      other = *t;
      return false;
    }
    known = *t;
    *t = tag;
  }
  return true;
}

bool Shadow::read(const Moments &moments, uint64_t at, uint32_t bytes, Tag tag,
                  Tag &other) const {
  if (isOld(at, bytes, moments.first()))
    return true;
  Tag known = 0;
  for (const Tag *t = &tags[at], *end = t + bytes; t != end; ++t) {
    if (*t >= moments.first() && *t != known && moments.race(*t, tag)) {
      other = *t;
      return false;
    }
    known = *t;
  }
  return true;
}

void Memory::add(uint64_t from, uint64_t bytes, bool isReadOnly) {
  auto allocation = std::make_unique<Allocation>();
  allocation->from = from;
  allocation->to = from + bytes;
  allocation->isReadOnly = isReadOnly;
  allocations[from] = std::move(allocation);
}

void Memory::remove(uint64_t from) {
  recent = {};
  allocations.erase(from);
}

Allocation *Memory::search(uint64_t at, uint64_t bytes) {
  auto holds = [&](const Allocation *a) { return a && a->holds(at, bytes); };
  for (size_t i = 0; i < recent.size(); ++i)
    if (holds(recent[i])) {
      if (i != 0)
        std::swap(recent[i], recent[i - 1]);
      return recent[i ? i - 1 : 0];
    }
  auto next = allocations.upper_bound(at);
  if (next == allocations.begin())
    return nullptr;
  Allocation *found = std::prev(next)->second.get();
  if (!holds(found))
    return nullptr;
  return recent.back() = found;
}

void Memory::beginLaunch() {
  if (moments.next() > kMostMoments / 2) {
    // Counting begins again, so tags of the past go.
    moments = Moments();
    for (auto &[from, allocation] : allocations)
      allocation->shadow = Shadow();
  }
  moments.beginLaunch();
  for (auto &[from, allocation] : allocations)
    allocation->isWritten = false;
}
