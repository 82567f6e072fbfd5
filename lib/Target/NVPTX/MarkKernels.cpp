//===- MarkKernels.cpp - Functions that are launched ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Target/NVPTX/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace tern::nvptx {
#define GEN_PASS_DEF_MARKKERNELSPASS
#include "tern/Target/NVPTX/Passes.h.inc"
} // namespace tern::nvptx

using namespace mlir;
using namespace tern;

namespace {

struct MarkKernels : nvptx::impl::MarkKernelsPassBase<MarkKernels> {
  void runOnOperation() override {
    Builder b(&getContext());
    for (auto function : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      if (!function->hasAttr(kBlocksAttr))
        continue;
      std::string threads = std::to_string(getThreads(function));
      function.setCConv(LLVM::CConv::PTX_Kernel);
      function.setPassthroughAttr(b.getArrayAttr(b.getArrayAttr(
          {b.getStringAttr("nvvm.reqntid"), b.getStringAttr(threads)})));
      ++numKernels;
    }
  }
};

} // namespace
