//===- Machine.cpp - Blocks of warps, run by turns -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "Lanes.h"

#include <algorithm>
#include <cstring>

using namespace tern::ptx;

/// Of registers before they are written: no number that means something.
static constexpr uint64_t kPoison = 0xDEADBEEFDEADBEEFull;

//===----------------------------------------------------------------------===//
// Launches and blocks
//===----------------------------------------------------------------------===//

static void checkLaunchable(const Launch &launch) {
  const Kernel &kernel = *launch.kernel;
  uint32_t required = kernel.requiredThreads[0];
  if (launch.threads == 0 || launch.threads % kLanes != 0)
    throw Fault("expected blocks of whole warps, got " +
                std::to_string(launch.threads) + " threads");
  if (launch.threads > kernel.mostThreads ||
      (required && launch.threads != required))
    throw Fault("expected blocks of " +
                std::to_string(required ? required : kernel.mostThreads) +
                " threads, got " + std::to_string(launch.threads));
}

void Machine::run(const Launch &newLaunch, uint64_t seed) {
  checkLaunchable(newLaunch);
  launch = &newLaunch;
  random.seed(seed);
  memory.beginLaunch();
  if (!launch->isEarly || memory.moments.first() < unseenFrom)
    unseenFrom = memory.moments.first();
  launchReads.clear();
  started = executed;
  uint32_t blocks = launch->grid[0] * launch->grid[1] * launch->grid[2];
  isOfManyBlocks = blocks > 1;
  std::vector<uint32_t> order(blocks);
  for (uint32_t i = 0; i < blocks; ++i)
    order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  std::vector<Warp> warps(launch->threads / kLanes);
  try {
    for (uint32_t block : order)
      runBlock(block, warps);
    checkLaunch();
  } catch (const Fault &fault) {
    std::string text =
        launch->kernel->name + ", block " + std::to_string(blockNumber);
    if (current)
      text += ", line " + std::to_string(current->line) + " (" +
              launch->kernel->texts[current->text] + ")";
    throw Fault(text + ": " + fault.what() + " (seed " + std::to_string(seed) +
                ")");
  }
}

void Machine::start(Warp &warp, uint32_t block) {
  const Kernel &kernel = *launch->kernel;
  warp.registers.assign((kernel.registerBytes + 7) / 8, kPoison);
  warp.bases[0] = reinterpret_cast<const uint8_t *>(warp.registers.data());
  warp.bases[1] = kernel.constants.data();
  warp.defined.assign(kernel.registerCount, 0);
  warp.defined[0] = kAllLanes;
  warp.definedLow = warp.definedHigh = warp.defined;
  warp.groups.assign(1, {0, kAllLanes});
  warp.local.assign(size_t(kernel.localBytes) * kLanes, 0xA5);
  warp.localDefined.assign(size_t(kernel.localBytes) * kLanes, 0);
  warp.copies.assign(1, {});
  warp.isAtBarrier = false;
  warp.hasWaited = !launch->isEarly;
  warp.meeting = 0;
  warp.order = {};
  warp.moment = memory.moments.add(block, warp.index, epoch, 0);
  warp.hasWritten = false;
  warp.checkedShared = warp.checkedGlobal = 0;
  warp.sharedReads.clear();
  warp.globalReads.clear();
  warp.knownReads.fill({});
  const auto &grid = launch->grid;
  std::map<std::string, uint32_t> values = {
      {"%ntid.x", launch->threads},
      {"%ntid.y", 1},
      {"%ntid.z", 1},
      {"%tid.y", 0},
      {"%tid.z", 0},
      {"%nctaid.x", grid[0]},
      {"%nctaid.y", grid[1]},
      {"%nctaid.z", grid[2]},
      {"%ctaid.x", block % grid[0]},
      {"%ctaid.y", block / grid[0] % grid[1]},
      {"%ctaid.z", block / grid[0] / grid[1]},
      {"%warpid", warp.index},
      {"%nwarpid", launch->threads / kLanes},
      {"WARP_SZ", kLanes}};
  for (const Special &special : kernel.specials) {
    uint32_t lanes[kLanes];
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      if (special.name == "%tid.x")
        lanes[lane] = warp.index * kLanes + lane;
      else if (special.name == "%laneid")
        lanes[lane] = lane;
      else if (special.name.rfind("%lanemask_", 0) == 0)
        lanes[lane] = special.name == "%lanemask_eq"   ? 1u << lane
                      : special.name == "%lanemask_lt" ? (1u << lane) - 1
                      : special.name == "%lanemask_le" ? (2u << lane) - 1
                      : special.name == "%lanemask_gt" ? ~((2u << lane) - 1)
                                                       : ~((1u << lane) - 1);
      else
        lanes[lane] = values.at(special.name);
    }
    commit(warp, special.where, lanes, kAllLanes, kAllLanes);
  }
}

