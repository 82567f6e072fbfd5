//===- Tiles.cpp - Sums in tile registers of AMX --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All tiles have one shape, 16 rows of 64 bytes: LLVM gives each register one
// shape in a function.
//
//===----------------------------------------------------------------------===//

#include "Tiles.h"

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/X86/X86.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;
using namespace tern::x86;

using Values = SmallVector<Value>;

/// Rows of a tile; sums in one of them, and columns of codes or of digits.
static constexpr int64_t kRows = 16, kSums = 16, kColumns = 64;
static constexpr int64_t kTiles = 8; // of the processor
/// Steps of the panel, of four columns each, and the bytes of a vector of it.
static constexpr int64_t kSteps = kColumns / 4, kVectorBytes = 4 * kSums;
/// Stored.
static constexpr int64_t kMaxDigit = 2;
/// Instructions that take the offset off a vector of sums and convert, scale
/// and add it.
static constexpr int64_t kScaleSlots = 5;

//===----------------------------------------------------------------------===//
// The attribute
//===----------------------------------------------------------------------===//

LogicalResult TilesAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t panel, int64_t first, int64_t vectors,
                                int64_t tokens) {
  if (first < 0 || vectors < 1 || panel < 1 || panel % vectors ||
      first % vectors || first >= panel)
    return emitError() << "expected a part of " << panel
                       << " vectors, from a multiple of their number on, got "
                       << vectors << " from " << first;
  if (tokens < 1 || tokens % kRows)
    return emitError() << "expected a multiple of " << kRows << " tokens, got "
                       << tokens;
  // Codes of all tokens and one tile of digits beside the sums.
  int64_t tiles = tokens / kRows * (vectors + 1) + 1;
  if (tiles > kTiles)
    return emitError() << "expected to take up to " << kTiles << " tiles, got "
                       << tiles;
  return success();
}

std::string TilesAttr::getKernelName() const { return "tiles"; }

MicroTile TilesAttr::getTile() const {
  return {getTokens(), getVectors() * kSums, kColumns, getFirst() * kSums};
}

SmallVector<Attribute> TilesAttr::getParts() const {
  SmallVector<Attribute> parts;
  for (int64_t v = 0; v < getPanel(); v += getVectors())
    parts.push_back(
        get(getContext(), getPanel(), v, getVectors(), getTokens()));
  return parts;
}

bool TilesAttr::reads(const std::optional<Layout> &layout) const {
  return layout &&
         layout->withoutScales() == UnpackedRows{kSums, getPanel()}.layout();
}

CodeRange TilesAttr::getCodeRange() const { return {-128, 127}; }

int64_t TilesAttr::getMaxColumns() const {
  return ((int64_t(1) << 31) - 1) / (kMaxDigit * 128);
}

int64_t TilesAttr::getOffset() const { return 1; }

/// A product takes sixteen cycles, in which four slots each are free. To end a
/// group, tiles go through memory, at a cycle for each vector of one, which are
/// then scaled and added to floats in memory.
MicroCost TilesAttr::getCost() const {
  int64_t tiles = getTokens() / kRows;
  return {tiles * getVectors() * 16 * 4 + (tiles + getVectors()) * 4,
          getVectors() * kRows * kColumns, /*setupSlots=*/0,
          tiles * getVectors() * kRows * (4 + kScaleSlots + 3)};
}

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

VectorType TilesAttr::getCodesType() const {
  return vectorOf(*this, 8, {getTokens(), kColumns});
}

MicroPreparation TilesAttr::getPreparation() const { return {}; }

VectorType TilesAttr::getPreparedType() const { return getCodesType(); }

Value TilesAttr::prepare(OpBuilder &, Location, Value codes) const {
  return codes;
}

/// Steps of the panel, all its vectors.
SmallVector<VectorType> TilesAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {kSteps, getPanel() * kVectorBytes})};
}

VectorType TilesAttr::getFragmentType() const {
  return vectorOf(*this, 32, {getTokens() / kRows, getVectors(), kRows, kSums});
}

VectorType TilesAttr::getSumsType() const {
  return vectorOf(*this, 32, {getTokens(), 1, getVectors() * kSums});
}

//===----------------------------------------------------------------------===//
// Tiles and vectors
//===----------------------------------------------------------------------===//

std::optional<SmallVector<Type>> x86::getTilesOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector || vector.getRank() != 4 ||
      !vector.getElementType().isInteger(32) ||
      vector.getShape().take_back(2) != ArrayRef<int64_t>{kRows, kSums})
    return std::nullopt;
  Type tile = amx::TileType::get({kRows, kSums}, vector.getElementType());
  return SmallVector<Type>(vector.getDimSize(0) * vector.getDimSize(1), tile);
}

