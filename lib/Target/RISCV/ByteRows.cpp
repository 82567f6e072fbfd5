//===- ByteRows.cpp - Rows of int8 by the extension V ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Target/RISCV/RISCV.h"

using namespace mlir;
using namespace tern;
using namespace tern::riscv;

/// Of a step, and sums of each row: registers of 32, 64 and 128 bytes.
static constexpr int64_t kColumns = 32;
/// Instructions by which addresses go on, set lengths and end the loop.
static constexpr int64_t kStepSlots = 8;
/// Registers of 128 bits that a row's instructions take: a load of two, a
/// multiplication that makes four and an addition to eight.
static constexpr int64_t kRowSlots = 14;

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

LogicalResult ByteRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t rows) {
  if (rows < 1)
    return emitError() << "expected a row at least, got " << rows;
  return success();
}

std::string ByteRowsAttr::getKernelName() const { return "byte rows"; }
MicroTile ByteRowsAttr::getTile() const {
  return {/*tokens=*/1, getRows(), kColumns};
}
SmallVector<Attribute> ByteRowsAttr::getParts() const { return {*this}; }
bool ByteRowsAttr::reads(const std::optional<Layout> &layout) const {
  return !layout;
}
CodeRange ByteRowsAttr::getCodeRange() const { return {-128, 127}; }
int64_t ByteRowsAttr::getMaxColumns() const {
  return (int64_t(1) << (31 - 7 - 7)) - 1;
}
int64_t ByteRowsAttr::getOffset() const { return 0; }
MicroCost ByteRowsAttr::getCost() const {
  return {getRows() * kRowSlots + 2 + kStepSlots, kColumns * getRows()};
}

VectorType ByteRowsAttr::getCodesType() const {
  return vectorOf(*this, 8, {1, kColumns});
}
MicroPreparation ByteRowsAttr::getPreparation() const { return {}; }
VectorType ByteRowsAttr::getPreparedType() const { return getCodesType(); }
Value ByteRowsAttr::prepare(OpBuilder &, Location, Value codes) const {
  return codes;
}
SmallVector<VectorType> ByteRowsAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {getRows(), kColumns})};
}
VectorType ByteRowsAttr::getFragmentType() const {
  return vectorOf(*this, 32, {getRows(), kColumns});
}
VectorType ByteRowsAttr::getSumsType() const {
  return vectorOf(*this, 32, {1, getRows()});
}
Value ByteRowsAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  return ValueBuilder(loc, builder).zero(getFragmentType());
}

Value ByteRowsAttr::build(OpBuilder &builder, Location loc, Value codes,
                          ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  Value x = b.signExtend(b.part(codes, {0}), b.getI16Type());
  for (int64_t row = 0; row < getRows(); ++row) {
    Value w = b.signExtend(b.part(weights[0], {row}), b.getI16Type());
    Value products = b.signExtend(b.mul(w, x), b.getI32Type());
    fragment =
        b.withPart(fragment, b.add(b.part(fragment, {row}), products), {row});
  }
  return fragment;
}

Value ByteRowsAttr::finish(OpBuilder &builder, Location loc,
                           Value fragment) const {
  ValueBuilder b(loc, builder);
  Value sums = b.zero(getSumsType());
  for (int64_t row = 0; row < getRows(); ++row)
    sums = b.withPart(sums, b.sumOfIntegers(b.part(fragment, {row})), {0, row});
  return sums;
}
