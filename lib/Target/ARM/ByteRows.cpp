//===- ByteRows.cpp - Products of rows of bytes by SMLAD ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HalfWords.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;
using namespace tern::arm;

using Values = SmallVector<Value>;

/// Columns of a step of codes as they are, and of prepared ones.
static constexpr int64_t kColumns = 4, kManyColumns = 16;
/// Instructions by which addresses go on.
static constexpr int64_t kStepSlots = 4;
/// Rows whose step is written in assembly, and the largest offset of a load.
static constexpr int64_t kAssembledRows = 4, kMaxOffset = 4095;

LogicalResult ByteRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t rows, int64_t prepared) {
  if (rows < 1)
    return emitError() << "expected a row at least, got " << rows;
  if (prepared < 0)
    return emitError()
           << "expected no less than 0 steps that are prepared, got "
           << prepared;
  return success();
}

std::string ByteRowsAttr::getKernelName() const { return "byte rows"; }

MicroTile ByteRowsAttr::getTile() const {
  return {/*tokens=*/1, getRows(), getPrepared() ? kManyColumns : kColumns};
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
  int64_t words = getTile().columns / 4, ofCodes = getPrepared() ? 1 : 3;
  return {(getRows() * 5 + ofCodes) * words + kStepSlots, 4 * words * getRows(),
          /*setupSlots=*/getPrepared() ? kPrepareSlots : 0.0};
}

VectorType ByteRowsAttr::getCodesType() const {
  return vectorOf(*this, 8, {1, getTile().columns});
}
MicroPreparation ByteRowsAttr::getPreparation() const {
  return prepareAll(getPrepared());
}
VectorType ByteRowsAttr::getPreparedType() const {
  return getPrepared() ? vectorOf(*this, 32, {getTile().columns / 2})
                       : getCodesType();
}
Value ByteRowsAttr::prepare(OpBuilder &builder, Location loc,
                            Value codes) const {
  ValueBuilder b(loc, builder);
  return getPrepared() ? vector::FromElementsOp::create(b, getPreparedType(),
                                                        extendBytes(b, codes))
                       : codes;
}
SmallVector<VectorType> ByteRowsAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {getRows(), getTile().columns})};
}
VectorType ByteRowsAttr::getFragmentType() const {
  return vectorOf(*this, 32, {1, getRows()});
}
VectorType ByteRowsAttr::getSumsType() const { return getFragmentType(); }

Value ByteRowsAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  return ValueBuilder(loc, builder).zero(getFragmentType());
}

/// Rows of four that loads reach from one address, if they lie `stride` bytes
/// apart: 4, 2, or 0 if not even two.
static int64_t countReached(int64_t stride) {
  for (int64_t rows : {4, 2})
    if (stride * (rows - 1) + kManyColumns - 4 <= kMaxOffset)
      return rows;
  return 0;
}

/// A step of four rows; LLVM would begin all words at once and spill sums.
/// Operands: $0 to $3 the sums, $4 a word, $9 the codes' address, $10 the
/// weights', $11 that of the third row if it is out of reach; r0 to r3 are
/// codes.
static std::string writeStep(int64_t stride) {
  std::string code;
  auto add = [&](const llvm::Twine &line) { code += (line + "\n\t").str(); };
  int64_t reached = countReached(stride);
  for (int64_t word = 0; word < kManyColumns / 4; ++word) {
    if (word % 2 == 0)
      add("ldm $9!, {r0, r1, r2, r3}");
    for (int64_t row = 0; row < kAssembledRows; ++row) {
      add("ldr $4, [$" + llvm::Twine(10 + row / reached) + ", #" +
          llvm::Twine(stride * (row % reached) + 4 * word) + "]");
      for (int64_t odd = 0; odd < 2; ++odd) {
        add(odd ? "sxtb16 r12, $4, ror #8" : "sxtb16 r12, $4");
        add("smlad $" + llvm::Twine(row) + ", r12, r" +
            llvm::Twine(word % 2 * 2 + odd) + ", $" + llvm::Twine(row));
      }
    }
  }
  return code;
}

/// Bytes from a row of the matrix that `weights` is read from to the next; 0 if
/// that is not known, or too many.
static int64_t findStride(Value weights) {
  auto read = weights.getDefiningOp<vector::TransferReadOp>();
  auto type = read ? dyn_cast<MemRefType>(read.getBase().getType()) : nullptr;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type || type.getRank() != 2 ||
      failed(type.getStridesAndOffset(strides, offset)) ||
      ShapedType::isDynamic(strides[0]) || !countReached(strides[0]))
    return 0;
  return strides[0];
}

/// `sums` of four rows after a step over codes and weights at these addresses.
static void assembleStep(ValueBuilder &b, int64_t stride, Value codes,
                         Value weights, Values &sums) {
  Values operands = {weights};
  if (countReached(stride) == 2)
    operands.push_back(b.add(weights, double(2 * stride)));
  StringRef addresses = operands.size() == 2 ? "r,r" : "r";
  operands.push_back(codes);
  llvm::append_range(operands, sums);
  SmallVector<Type> results(kAssembledRows + 6, b.getI32Type());
  std::string constraints =
      ("=&r,=&r,=&r,=&r,=&r,=&{r0},=&{r1},=&{r2},=&{r3},=&r," + addresses +
       ",9,0,1,2,3,~{r12},~{memory}")
          .str();
  Value all = LLVM::InlineAsmOp::create(
                  b, LLVM::LLVMStructType::getLiteral(b.getContext(), results),
                  operands, writeStep(stride), constraints,
                  /*has_side_effects=*/true, /*is_align_stack=*/false,
                  LLVM::TailCallKind::None, /*asm_dialect=*/nullptr,
                  /*operand_attrs=*/nullptr)
                  .getResult(0);
  for (int64_t row = 0; row < kAssembledRows; ++row)
    sums[row] = LLVM::ExtractValueOp::create(b, all, ArrayRef<int64_t>{row});
}

Value ByteRowsAttr::build(OpBuilder &builder, Location loc, Value codes,
                          ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  Values sums;
  for (int64_t row = 0; row < getRows(); ++row)
    sums.push_back(b.part(fragment, {0, row}));
  int64_t stride = findStride(weights[0]);
  bool isAssembled = getPrepared() && getRows() == kAssembledRows && stride;
  Value w = isAssembled ? findAddress(b, weights[0]) : Value();
  Value x = w ? findAddress(b, codes) : Value();
  if (x) {
    assembleStep(b, stride, x, w, sums);
    return vector::FromElementsOp::create(b, getFragmentType(), sums);
  }
  Values halves;
  for (int64_t i = 0; getPrepared() && i < getTile().columns / 2; ++i)
    halves.push_back(b.part(codes, {i}));
  if (!getPrepared())
    halves = extendBytes(b, codes);
  for (int64_t row = 0; row < getRows(); ++row) {
    Values w = extendBytes(b, b.part(weights[0], {row}));
    for (auto [two, codesOfTwo] : llvm::zip_equal(w, halves))
      sums[row] = addProducts(b, two, codesOfTwo, sums[row]);
  }
  return vector::FromElementsOp::create(b, getFragmentType(), sums);
}

Value ByteRowsAttr::finish(OpBuilder &, Location, Value fragment) const {
  return fragment;
}
