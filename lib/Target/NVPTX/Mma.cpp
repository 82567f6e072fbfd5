//===- Mma.cpp - Products in tensor cores ---------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Target/NVPTX/NVPTX.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"
#include "tern/Packing/Codec.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "tern/Target/NVPTX/NVPTXDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/NVPTX/NVPTXAttrs.cpp.inc"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

/// Of the instruction, and columns of a tile.
static constexpr int64_t kRows = 16, kTokens = 8, kColumns = 128;
static constexpr int64_t kTileBytes = kRows * kColumns / 4;
/// A sum for each row and token, and each of four fields.
static constexpr int64_t kSums = 4 * kRows * kTokens;

void TernNVPTXDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tern/Target/NVPTX/NVPTXAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "tern/Target/NVPTX/NVPTXOps.cpp.inc"
      >();
}

LogicalResult MmaAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                              int64_t tokens) {
  if (tokens == 1 || tokens == kTokens)
    return success();
  return emitError() << "expected 1 or " << kTokens << " tokens, got "
                     << tokens;
}

Layout MmaAttr::getLayout() {
  Layout layout;
  layout.codec = &codecs::b2;
  layout.outer = Axis::Row;
  layout.digits = {{Axis::Column, 4, 8}};
  layout.bytes = {{Axis::Row, 8, 1},
                  {Axis::Column, 4, 32},
                  {Axis::Column, 2, 4},
                  {Axis::Row, 2, 8},
                  {Axis::Column, 4, 1}};
  return layout;
}

//===----------------------------------------------------------------------===//
// The attribute
//===----------------------------------------------------------------------===//

std::string MmaAttr::getKernelName() const { return "mma"; }

MicroTile MmaAttr::getTile() const { return {getTokens(), kRows, kColumns}; }

SmallVector<Attribute> MmaAttr::getParts() const { return {*this}; }

bool MmaAttr::reads(const std::optional<Layout> &layout) const {
  return layout && layout->withoutScales() == getLayout();
}

CodeRange MmaAttr::getCodeRange() const { return {-128, 127}; }

/// A field has a quarter of the columns, and digits up to 2 << 6.
int64_t MmaAttr::getMaxColumns() const {
  return ((int64_t(1) << 31) - 1) / (2 * 64 * 128) * 4;
}

int64_t MmaAttr::getOffset() const { return 1; }

/// Of a warp: loads, four fields of four words, four products.
MicroCost MmaAttr::getCost() const {
  return {30, kTileBytes, /*setupSlots=*/0, /*groupSlots=*/60};
}

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

VectorType MmaAttr::getCodesType() const {
  return vectorOf(*this, 8, {getTokens(), kColumns});
}

MicroPreparation MmaAttr::getPreparation() const { return {}; }

VectorType MmaAttr::getPreparedType() const { return getCodesType(); }

Value MmaAttr::prepare(OpBuilder &, Location, Value codes) const {
  return codes;
}

SmallVector<VectorType> MmaAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {kTileBytes})};
}

VectorType MmaAttr::getFragmentType() const {
  return vectorOf(*this, 32, {kSums});
}

VectorType MmaAttr::getSumsType() const {
  return vectorOf(*this, 32, {getTokens(), kRows});
}

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

Value MmaAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  ValueBuilder b(loc, builder);
  return b.zero(getFragmentType());
}

/// Lanes read their codes where the vector was read from.
static Value readCodes(ValueBuilder &b, Value codes, int64_t tokens) {
  auto type = VectorType::get({kTokens, kColumns}, b.getI8Type());
  Value part = codes;
  if (auto insert = codes.getDefiningOp<vector::InsertStridedSliceOp>())
    part = insert.getValueToStore();
  auto read = part.getDefiningOp<vector::TransferReadOp>();
  int64_t width = cast<VectorType>(part.getType()).getDimSize(1);
  if (read && isa<MemRefType>(read.getBase().getType()) &&
      read.getPermutationMap().isMinorIdentity() && !read.hasOutOfBoundsDim())
    return ReadCodesOp::create(b, b.getLoc(), type, read.getBase(),
                               read.getIndices(), tokens, width);
  auto memory = memref::AllocOp::create(
      b, b.getLoc(), MemRefType::get({tokens, kColumns}, b.getI8Type()),
      b.getI64IntegerAttr(64));
  SmallVector<Value> from(2, b.index(0));
  SmallVector<bool> inBounds(2, true);
  vector::TransferWriteOp::create(b, b.getLoc(), codes, memory, from,
                                  ArrayRef<bool>(inBounds));
  return ReadCodesOp::create(b, b.getLoc(), type, memory, from, tokens,
                             kColumns);
}

Value MmaAttr::build(OpBuilder &builder, Location loc, Value codes,
                     ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  return MmaOp::create(b, loc, getFragmentType(), weights[0],
                       readCodes(b, codes, getTokens()), fragment);
}

Value MmaAttr::finish(OpBuilder &builder, Location loc, Value fragment) const {
  return FinishSumsOp::create(builder, loc, getSumsType(), fragment);
}
