//===- TernToKernels.cpp - Kernel operations to loops ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LogitParts.h"

#include "tern/Conversion/TernToKernels.h"

#include "tern/Conversion/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/Lookups.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

#define DEBUG_TYPE "convert-tern-to-kernels"

namespace tern {
#define GEN_PASS_DEF_CONVERTTERNTOKERNELSPASS
#include "tern/Conversion/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct ConvertTernToKernels
    : tern::impl::ConvertTernToKernelsPassBase<ConvertTernToKernels> {
  void runOnOperation() override {
    TargetAttr attr = TargetAttr::lookup(getOperation());
    const Target *target = attr ? attr.getTarget() : nullptr;
    if (!target) {
      getOperation()->emitError("expected a module with a `tern.target` that a "
                                "registered target handles, got ")
          << attr;
      return signalPassFailure();
    }
    auto isKernel = [](Operation *op) {
      return isa<KernelOpInterface, MatmulOp, KVAppendOp, MicroBeginOp,
                 MicroPrepareOp, MicroOp, MicroWidenOp, MicroFinishOp,
                 PrefetchOp>(op);
    };
    getOperation()->walk([&](Operation *op) { numKernels += isKernel(op); });

    RewritePatternSet patterns(&getContext());
    populateMicroKernelPatterns(patterns);
    populateSumCodesPatterns(patterns);
    populatePortableProductPatterns(patterns);
    populateFloatProductPatterns(patterns);
    populateTablePatterns(attr, patterns);
    populateTernaryRowPatterns(patterns);
    populateRowPatterns(attr, patterns);
    populateBestTokenPatterns(attr, patterns);
    populateArgmaxPatterns(patterns);
    populateTopLogitsPatterns(patterns);
    populateRecurrentPatterns(patterns);
    populateKVCachePatterns(attr, patterns);
    target->populateKernelPatterns(attr, patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));

    // Micro kernels are made of these.
    RewritePatternSet lookups(&getContext());
    populateLookupPatterns(lookups);
    target->populateKernelPatterns(attr, lookups);
    walkAndApplyPatterns(getOperation(), std::move(lookups));

    WalkResult left = getOperation()->walk([&](Operation *op) {
      if (!isKernel(op))
        return WalkResult::advance();
      op->emitOpError("expected buffer form and operands a kernel exists for, "
                      "but no pattern of target ")
          << target->getName() << " took it";
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
