//===- RISCV.cpp - RISC-V: layouts and registration -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With vectors, rows are lanes of vectors of 32 bytes, two registers of 128
// bits or a part of one: every VLEN that the extension V allows runs the same
// code. There is no dot product of bytes, but `vwmaccsu.vx`, which LLVM makes
// of a multiplication by a scalar and an addition in 16 bits. Without vectors,
// rows are lanes of a register.
//
//===----------------------------------------------------------------------===//

#include "tern/Target/RISCV/RISCV.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/Target.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;
using namespace tern::riscv;

#include "tern/Target/RISCV/RISCVDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/RISCV/RISCVAttrs.cpp.inc"

void TernRISCVDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tern/Target/RISCV/RISCVAttrs.cpp.inc"
      >();
}

namespace {

/// Of a vector; four tokens have sums of 16 bits in half of the registers.
constexpr int64_t kRows = 32, kTokens = 4;
/// Rows of int8 whose 32 sums take half of the registers.
constexpr int64_t kByteRows = 2;
/// Words whose sums, two of each, registers hold beside eight codes.
constexpr int64_t kWords = 4;

/// An instruction is for two or four registers of 128 bits.
constexpr KernelSpeed kNarrow = {/*stall=*/3};

/// Rows whose sums registers hold, and the most groups of four columns whose
/// tables, 162 bytes each, are made together.
constexpr int64_t kTableRows = 16, kTableGroups = 32;

constexpr StringLiteral kIntegers = "integer_rows";

/// The first two are of the kernels here, the others are Generic's too.
constexpr StringLiteral kNames[] = {"groups_in_lanes", "groups_in_columns",
                                    "plain_rows", "plain_columns", kIntegers};

bool hasVectors(TargetAttr attr) { return attr.hasFeature("v"); }

Strategy makeStrategy(StringRef layoutName, const ProductShape &shape,
                      const Layout &layout, ArrayRef<Attribute> kernels,
                      KernelSpeed speed = {}) {
  Strategy strategy;
  strategy.layoutName = layoutName;
  strategy.layout = shape.withScales(layout);
  strategy.speed = speed;
  strategy.kernels = StrategyAttr::get(kernels.front().getContext(), kernels,
                                       /*units=*/1, /*prefetch=*/0);
  return strategy;
}

Strategy makeNarrowRows(TargetAttr target, const ProductShape &shape) {
  SmallVector<Attribute> kernels;
  for (int64_t tokens : {kTokens, int64_t(1)})
    if (tokens <= shape.tokens)
      kernels.push_back(
          NarrowRowsAttr::get(target.getContext(), kRows, tokens));
  auto one = cast<NarrowRowsAttr>(kernels.back());
  return makeStrategy(kNames[0], shape, one.getTileLayout(), kernels, kNarrow);
}

/// The largest divisor of `value` that is at most `limit`.
int64_t largestDivisor(int64_t value, int64_t limit) {
  while (value % limit)
    --limit;
  return limit;
}

Strategy makeByteRows(TargetAttr target, const ProductShape &shape) {
  int64_t rows = shape.listsRows ? 1 : largestDivisor(shape.rows, kByteRows);
  Strategy strategy;
  strategy.kernels = StrategyAttr::get(
      target.getContext(), ByteRowsAttr::get(target.getContext(), rows),
      /*units=*/rows, /*prefetch=*/0);
  return strategy;
}

/// Of 6, 4 and 2 bits, as many vectors as a word has integers.
Strategy makeIntegerRows(TargetAttr target, const ProductShape &shape) {
  int64_t bits = shape.integerBits;
  auto dot = DotAttr::get(target.getContext());
  const Codec *codec = bits == 6   ? &codecs::i6
                       : bits == 4 ? &codecs::i4
                                   : &codecs::u2;
  Strategy strategy;
  strategy.layoutName = kIntegers;
  strategy.layout =
      shape.withScales(IntegerRows{codec, dot.getLanes()}.layout());
  Attribute kernel =
      IntegerRowsAttr::get(target.getContext(), dot, bits, /*rows=*/1,
                           /*tokens=*/1, codec->wordDigits);
  strategy.kernels = StrategyAttr::get(target.getContext(), kernel,
                                       /*units=*/1, /*prefetch=*/0);
  return strategy;
}

/// Columns of tables are cut into the fewest equal tiles.
Strategy makeTableRows(MLIRContext *context, const ProductShape &shape) {
  int64_t groups = llvm::divideCeil(shape.columns, 4);
  groups = llvm::divideCeil(groups, llvm::divideCeil(groups, kTableGroups));
  auto kernel = TableRowsAttr::get(context, kTableRows, groups);
  return makeStrategy(kNames[1], shape, kernel.getTileLayout(), {kernel});
}

void addWordRows(TargetAttr target, const ProductShape &shape,
                 SmallVector<Strategy> &found) {
  MLIRContext *context = target.getContext();
  int64_t bits = llvm::Triple(target.getTriple()).isRISCV64() ? 64 : 32;
  for (int64_t codeBits : {4, 8}) {
    auto kernel = WordRowsAttr::get(context, bits, kWords, codeBits);
    found.push_back(
        makeStrategy(kNames[0], shape, kernel.getTileLayout(), {kernel}));
  }
  if (bits == 32)
    found.push_back(makeTableRows(context, shape));
}

struct RISCVTarget : Target {
  StringRef getName() const override { return "RISCV"; }

  bool handles(TargetAttr attr) const override {
    return llvm::Triple(attr.getTriple()).isRISCV();
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
    if (hasVectors(attr))
      found.push_back(shape.integerBits == 0   ? makeNarrowRows(attr, shape)
                      : shape.integerBits == 8 ? makeByteRows(attr, shape)
                                               : makeIntegerRows(attr, shape));
    else if (shape.integerBits == 0)
      addWordRows(attr, shape, found);
    for (Strategy &strategy : portable().getStrategies(attr, shape))
      if (strategy.layoutName.empty() ||
          llvm::is_contained(ArrayRef(kNames).drop_front(2),
                             strategy.layoutName))
        found.push_back(std::move(strategy));
    return found;
  }

  /// A core at 1.6 GHz that issues two instructions and reads 5 GB/s.
  MachineSpeed getSpeed(TargetAttr) const override {
    return {/*streamBytes=*/3, /*runBytes=*/1.5, /*issueWidth=*/2};
  }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    if (hasVectors(attr))
      return DotAttr::get(attr.getContext());
    return portable().getDotProduct(attr);
  }
  int64_t getVectorBytes(TargetAttr attr) const override {
    return portable().getVectorBytes(attr);
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<TernRISCVDialect>();
  }
  void loadDialects(MLIRContext *context) const override {
    context->getOrLoadDialect<TernRISCVDialect>();
  }

private:
  static const Target &portable() { return *getTargets().back(); }
};

} // namespace

std::unique_ptr<Target> tern::createRISCVTarget() {
  return std::make_unique<RISCVTarget>();
}
