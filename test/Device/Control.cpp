//===- Control.cpp - Branches, and what only a GPU needs
//--------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

using namespace tern::ptx;

namespace {

void doNothing(Warp &, const Instruction &, uint32_t) {}

void decodeBranch(Decoding &d) {
  d.takeIf("uni");
  d.in.flow = Flow::Branch;
  if (d.takeIf("idx")) {
    d.takeIf("uni");
    d.expectArguments(2);
    d.in.flow = Flow::Table;
    d.in.ops[0] = d.source(d.argument(0), 32);
    d.names.tableBranches.push_back(
        {uint32_t(d.names.kernel.code.size()), d.argument(1).name});
    return;
  }
  d.expectArguments(1);
  d.names.branches.push_back(
      {uint32_t(d.names.kernel.code.size()), d.argument(0).name});
}

template <Flow flow> void decodeEnd(Decoding &d) {
  d.takeIf("uni");
  d.expectArguments(0);
  d.in.flow = flow;
}

/// Memory has one order here, but see Order.h.
void fence(Warp &warp, const Instruction &, uint32_t on) {
  warp.machine->fence(warp, on);
}

void decodeFence(Decoding &d) {
  d.takeOneOf({"sc", "acq_rel"});
  std::string scope = d.takeOneOf({"gl", "gpu", "cta", "sys", "cluster"});
  bool isOfDevice = scope == "gl" || scope == "gpu" || scope == "sys";
  d.in.run = isOfDevice ? fence : doNothing;
}

void decodePrefetch(Decoding &d) {
  d.takeIf("global");
  d.takeOneOf({"L1", "L2"});
  d.in.run = doNothing;
}

void waitForGrids(Warp &warp, const Instruction &, uint32_t) {
  warp.hasWaited = true;
}

void decodeGrids(Decoding &d) {
  bool waits = d.takeIf("wait");
  if (!waits)
    d.expect("launch_dependents");
  d.expectArguments(0);
  d.in.run = waits ? waitForGrids : doNothing;
}

} // namespace

void tern::ptx::addControl(Decoders &decoders) {
  decoders["bra"] = decodeBranch;
  decoders["brx"] = decodeBranch;
  decoders["ret"] = decodeEnd<Flow::Exit>;
  decoders["exit"] = decodeEnd<Flow::Exit>;
  decoders["trap"] = decodeEnd<Flow::Trap>;
  decoders["griddepcontrol"] = decodeGrids;
  decoders["membar"] = decodeFence;
  decoders["fence"] = decodeFence;
  decoders["prefetch"] = decodePrefetch;
}
