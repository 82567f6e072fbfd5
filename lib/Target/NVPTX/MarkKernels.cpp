//===- MarkKernels.cpp - Functions that are launched ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"

#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Target/NVPTX/Passes.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace tern::nvptx {
#define GEN_PASS_DEF_MARKKERNELSPASS
#include "tern/Target/NVPTX/Passes.h.inc"
} // namespace tern::nvptx

using namespace mlir;
using namespace tern;

namespace {

/// True if `function` multiplies in tensor cores, where more warps hide more of
/// the memory's latency than more registers would.
bool isProduct(LLVM::LLVMFuncOp function) {
  WalkResult result = function.walk([](LLVM::CallIntrinsicOp call) {
    return call.getIntrin().starts_with("llvm.nvvm.mma.")
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// The first cards on which a launch may begin while the one before ends.
constexpr unsigned kEarlyLaunches = 90;

/// True if `op` needs nothing that launches before have written: a weight that
/// is asked for does not.
bool isIndependent(Operation &op) {
  if (auto text = dyn_cast<LLVM::InlineAsmOp>(op))
    return text.getAsmString().starts_with("prefetch.");
  auto call = dyn_cast<LLVM::CallIntrinsicOp>(op);
  return isMemoryEffectFree(&op) ||
         (call && call.getIntrin().starts_with("llvm.nvvm.read.ptx.sreg."));
}

/// The next launch may begin at once; this one goes on when the launches before
/// have ended.
void waitForLaunches(LLVM::LLVMFuncOp kernel) {
  Block &entry = kernel.getBody().front();
  auto first = llvm::find_if_not(entry.without_terminator(), isIndependent);
  OpBuilder b(&entry, first == entry.without_terminator().end()
                          ? entry.getTerminator()->getIterator()
                          : first);
  // Not intrinsics, which say that they touch no memory.
  for (StringRef what :
       {"griddepcontrol.launch_dependents;", "griddepcontrol.wait;"})
    LLVM::InlineAsmOp::create(
        b, kernel.getLoc(), TypeRange(), ValueRange(), what, "~{memory}",
        /*has_side_effects=*/true, /*is_align_stack=*/false,
        LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
}

struct MarkKernels : nvptx::impl::MarkKernelsPassBase<MarkKernels> {
  void runOnOperation() override {
    Builder b(&getContext());
    std::optional<Device> device = getDevice(getOperation());
    for (auto function : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      if (!function->hasAttr(kBlocksAttr))
        continue;
      SmallVector<Attribute> marks;
      auto mark = [&](StringRef name, int64_t value) {
        marks.push_back(b.getStrArrayAttr({name, std::to_string(value)}));
      };
      mark("nvvm.reqntid", getThreads(function));
      // Without a word ptxas spills before it takes more than 128 registers.
      if (int64_t registers = getNumberOr(function, nvptx::kRegistersAttr, 0))
        mark("nvvm.maxnreg", registers);
      else if (!isProduct(function) || function->hasAttr(nvptx::kFewBlocksAttr))
        mark("nvvm.minctasm", 1);
      function->removeAttr(nvptx::kRegistersAttr);
      if (device && device->capability >= kEarlyLaunches)
        waitForLaunches(function);
      function.setCConv(LLVM::CConv::PTX_Kernel);
      function.setPassthroughAttr(b.getArrayAttr(marks));
      ++numKernels;
    }
  }
};

} // namespace
