//===- ARM.cpp - 32-bit ARM: layouts and registration ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// CPUs that multiply half words in pairs: Cortex-M4, M7, M33 and later, and
// those of phones of old.
//
//===----------------------------------------------------------------------===//

#include "tern/Target/ARM/ARM.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/Target.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;
using namespace tern::arm;

#include "tern/Target/ARM/ARMDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/ARM/ARMAttrs.cpp.inc"

void TernARMDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tern/Target/ARM/ARMAttrs.cpp.inc"
      >();
}

namespace {

/// Sums, a word and codes of four pairs of rows are as many as there are
/// registers; four tiles are what narrow sums of codes of eight bits hold.
constexpr int64_t kPairs = 4, kTiles = 4, kRows = 4;
/// Lanes of a vector of 32 bit; rows whose sums, of three fields each, fit the
/// registers that VMLADAVA adds to, half of all.
constexpr int64_t kLanes = 4, kVectorRows = 2;

/// The last target, whose table has all that this one has not.
const Target &portable() { return *getTargets().back(); }

struct ARMTarget : Target {
  StringRef getName() const override { return "ARM"; }

  bool handles(TargetAttr attr) const override {
    llvm::Triple triple(attr.getTriple());
    return (triple.isARM() || triple.isThumb()) && attr.hasFeature("dsp");
  }

  ArrayRef<StringLiteral> getLayoutNames() const override {
    return portable().getLayoutNames();
  }

  SmallVector<Strategy>
  getStrategies(TargetAttr attr, const ProductShape &shape) const override {
    MLIRContext *context = attr.getContext();
    SmallVector<Strategy> found;
    auto add = [&](StringRef name, std::optional<Layout> layout,
                   Attribute kernel, int64_t units) {
      found.push_back({name,
                       std::move(layout),
                       StrategyAttr::get(context, kernel, units,
                                         /*prefetch=*/0),
                       {}});
    };
    bool isWhole = !shape.groupSize && !shape.listsRows && !shape.listsColumns;
    if (shape.integerBits == 8) {
      if (isWhole && shape.columns % 16 == 0 && shape.rows % kRows == 0)
        add("", std::nullopt,
            ByteRowsAttr::get(context, kRows, shape.columns / 16), 1);
      add("", std::nullopt, ByteRowsAttr::get(context, kRows, 0), kRows);
    }
    if (shape.integerBits == 0 && attr.hasFeature("mve"))
      add("contiguous_rows",
          shape.layout
              ? *shape.layout
              : shape.withScales(ContiguousRows{kLanes, kVectorRows}.layout()),
          VectorRowsAttr::get(context, kVectorRows), 1);
    if (shape.integerBits == 0)
      for (PairedRowsAttr kernel : getPairedRows(context, shape))
        add("paired_rows",
            shape.layout ? *shape.layout
                         : shape.withScales(PairedRows{kPairs}.layout()),
            kernel, 1);
    llvm::append_range(found, portable().getStrategies(attr, shape));
    return found;
  }

  /// The best first: codes of whole steps are prepared, and sums of few columns
  /// roll.
  static SmallVector<PairedRowsAttr> getPairedRows(MLIRContext *context,
                                                   const ProductShape &shape) {
    constexpr int64_t kStepColumns = 8 * kTiles;
    bool isWhole = !shape.groupSize && !shape.listsRows &&
                   !shape.listsColumns && shape.columns % kStepColumns == 0;
    SmallVector<int64_t> prepared = {0};
    if (isWhole)
      prepared.insert(prepared.begin(), shape.columns / kStepColumns);
    SmallVector<PairedRowsAttr> kernels;
    for (int64_t steps : prepared) {
      kernels.push_back(
          PairedRowsAttr::get(context, kPairs, kTiles, 4, false, steps));
      for (bool rolling : {true, false})
        kernels.push_back(
            PairedRowsAttr::get(context, kPairs, kTiles, 8, rolling, steps));
    }
    return kernels;
  }

  /// A load takes a cycle, and so does any other instruction.
  MachineSpeed getSpeed(TargetAttr) const override {
    return {/*streamBytes=*/4, /*runBytes=*/4, /*issueWidth=*/1};
  }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return DotAttr::get(attr.getContext());
  }

  /// Vectors of floats flush subnormal numbers.
  int64_t getVectorBytes(TargetAttr) const override { return 0; }

  /// VCVTB; also of CPUs without arithmetic of half floats.
  bool hasHalfFloats(TargetAttr attr) const override {
    return attr.hasFeature("fp16");
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<TernARMDialect>();
  }
  void loadDialects(MLIRContext *context) const override {
    context->getOrLoadDialect<TernARMDialect>();
  }
};

} // namespace

std::unique_ptr<Target> tern::createARMTarget() {
  return std::make_unique<ARMTarget>();
}