void Machine::runBlock(uint32_t block, std::vector<Warp> &warps) {
  blockNumber = block;
  epoch = 0;
  epochFirst = memory.moments.next() * kLanes;
  uint32_t bytes = launch->kernel->sharedBytes + launch->sharedBytes;
  shared.assign(bytes, 0xA5);
  sharedDefined.assign(bytes, 0);
  sharedShadow.resize(bytes);
  isSharedWritten = isGlobalWritten = false;
  for (size_t i = 0; i < warps.size(); ++i) {
    warps[i].machine = this;
    warps[i].index = unsigned(i);
    start(warps[i], block);
  }
  std::vector<Warp *> ready;
  for (;;) {
    ready.clear();
    bool hasAll = true;
    for (Warp &warp : warps) {
      if (!warp.hasLeft() && !warp.isAtBarrier)
        ready.push_back(&warp);
      hasAll &= warp.hasLeft();
    }
    if (!ready.empty()) {
      Warp &warp = *ready[random() % ready.size()];
      takeTurn(warp, 1 + random() % 200);
      continue;
    }
    passBarrier(warps);
    if (!hasAll)
      continue;
    // Else a later launch, which waits for this one, may not see earlier ones.
    for (const Warp &warp : warps)
      if (!warp.hasWaited)
        throw Fault("a warp ends without griddepcontrol.wait");
    return;
  }
}

/// All warps know behind a barrier what one has learnt.
static void shareLearnt(std::vector<Warp> &warps) {
  std::vector<Learnt> all;
  for (Warp &warp : warps)
    all.insert(all.end(), warp.order.learnt.begin(), warp.order.learnt.end());
  if (all.empty() || warps.size() == 1)
    return;
  for (Warp &warp : warps) {
    warp.order.learnt = all;
    warp.order.view = 0;
  }
}

/// All warps wait there, or all have left.
void Machine::passBarrier(std::vector<Warp> &warps) {
  for (Warp &warp : warps) {
    if (warp.hasLeft() != warps[0].hasLeft())
      throw Fault("a warp has left before a barrier that others wait at");
    if (!warp.hasLeft() && warp.barrier != warps[0].barrier)
      throw Fault("warps wait at different barriers");
  }
  for (Warp &warp : warps) {
    if (isSharedWritten)
      checkReads(warp.sharedReads, 0, true, epochFirst);
    if (isGlobalWritten)
      checkReads(warp.globalReads, 0, false, epochFirst);
    if (isOfManyBlocks)
      launchReads.insert(launchReads.end(), warp.globalReads.begin(),
                         warp.globalReads.end());
    warp.sharedReads.clear();
    warp.globalReads.clear();
    warp.checkedShared = warp.checkedGlobal = 0;
    warp.hasWritten = warp.isAtBarrier = false;
  }
  shareLearnt(warps);
  ++epoch;
  epochFirst = memory.moments.next() * kLanes;
  isSharedWritten = isGlobalWritten = false;
  for (Warp &warp : warps)
    if (!warp.hasLeft())
      warp.moment = memory.moments.add(blockNumber, warp.index, epoch,
                                       ++warp.meeting, viewOf(warp));
}

void Machine::takeTurn(Warp &warp, unsigned instructions) {
  for (; instructions && !warp.hasLeft() && !warp.isAtBarrier; --instructions)
    step(warp);
  if (executed - started > mostInstructions)
    throw Fault("the launch does not end");
}

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

/// True if all lanes that take part are there.
bool Machine::canMeet(Warp &warp, const Instruction &instruction,
                      const Group &group) {
  if (instruction.meeting == Meeting::All)
    return group.lanes == kAllLanes;
  uint32_t all = warp.lanesThere();
  const uint32_t *members = lanes<uint32_t>(warp, instruction.members);
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(group.lanes >> lane & 1))
      continue;
    if (!(members[lane] >> lane & 1))
      throw Fault("a lane is not of the members it names");
    if (members[lane] & ~all)
      throw Fault("a lane waits for one that has left");
    if (members[lane] != group.lanes)
      return false;
  }
  return true;
}

