//===- AArch64.cpp - AArch64: dot products, speed, registration -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Target/AArch64/AArch64.h"

#include "Lookups.h"
#include "Strategies.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;
using tern::aarch64::Dot;

namespace {

/// Four cores of Cortex-A76 at 2.4 GHz that share 12 GB/s, of which one takes
/// most. llvm-mca has kernels of the table at 2.4 instructions a cycle on
/// Neoverse N1. The same for all CPUs, so that they choose the same layouts.
constexpr MachineSpeed kSpeed = {/*streamBytes=*/2, /*runBytes=*/1.2,
                                 /*issueWidth=*/2.4};

struct AArch64Target : Target {
  StringRef getName() const override { return "AArch64"; }

  bool handles(TargetAttr attr) const override {
    return llvm::Triple(attr.getTriple()).getArch() == llvm::Triple::aarch64 &&
           attr.hasFeature("neon");
  }

  ArrayRef<MachineName> getMachineNames() const override {
    static constexpr MachineName names[] = {
        {"raspberry-pi-4", "aarch64-unknown-linux-gnu", "cortex-a72", ""},
        {"raspberry-pi-5", "aarch64-unknown-linux-gnu", "cortex-a76", ""},
    };
    return names;
  }

  void populateKernelPatterns(TargetAttr,
                              RewritePatternSet &patterns) const override {
    aarch64::populateLookupPatterns(patterns);
  }

  ArrayRef<StringLiteral> getLayoutNames() const override {
    return aarch64::layoutNames();
  }

  SmallVector<Strategy>
  getStrategies(TargetAttr attr, const ProductShape &shape) const override {
    return aarch64::findStrategies(attr.getContext(), findDot(attr),
                                   attr.hasFeature("i8mm"), shape);
  }

  MachineSpeed getSpeed(TargetAttr) const override { return kSpeed; }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return aarch64::DotAttr::get(attr.getContext(), findDot(attr));
  }

  int64_t getVectorBytes(TargetAttr) const override { return 16; }

  bool hasHalfFloats(TargetAttr) const override { return true; }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<aarch64::TernAArch64Dialect>();
  }
  void loadDialects(MLIRContext *context) const override {
    context->getOrLoadDialect<aarch64::TernAArch64Dialect>();
  }

private:
  static Dot findDot(TargetAttr attr) {
    if (!attr.hasFeature("dotprod"))
      return Dot::Smull;
    return attr.hasFeature("i8mm") ? Dot::Usdot : Dot::Sdot;
  }
};

} // namespace

std::unique_ptr<Target> tern::createAArch64Target() {
  return std::make_unique<AArch64Target>();
}
