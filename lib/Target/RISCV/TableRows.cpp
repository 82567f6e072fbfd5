//===- TableRows.cpp - Sums of four columns in tables ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightReader.h"

#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/RISCV/RISCV.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;
using namespace tern::riscv;

using Values = SmallVector<Value>;

/// The digits of a byte of t4, and the sums that they can make of codes.
static constexpr int64_t kDigits = 4, kEntries = 81;
/// Rows that are looked up before others are read.
static constexpr int64_t kRowsAtOnce = 4;
/// Instructions that make a table.
static constexpr double kTableSlots = 176;
/// Costs count a restart of the stream of weights for each tile, twenty times
/// what its tables take; a load here waits for no stream.
static constexpr double kRestarts = 20;

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

LogicalResult
TableRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      int64_t rows, int64_t groups) {
  if (rows < 1 || groups < 1)
    return emitError() << "expected a row and a group at least, got " << rows
                       << " and " << groups;
  return success();
}

Layout TableRowsAttr::getTileLayout() const {
  return GroupsInLanes{&codecs::t4, Axis::Column, getGroups(), /*vectors=*/1,
                       getRows()}
      .layout();
}

std::string TableRowsAttr::getKernelName() const { return "table rows"; }
MicroTile TableRowsAttr::getTile() const {
  return {/*tokens=*/1, getRows(), kDigits};
}
SmallVector<Attribute> TableRowsAttr::getParts() const { return {*this}; }
bool TableRowsAttr::reads(const std::optional<Layout> &layout) const {
  return layout && *layout == getTileLayout();
}
CodeRange TableRowsAttr::getCodeRange() const { return {-128, 127}; }
int64_t TableRowsAttr::getMaxColumns() const {
  return ((int64_t(1) << 31) - 1) / 128;
}
int64_t TableRowsAttr::getOffset() const { return 0; }

/// Of each row a byte, its entry's address in two, the entry and an addition;
/// addresses, the end, and a share of the sums' ways to memory and back.
MicroCost TableRowsAttr::getCost() const {
  int64_t ends = (2 * getRows() + getGroups() - 1) / getGroups();
  return {getRows() * 5 + 4 + ends, getRows(),
          kTableSlots / kDigits / (1 + kRestarts)};
}

VectorType TableRowsAttr::getCodesType() const {
  return vectorOf(*this, 8, {1, kDigits});
}
MicroPreparation TableRowsAttr::getPreparation() const {
  MicroPreparation preparation;
  preparation.steps = getGroups();
  preparation.tokens = 1;
  preparation.maxSteps = getMaxColumns() / kDigits;
  preparation.readsAhead = false;
  return preparation;
}
VectorType TableRowsAttr::getPreparedType() const {
  return vectorOf(*this, 16, {kEntries});
}

/// Entry sum (d_j + 1) 3^j is sum d_j x_j: that of -1 everywhere, and those
/// before with a code once more.
Value TableRowsAttr::prepare(OpBuilder &builder, Location loc,
                             Value codes) const {
  ValueBuilder b(loc, builder);
  Values x, entries;
  Value first = b.zero(b.getI32Type());
  for (int64_t j = 0; j < kDigits; ++j) {
    x.push_back(b.signExtend(b.part(codes, {0, j}), b.getI32Type()));
    first = b.sub(first, x.back());
  }
  entries.push_back(first);
  for (Value code : x)
    for (size_t i = 0, size = entries.size(); i < 2 * size; ++i)
      entries.push_back(b.add(entries[i], code));
  for (Value &entry : entries)
    entry = arith::TruncIOp::create(b, b.getI16Type(), entry);
  return vector::FromElementsOp::create(b, getPreparedType(), entries);
}

SmallVector<VectorType> TableRowsAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {getRows()})};
}
VectorType TableRowsAttr::getFragmentType() const {
  return vectorOf(*this, 32, {1, getRows()});
}
VectorType TableRowsAttr::getSumsType() const { return getFragmentType(); }
Value TableRowsAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  return ValueBuilder(loc, builder).zero(getFragmentType());
}

/// Entry `number`, a byte, of a table; of one in memory without the others.
static Value lookUp(ValueBuilder &b, Value table, Value number) {
  Value at = arith::IndexCastUIOp::create(b, b.getIndexType(), number);
  auto read = table.getDefiningOp<vector::TransferReadOp>();
  if (!read || !isa<MemRefType>(read.getBase().getType()) ||
      !read.getPermutationMap().isMinorIdentity() || read.getMask() ||
      read.hasOutOfBoundsDim())
    return vector::ExtractOp::create(b, table, OpFoldResult(at));
  Values indices(read.getIndices());
  indices.back() = b.add(indices.back(), at);
  return memref::LoadOp::create(b, read.getBase(), indices);
}

Value TableRowsAttr::build(OpBuilder &builder, Location loc, Value table,
                           ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  WeightReader reader(b, weights[0]);
  for (int64_t first = 0; first < getRows(); first += kRowsAtOnce) {
    Values sums;
    int64_t end = std::min(first + kRowsAtOnce, getRows());
    for (int64_t row = first; row < end; ++row) {
      Value entry = lookUp(b, table, reader.read(b.getI8Type(), row));
      sums.push_back(b.add(b.part(fragment, {0, row}),
                           b.signExtend(entry, b.getI32Type())));
    }
    reader.waitFor(sums);
    for (int64_t row = first; row < end; ++row)
      fragment = b.withPart(fragment, sums[row - first], {0, row});
  }
  return fragment;
}

Value TableRowsAttr::finish(OpBuilder &, Location, Value fragment) const {
  return fragment;
}
