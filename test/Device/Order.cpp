//===- Order.cpp - What warps tell each other by atomics ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Order.h"

#include "Machine.h"

using namespace tern::ptx;

void Order::tell(uint64_t at, uint32_t block, uint32_t warp, uint32_t upto) {
  auto [place, isNew] = byAddress.try_emplace(at, uint32_t(channels.size()));
  if (isNew)
    channels.emplace_back();
  Channel &channel = channels[place->second];
  channel.told[{block, warp}].push_back({channel.count++, upto});
}

Learnt Order::learn(uint64_t at) {
  auto found = byAddress.find(at);
  if (found == byAddress.end())
    return {0, 0};
  return {found->second, channels[found->second].count};
}

uint32_t Order::addView(std::vector<Learnt> view) {
  views.push_back(std::move(view));
  return uint32_t(views.size());
}

bool Order::includes(uint32_t view, uint32_t block, uint32_t warp,
                     uint32_t moment) const {
  if (view == 0)
    return false;
  for (const Learnt &learnt : views[view - 1]) {
    const auto &told = channels[learnt.channel].told;
    auto found = told.find({block, warp});
    if (found == told.end())
      continue;
    for (auto [number, upto] : found->second)
      if (number < learnt.count && moment < upto)
        return true;
  }
  return false;
}

void Order::clear() {
  channels.clear();
  byAddress.clear();
  views.clear();
}

//===----------------------------------------------------------------------===//
// Of a machine
//===----------------------------------------------------------------------===//

/// True if what a lane did in a moment is in front of what `lanes` do now.
static bool isBefore(unsigned lane, uint32_t moment, uint32_t lanes,
                     const Warp &warp) {
  return moment < warp.moment || (lanes >> lane & 1);
}

void Machine::fence(Warp &warp, uint32_t on) {
  WarpOrder &order = warp.order;
  order.fencedMoment = warp.moment;
  order.fencedLanes = on;
  for (const WarpOrder::Read &read : order.reads)
    if (isBefore(read.lane, read.moment, on, warp)) {
      order.learnt.push_back(read.learnt);
      order.view = 0;
    }
  order.reads.clear();
}

void Machine::tell(Warp &warp, const uint64_t *addresses, uint32_t on,
                   bool isRead) {
  WarpOrder &order = warp.order;
  Order &all = memory.moments.order;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(on >> lane & 1))
      continue;
    if (isRead && !all.isEmpty())
      if (Learnt learnt = all.learn(addresses[lane]); learnt.count)
        order.reads.push_back({learnt, lane, warp.moment});
    if (order.fencedMoment &&
        (order.fencedMoment < warp.moment || (order.fencedLanes >> lane & 1)))
      all.tell(addresses[lane], blockNumber, warp.index, order.fencedMoment);
  }
}

uint32_t Machine::viewOf(Warp &warp) {
  WarpOrder &order = warp.order;
  if (order.view == 0 && !order.learnt.empty())
    order.view = memory.moments.order.addView(order.learnt);
  return order.view;
}
