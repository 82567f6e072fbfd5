//===- X86.cpp - x86-64: layouts, dot products, registration --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Target/X86/X86.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/Target.h"

#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;
using tern::x86::Dot;

namespace {

/// Best row first; `features` is what the dot product's instructions need.
struct Row {
  StringRef features;
  Dot dot;
  /// Tokens that the sums of 32 rows fit the registers for.
  int64_t tokens;
  /// Rows or quarters of a column's chunk, with four tokens or one.
  int64_t rows;
};

constexpr Row kRows[] = {
    {"avx512f,avx512bw,avx512vl,avx512vnni", Dot::Vpdpbusd512, 8, 4},
    {"avx2,avxvnni", Dot::Vpdpbusd256, 4, 2},
    {"avx2", Dot::Vpmaddubsw256, 4, 2},
};

/// The largest divisor of `value` that is at most `limit`.
int64_t largestDivisor(int64_t value, int64_t limit) {
  while (value % limit)
    --limit;
  return limit;
}

struct X86Target : Target {
  StringRef getName() const override { return "X86"; }

  bool handles(TargetAttr attr) const override {
    return llvm::Triple(attr.getTriple()).getArch() == llvm::Triple::x86_64 &&
           find(attr);
  }

  ArrayRef<MachineName> getMachineNames() const override {
    static constexpr MachineName names[] = {
        {"x86-64-v3", "x86_64-unknown-linux-gnu", "x86-64-v3", ""},
        // The level itself lacks the instruction our AVX-512 kernels are made
        // of.
        {"x86-64-v4", "x86_64-unknown-linux-gnu", "x86-64-v4", "avx512vnni"},
    };
    return names;
  }

  StringRef getBaselineCpu(const llvm::Triple &triple) const override {
    return triple.getArch() == llvm::Triple::x86_64 ? "x86-64" : "";
  }

  Layout pickLayout(TargetAttr attr, WeightAccess access, int64_t,
                    int64_t) const override {
    int64_t lanes = getDotProduct(attr).getLanes();
    switch (access) {
    case WeightAccess::Dense:
      // One stream of weights, no horizontal sum.
      return RowsInLanes{lanes, /*vectors=*/2}.layout();
    case WeightAccess::ActiveRows:
      // A row that is not needed is not read.
      return ContiguousRows{lanes}.layout();
    case WeightAccess::ActiveColumns:
      return ContiguousColumns{lanes}.layout();
    }
    llvm_unreachable("all accesses are handled");
  }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return x86::DotAttr::get(attr.getContext(), find(attr)->dot);
  }

  /// Those of the dot product: its sums are as wide as floats.
  int64_t getVectorBytes(TargetAttr attr) const override {
    return 4 * getDotProduct(attr).getLanes();
  }

  StrategyAttr pickStrategy(TargetAttr attr, MatmulOp product) const override {
    MLIRContext *context = attr.getContext();
    DotProductAttrInterface dot = getDotProduct(attr);
    const Row &row = *find(attr);
    RankedTensorType type = product.getWeightTensorType();
    bool one =
        cast<ShapedType>(product.getCodes().getType()).getDimSize(0) == 1;
    // Sums by groups are of one token at a time.
    bool single = one || product.getScales();
    SmallVector<Attribute> kernels;
    int64_t units = 1, prefetch = 0;
    std::optional<Layout> layout;
    if (product.getLayout())
      layout = product.getLayout().getLayout();
    if (!layout || ContiguousRows::match(*layout)) {
      int64_t rows = one ? 1 : largestDivisor(type.getDimSize(0), row.rows);
      units = product.getRowIndices()
                  ? 1
                  : largestDivisor(type.getDimSize(0) / rows, 16 / rows) * rows;
      prefetch = product.getRowIndices() ? 8 : 0;
      for (int64_t tokens : {4, 1})
        if (!single || tokens == 1)
          kernels.push_back(layout ? Attribute(ContiguousRowsAttr::get(
                                         context, dot, rows, tokens))
                                   : Int8RowsAttr::get(context, dot, rows,
                                                       tokens, one ? 4 : 1));
    } else if (RowsInLanes::match(*layout)) {
      for (int64_t tokens = row.tokens; tokens; tokens = tokens == 1   ? 0
                                                         : tokens == 8 ? 4
                                                                       : 1)
        if (!single || tokens == 1)
          kernels.push_back(RowsInLanesAttr::get(context, dot, 2, tokens));
    } else if (ContiguousColumns::match(*layout)) {
      prefetch = product.getColumnIndices() ? 8 : 0;
      if (!single)
        kernels.push_back(
            ContiguousColumnsAttr::get(context, dot, 0, 1, row.rows));
      kernels.push_back(ContiguousColumnsAttr::get(
          context, dot, 0, product.getScales() ? 4 : row.rows, 1));
    } else {
      return {};
    }
    auto strategy = StrategyAttr::get(context, kernels, units, prefetch);
    return product.getReasonAgainst(strategy).empty() ? strategy
                                                      : StrategyAttr();
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<x86::TernX86Dialect>();
  }
  void loadDialects(MLIRContext *context) const override {
    context->getOrLoadDialect<x86::TernX86Dialect>();
  }

private:
  static const Row *find(TargetAttr attr) {
    for (const Row &row : kRows) {
      SmallVector<StringRef> needed;
      row.features.split(needed, ',');
      if (llvm::all_of(needed, [&](StringRef f) { return attr.hasFeature(f); }))
        return &row;
    }
    return nullptr;
  }
};

} // namespace

std::unique_ptr<Target> tern::createX86Target() {
  return std::make_unique<X86Target>();
}