/// The group that goes on: on its own way, the lowest address first; then one
/// that is complete.
Group *Machine::pick(Warp &warp) {
  const auto &code = launch->kernel->code;
  Group *best = nullptr;
  for (Group &group : warp.groups)
    if (code[group.at].meeting == Meeting::None &&
        (!best || group.at < best->at))
      best = &group;
  if (best)
    return best;
  for (Group &group : warp.groups) {
    current = &code[group.at];
    if (canMeet(warp, *current, group))
      return &group;
  }
  std::string lines;
  for (Group &group : warp.groups)
    lines += (lines.empty() ? "" : ", ") + std::to_string(code[group.at].line);
  throw Fault("lanes of a warp wait at different places, or for lanes that "
              "have left: lines " +
              lines);
}

/// Groups that have come to one address are one.
static void join(std::vector<Group> &groups) {
  for (size_t i = 0; i < groups.size(); ++i)
    for (size_t j = groups.size(); --j > i;)
      if (groups[i].at == groups[j].at) {
        groups[i].lanes |= groups[j].lanes;
        groups.erase(groups.begin() + long(j));
      }
}

void Machine::step(Warp &warp) {
  const auto &code = launch->kernel->code;
  Group *group = warp.groups.data();
  if (warp.groups.size() > 1 ||
      (code[group->at].meeting != Meeting::None && group->lanes != kAllLanes))
    group = pick(warp);
  else if (code[group->at].meeting == Meeting::Members)
    group = pick(warp);
  const Instruction &instruction = code[group->at];
  current = &instruction;
  ++executed;
  uint32_t on = group->lanes;
  if (instruction.guard.bits) {
    uint32_t known = warp.defined[instruction.guard.index];
    if (on & ~known)
      throw Fault("the predicate was never set");
    uint32_t value = *lanes<uint32_t>(warp, instruction.guard);
    on &= instruction.guard.isNegated ? ~value : value;
    if (instruction.meeting != Meeting::None && on != group->lanes)
      throw Fault("some lanes of the warp only");
  }
  if (instruction.flow == Flow::Next) {
    ++group->at;
    // Without lanes there is nothing to do.
    if (on)
      instruction.run(warp, instruction, on);
    if (warp.groups.size() > 1)
      join(warp.groups);
    return;
  }
  uint32_t stay = group->lanes & ~on;
  if (instruction.flow == Flow::Trap && on)
    throw Fault("trap");
  std::vector<Group> targets;
  if (stay)
    targets.push_back({group->at + 1, stay});
  if (instruction.flow == Flow::Branch && on)
    targets.push_back({instruction.target, on});
  if (instruction.flow == Flow::Table) {
    const uint32_t *numbers = lanes<uint32_t>(warp, instruction.ops[0]);
    requireDefined(warp, instruction.ops[0], on, "the branch's number");
    for (unsigned lane = 0; lane < kLanes; ++lane)
      if (on >> lane & 1) {
        if (numbers[lane] >= instruction.targets.size())
          throw Fault("the branch's number is beyond the table");
        targets.push_back({instruction.targets[numbers[lane]], 1u << lane});
      }
  }
  if (targets.size() == 1) {
    *group = targets[0];
  } else {
    warp.groups.erase(warp.groups.begin() + (group - warp.groups.data()));
    warp.groups.insert(warp.groups.end(), targets.begin(), targets.end());
  }
  if (warp.groups.size() > 1)
    join(warp.groups);
}

void Machine::meet(Warp &warp) {
  if (warp.hasWritten) {
    checkReads(warp.sharedReads, warp.checkedShared, true, epochFirst);
    checkReads(warp.globalReads, warp.checkedGlobal, false, epochFirst);
  }
  warp.hasWritten = false;
  warp.checkedShared = warp.sharedReads.size();
  warp.checkedGlobal = warp.globalReads.size();
  warp.moment = memory.moments.add(blockNumber, warp.index, epoch,
                                   ++warp.meeting, viewOf(warp));
}
