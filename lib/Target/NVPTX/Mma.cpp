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

/// Of the instruction.
static constexpr int64_t kRows = 16, kTokens = 8;

/// Bytes of the digits of a tile.
static int64_t getTileBytes(MmaAttr kernel) {
  return kRows * kernel.getColumns() / 4;
}

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
                              int64_t tokens, int64_t rows, bool bytes,
                              int64_t columns) {
  if (!llvm::is_contained({1, 8, 16, 64}, tokens))
    return emitError() << "expected 1, 8, 16 or 64 tokens, got " << tokens;
  if (rows != kRows && (tokens != 64 || rows != 2 * kRows))
    return emitError() << "expected 16 rows, or 32 of 64 tokens, got " << rows;
  if (!llvm::is_contained({32, 64, 128}, columns) || (bytes && columns != 128))
    return emitError() << "expected 128 columns, or 64 or 32 of digits, got "
                       << columns;
  return success();
}

/// A lane has columns that follow each other, eight of them for a product, of
/// two rows. Fields of a byte are a product each, or what its words are of.
Layout MmaAttr::getLayout() const {
  Layout layout;
  layout.codec = &codecs::b2;
  layout.outer = Axis::Row;
  switch (getColumns()) {
  case 128:
    layout.digits = {{Axis::Column, 4, 8}};
    layout.bytes = {{Axis::Row, 8, 1},
                    {Axis::Column, 4, 32},
                    {Axis::Column, 2, 4},
                    {Axis::Row, 2, 8},
                    {Axis::Column, 4, 1}};
    break;
  case 64:
    layout.digits = {{Axis::Column, 4, 4}};
    layout.bytes = {{Axis::Row, 8, 1},
                    {Axis::Column, 4, 16},
                    {Axis::Row, 2, 8},
                    {Axis::Column, 4, 1}};
    break;
  default:
    layout.digits = {{Axis::Column, 2, 4}, {Axis::Row, 2, 8}};
    layout.bytes = {
        {Axis::Row, 8, 1}, {Axis::Column, 4, 8}, {Axis::Column, 4, 1}};
  }
  return layout;
}

//===----------------------------------------------------------------------===//
// The attribute
//===----------------------------------------------------------------------===//

std::string MmaAttr::getKernelName() const {
  return getBytes() ? "mma of bytes" : "mma";
}

MicroTile MmaAttr::getTile() const {
  return {getTokens(), getRows(), getColumns()};
}

SmallVector<Attribute> MmaAttr::getParts() const { return {*this}; }

bool MmaAttr::reads(const std::optional<Layout> &layout) const {
  return getBytes() ? !layout
                    : layout && layout->withoutScales() == getLayout();
}

CodeRange MmaAttr::getCodeRange() const { return {-128, 127}; }

/// A field has a quarter of the columns, and digits up to 2 << 6.
int64_t MmaAttr::getMaxColumns() const {
  int64_t most = (int64_t(1) << 31) - 1;
  return getBytes() ? most / (128 * 128) : most / (2 * 64 * 128) * 4;
}

int64_t MmaAttr::getOffset() const { return getBytes() ? 0 : 1; }

/// Of a warp: loads, four fields of four words, products.
MicroCost MmaAttr::getCost() const {
  int64_t rowTiles = countRowTiles();
  int64_t products = countProducts();
  return {14 + rowTiles * products * (4 + countTokenTiles()),
          (getBytes() ? 4 : rowTiles) * getTileBytes(*this),
          /*setupSlots=*/0, /*groupSlots=*/60};
}

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

VectorType MmaAttr::getCodesType() const {
  return vectorOf(*this, 8, {getTokens(), getColumns()});
}

MicroPreparation MmaAttr::getPreparation() const { return {}; }

VectorType MmaAttr::getPreparedType() const { return getCodesType(); }

Value MmaAttr::prepare(OpBuilder &, Location, Value codes) const {
  return codes;
}

SmallVector<VectorType> MmaAttr::getWeightTypes() const {
  if (getBytes())
    return {vectorOf(*this, 8, {kRows, getColumns()})};
  if (countRowTiles() == 1)
    return {vectorOf(*this, 8, {getTileBytes(*this)})};
  return {vectorOf(*this, 8, {countRowTiles(), getTileBytes(*this)})};
}

VectorType MmaAttr::getFragmentType() const {
  return vectorOf(
      *this, 32,
      {countRowTiles() * countTokenTiles() * countFields() * kRows * kTokens});
}

VectorType MmaAttr::getSumsType() const {
  return vectorOf(*this, 32, {getTokens(), getRows()});
}

bool MmaAttr::storesSums() const { return true; }

/// As the sums of fields together.
VectorType MmaAttr::getTotalType() const {
  int64_t count = countRowTiles() * countTokenTiles() * kRows * kTokens;
  return VectorType::get({count}, Float32Type::get(getContext()));
}

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

Value MmaAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  ValueBuilder b(loc, builder);
  return b.zero(getFragmentType());
}

/// Memory that lanes read their parts of a vector from.
namespace {
struct Place {
  Value memory;
  SmallVector<Value> indices;
  int64_t width;
};
} // namespace

/// Where `vector` was read from, in front of zeros; otherwise a copy of it.
static Place findPlace(ValueBuilder &b, Value vector) {
  Value part = vector;
  if (auto insert = vector.getDefiningOp<vector::InsertStridedSliceOp>())
    part = insert.getValueToStore();
  auto read = part.getDefiningOp<vector::TransferReadOp>();
  if (read && isa<MemRefType>(read.getBase().getType()))
    return {read.getBase(), llvm::to_vector(read.getIndices()),
            cast<VectorType>(part.getType()).getShape().back()};
  auto type = cast<VectorType>(vector.getType());
  auto memory = memref::AllocOp::create(
      b, b.getLoc(), MemRefType::get(type.getShape(), type.getElementType()),
      b.getI64IntegerAttr(64));
  SmallVector<Value> from(type.getRank(), b.index(0));
  SmallVector<bool> inBounds(type.getRank(), true);
  vector::TransferWriteOp::create(b, b.getLoc(), vector, memory, from,
                                  ArrayRef<bool>(inBounds));
  return {memory, from, type.getShape().back()};
}

Value MmaAttr::build(OpBuilder &builder, Location loc, Value codes,
                     ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  Place weight = findPlace(b, weights[0]), code = findPlace(b, codes);
  return MmaOp::create(b, loc, getFragmentType(), *this, weight.memory,
                       weight.indices, code.memory, code.indices, code.width,
                       fragment);
}

/// Its sums are stored where they are, so that nobody asks.
Value MmaAttr::finish(OpBuilder &, Location, Value) const {
  llvm_unreachable("expected a kernel that does not store sums");
}