/// tern-carry-tiles resolves these casts.
static Values split(ValueBuilder &b, Value fragment) {
  return Values(UnrealizedConversionCastOp::create(
                    b, *getTilesOf(fragment.getType()), fragment)
                    .getResults());
}

static Value join(ValueBuilder &b, VectorType type, ValueRange tiles) {
  return UnrealizedConversionCastOp::create(b, TypeRange(type), tiles)
      .getResult(0);
}

namespace {
/// Memory whose last two dimensions hold a vector, from `indices` on.
struct Place {
  Value memory;
  Values indices;
};
} // namespace

static Place allocate(ValueBuilder &b, VectorType type) {
  auto memory = memref::AllocOp::create(
      b, MemRefType::get(type.getShape(), type.getElementType()),
      b.getI64IntegerAttr(kColumns));
  return {memory, Values(2, b.index(0))};
}

/// The buffer that `vector` is read from, which nobody writes while a product
/// reads it, or one that the vector is written to.
static Place findPlace(ValueBuilder &b, Value vector) {
  auto read = vector.getDefiningOp<vector::TransferReadOp>();
  if (read && isa<MemRefType>(read.getBase().getType()) &&
      read.getPermutationMap().isMinorIdentity() && !read.getMask() &&
      !read.hasOutOfBoundsDim())
    return {read.getBase(), Values(read.getIndices())};
  Place place = allocate(b, cast<VectorType>(vector.getType()));
  SmallVector<bool> inBounds(2, true);
  vector::TransferWriteOp::create(b, vector, place.memory, place.indices,
                                  ArrayRef<bool>(inBounds));
  return place;
}

static Values offsetBy(ValueBuilder &b, const Place &place, int64_t row,
                       int64_t column) {
  Values indices = place.indices;
  size_t rank = indices.size();
  indices[rank - 2] = b.add(indices[rank - 2], b.index(row));
  indices[rank - 1] = b.add(indices[rank - 1], b.index(column));
  return indices;
}

static Value load(ValueBuilder &b, const Place &place, int64_t row,
                  int64_t column) {
  Type type = amx::TileType::get({kRows, kColumns}, b.getI8Type());
  return amx::TileLoadOp::create(b, type, place.memory,
                                 offsetBy(b, place, row, column));
}

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

Value TilesAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  ValueBuilder b(loc, builder);
  Values zeros;
  auto tiles = getTilesOf(getFragmentType());
  for (Type type : *tiles)
    zeros.push_back(amx::TileZeroOp::create(b, type));
  return join(b, getFragmentType(), zeros);
}

Value TilesAttr::build(OpBuilder &builder, Location loc, Value codes,
                       ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  Values sums = split(b, fragment);
  Place left = findPlace(b, codes), right = findPlace(b, weights[0]);
  Values tokens;
  for (int64_t t = 0; t < getTokens(); t += kRows)
    tokens.push_back(load(b, left, t, 0));
  for (int64_t v = 0; v < getVectors(); ++v) {
    Value digits = load(b, right, 0, (getFirst() + v) * kVectorBytes);
    for (auto [t, tile] : llvm::enumerate(tokens)) {
      Value &sum = sums[t * getVectors() + v];
      sum = amx::TileMulIOp::create(b, sum.getType(), tile, digits, sum,
                                    /*isZextLhs=*/false, /*isZextRhs=*/true);
    }
  }
  return join(b, getFragmentType(), sums);
}

/// Tiles go to vectors by way of memory.
Value TilesAttr::finish(OpBuilder &builder, Location loc,
                        Value fragment) const {
  ValueBuilder b(loc, builder);
  auto type = vectorOf(*this, 32, {getTokens(), getVectors() * kSums});
  Place place = allocate(b, type);
  Values tiles = split(b, fragment);
  for (auto [i, tile] : llvm::enumerate(tiles))
    amx::TileStoreOp::create(b, place.memory,
                             offsetBy(b, place, kRows * (i / getVectors()),
                                      kSums * (i % getVectors())),
                             tile);
  SmallVector<bool> inBounds(2, true);
  Value sums = vector::TransferReadOp::create(
      b, type, place.memory, place.indices, b.zero(b.getI32Type()),
      ArrayRef<bool>(inBounds));
  return b.reshape(sums, getSumsType().getShape());
}
