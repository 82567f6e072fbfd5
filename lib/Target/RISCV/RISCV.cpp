//===- RISCV.cpp - RISC-V with vectors ------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rows are lanes of vectors of 32 bytes, two registers of 128 bits or a part of
// one: every VLEN that the extension V allows runs the same code. There is no
// dot product of bytes, but `vwmaccsu.vx`, which LLVM makes of a multiplication
// by a scalar and an addition in 16 bits. Products without a kernel here take
// Generic's, as do CPUs without vectors.
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;

namespace {

/// Of a vector; four tokens have sums of 16 bits in half of the registers.
constexpr int64_t kRows = 32, kTokens = 4;

/// An instruction is for two or four registers of 128 bits.
constexpr KernelSpeed kNarrow = {/*stall=*/3};

/// The first is of the kernels here, the others are Generic's.
constexpr StringLiteral kNames[] = {"groups_in_lanes", "plain_rows",
                                    "plain_columns", "integer_rows"};

Strategy makeNarrowRows(MLIRContext *context, const ProductShape &shape) {
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {kTokens, int64_t(1)})
    if (tokens <= shape.tokens)
      kernels.push_back(NarrowRowsAttr::get(context, kRows, tokens));
  Strategy strategy;
  strategy.layoutName = kNames[0];
  strategy.layout =
      shape.withScales(cast<NarrowRowsAttr>(kernels.back()).getTileLayout());
  strategy.speed = kNarrow;
  strategy.kernels =
      StrategyAttr::get(context, kernels, /*units=*/1, /*prefetch=*/0);
  return strategy;
}

struct RISCVTarget : Target {
  StringRef getName() const override { return "RISCV"; }

  bool handles(TargetAttr attr) const override {
    return llvm::Triple(attr.getTriple()).isRISCV() && attr.hasFeature("v");
  }

  ArrayRef<MachineName> getMachineNames() const override {
    static constexpr MachineName names[] = {{"rv64gcv",
                                             "riscv64-unknown-linux-gnu",
                                             "generic-rv64", "m+a+f+d+c+v"}};
    return names;
  }

  ArrayRef<StringLiteral> getLayoutNames() const override { return kNames; }

  SmallVector<Strategy>
  getStrategies(TargetAttr attr, const ProductShape &shape) const override {
    SmallVector<Strategy> found;
    if (shape.integerBits == 0)
      found.push_back(makeNarrowRows(attr.getContext(), shape));
    for (Strategy &strategy : portable().getStrategies(attr, shape))
      if (strategy.layoutName.empty() ||
          llvm::is_contained(ArrayRef(kNames).drop_front(),
                             strategy.layoutName))
        found.push_back(std::move(strategy));
    return found;
  }

  /// A core at 1.6 GHz that issues two instructions and reads 5 GB/s.
  MachineSpeed getSpeed(TargetAttr) const override {
    return {/*streamBytes=*/3, /*runBytes=*/1.5, /*issueWidth=*/2};
  }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return portable().getDotProduct(attr);
  }
  int64_t getVectorBytes(TargetAttr attr) const override {
    return portable().getVectorBytes(attr);
  }

private:
  static const Target &portable() { return *getTargets().back(); }
};

} // namespace

std::unique_ptr<Target> tern::createRISCVTarget() {
  return std::make_unique<RISCVTarget>();
}
