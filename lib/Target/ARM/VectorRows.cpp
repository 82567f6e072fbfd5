//===- VectorRows.cpp - Products of bytes by VMLADAVA ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/ARM/ARM.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;
using namespace tern::arm;

/// Bytes of a vector, digits of a byte and those of them that stay in place.
static constexpr int64_t kBytes = 16, kFields = 4, kSums = 3;
/// Instructions that take the offset off a sum and convert, scale and add it.
static constexpr int64_t kScaleSlots = 5;
/// Of the largest digit in place, 32, times a code of -128.
static constexpr int64_t kMostInPlace = 32 * 128;

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

LogicalResult
VectorRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                       int64_t rows) {
  if (rows < 1)
    return emitError() << "expected a row at least, got " << rows;
  return success();
}

std::string VectorRowsAttr::getKernelName() const { return "vector rows"; }

MicroTile VectorRowsAttr::getTile() const {
  return {/*tokens=*/1, getRows(), kFields * kBytes};
}

SmallVector<Attribute> VectorRowsAttr::getParts() const { return {*this}; }

bool VectorRowsAttr::reads(const std::optional<Layout> &layout) const {
  return layout && layout->withoutScales() ==
                       ContiguousRows{kBytes / 4, getRows()}.layout();
}

CodeRange VectorRowsAttr::getCodeRange() const { return {-128, 127}; }

int64_t VectorRowsAttr::getMaxColumns() const {
  return ((int64_t(1) << 31) - 1) / kMostInPlace;
}

int64_t VectorRowsAttr::getOffset() const { return 1; }

/// A load of each row's digits and of each field's codes, four fields and their
/// products; addresses and the loop.
MicroCost VectorRowsAttr::getCost() const {
  return {getRows() * (1 + 2 * kFields) + kFields + 2, kBytes * getRows(),
          /*setupSlots=*/0, getRows() * (2 * kSums + kScaleSlots)};
}

VectorType VectorRowsAttr::getCodesType() const {
  return vectorOf(*this, 8, {1, kFields * kBytes});
}
MicroPreparation VectorRowsAttr::getPreparation() const { return {}; }
VectorType VectorRowsAttr::getPreparedType() const { return getCodesType(); }
Value VectorRowsAttr::prepare(OpBuilder &, Location, Value codes) const {
  return codes;
}
SmallVector<VectorType> VectorRowsAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {getRows() * kBytes})};
}
/// Each sum by itself, as VMLADAVA adds to a scalar register.
VectorType VectorRowsAttr::getFragmentType() const {
  return vectorOf(*this, 32, {getRows() * kSums, 1});
}
VectorType VectorRowsAttr::getSumsType() const {
  return vectorOf(*this, 32, {1, getRows()});
}

Value VectorRowsAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  return ValueBuilder(loc, builder).zero(getFragmentType());
}

/// `sum` and the sum of the products of signed bytes.
static Value addProducts(ValueBuilder &b, Value x, Value y, Value sum) {
  Value no = b.constant(b.getI32Type(), int64_t(0));
  return LLVM::CallIntrinsicOp::create(
             b, b.getI32Type(), b.getStringAttr("llvm.arm.mve.vmldava"),
             ValueRange{/*isUnsigned=*/no, /*subtracts=*/no, /*exchanges=*/no,
                        sum, x, y})
      .getResult(0);
}

/// The codes of each field. Where a vector is read, each field is read when it
/// is its turn: of eight registers three are masks, and LLVM would read all
/// fields first and make masks anew in each step.
static Value loadField(ValueBuilder &b, Value codes, int64_t field) {
  auto read = codes.getDefiningOp<vector::TransferReadOp>();
  auto type = read ? dyn_cast<MemRefType>(read.getBase().getType()) : nullptr;
  if (!type || !type.isLastDimUnitStride() || read.getMask() ||
      read.hasOutOfBoundsDim())
    return b.part(b.reshape(codes, {kFields, kBytes}), {field});
  // No instruction, and nothing is read before it. A piece of assembly would do
  // the same, but LLVM makes no loop of LE around one.
  if (field)
    LLVM::FenceOp::create(b, LLVM::AtomicOrdering::seq_cst, "singlethread");
  SmallVector<Value> at = read.getIndices();
  at.back() = b.add(at.back(), b.index(field * kBytes));
  return vector::LoadOp::create(b, b.vectorOf(kBytes, b.getI8Type()),
                                read.getBase(), at);
}

Value VectorRowsAttr::build(OpBuilder &builder, Location loc, Value codes,
                            ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  Value rows = b.reshape(weights[0], {getRows(), kBytes});
  for (int64_t field = 0; field < kFields; ++field) {
    Value x = loadField(b, codes, field);
    for (int64_t row = 0; row < getRows(); ++row) {
      Value bytes = b.part(rows, {row});
      Value digits = field < kSums ? b.bitAnd(bytes, 3 << 2 * field)
                                   : b.shiftRight(bytes, 2 * field);
      int64_t at[] = {row * kSums + field % kSums, 0};
      Value sum = addProducts(b, digits, x, b.part(fragment, at));
      fragment = b.withPart(fragment, sum, at);
    }
  }
  return fragment;
}

Value VectorRowsAttr::finish(OpBuilder &builder, Location loc,
                             Value fragment) const {
  ValueBuilder b(loc, builder);
  Value sums = b.zero(getSumsType());
  for (int64_t row = 0; row < getRows(); ++row) {
    Value sum = b.part(fragment, {row * kSums, 0});
    for (int64_t field = 1; field < kSums; ++field)
      sum = b.add(sum,
                  b.shiftRightSigned(b.part(fragment, {row * kSums + field, 0}),
                                     2 * field));
    sums = b.withPart(sums, sum, {0, row});
  }
  return sums;
}
