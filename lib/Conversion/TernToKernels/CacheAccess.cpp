//===- CacheAccess.cpp - Bytes of the KV cache in kernels -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CacheAccess.h"

#include "tern/Conversion/TernToKernels.h"
#include "tern/Kernels/FloatBits.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

//===----------------------------------------------------------------------===//
// HeadCache
//===----------------------------------------------------------------------===//

HeadCache::HeadCache(KernelBuilder &b, TypedValue<KVCacheType> cache,
                     Value layer, Value head, Value token)
    : b(b), layout(getCacheLayout(cache.getType())),
      widensByCpu(hasHalfFloats(cache.getParentRegion()->getParentOp())) {
  int64_t size = layout.stateBytes(cache.getType().getCapacity());
  Value address = StateAddressOp::create(b, b.getIndexType(), cache, token);
  bytes =
      FromAddressOp::create(b, MemRefType::get({size}, b.getI8Type()), address);
  layerHead = b.add(b.mul(layer, layout.heads), head);
}

Value HeadCache::getBlock(Value block) {
  Value inBlock = b.mul(layerHead, layout.headBytes());
  Value start = b.add(b.mul(block, layout.blockStep()), layout.blocksOffset());
  return b.add(start, inBlock);
}

void HeadCache::prefetchBlock(Value offset, int64_t bytes, int64_t blocks) {
  if (!prefetches())
    return;
  Value next = b.add(offset, double(blocks * layout.blockStep()));
  for (int64_t at = 0; at < bytes; at += CacheLayout::alignment)
    b.prefetch(this->bytes, b.add(next, at));
}

Value HeadCache::getFirstRows() {
  return b.add(b.mul(layerHead, layout.firstRowBytes()),
               layout.firstRowsOffset());
}

Value HeadCache::loadHalves(Value offset, int64_t count) {
  Value loaded = b.load(b.vectorOf(2 * count, b.getI8Type()), bytes, offset);
  Value bits = b.bitcast(b.vectorOf(count, b.getI16Type()), loaded);
  return buildHalfToFloat(b, b.getLoc(), bits, widensByCpu);
}

void HeadCache::storeHalves(Value halves, Value offset) {
  auto type = dyn_cast<VectorType>(halves.getType());
  if (!type) {
    type = b.vectorOf(1, b.getI16Type());
    halves = b.splat(type, halves);
  }
  auto pairs = b.vectorOf(2 * type.getNumElements(), b.getI8Type());
  b.store(b.bitcast(pairs, halves), bytes, offset);
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

int64_t CodeUnit::getFields(const std::vector<CachePlane> &planes) {
  int64_t fields = 0;
  for (const CachePlane &plane : planes)
    fields = std::max(fields, plane.fields());
  return fields;
}

Value CodeUnit::loadChunk(size_t plane, int64_t chunk) {
  Value &value = loaded[{plane, chunk}];
  if (!value)
    value = b.load(b.vectorOf(4 * lanes, b.getI8Type()), bytes,
                   b.add(starts[plane], chunk * CacheLayout::chunkBytes));
  return value;
}

/// Words are shifted, as no machine shifts bytes; a mask takes off what came in
/// from the next byte.
Value CodeUnit::loadField(int64_t field) {
  Type words = b.vectorOf(lanes, b.getI32Type()), type;
  Value code;
  for (auto [index, plane] : llvm::enumerate(planes)) {
    Value part = loadChunk(index, field / plane.fields());
    if (plane.bits == 8)
      return part;
    type = part.getType();
    part = b.bitcast(words, part);
    int64_t down = field % plane.fields() * plane.bits - plane.firstBit;
    part = down < 0 ? b.shiftLeft(part, -down) : b.shiftRight(part, down);
    part = b.bitAnd(part, 0x01010101 * (plane.mask() << plane.firstBit));
    code = code ? b.bitOr(code, part) : part;
  }
  return b.bitcast(type, code);
}

Value tern::flipHighBit(KernelBuilder &b, Value x) { return b.bitXor(x, 0x80); }

Value QuadLoader::load(int64_t number, Value row, Value column, int64_t quad) {
  int64_t lanes = dot.getLanes(), ofVector = dot.broadcastsLanes() ? lanes : 1;
  int64_t place = quad % ofVector;
  Value &bytes = loaded[number];
  if (place == 0) {
    int64_t count = 4 * std::min(ofVector, quads - quad);
    // Rows begin at multiples of more; machines without loads of any address
    // would take bytes.
    bytes = vector::LoadOp::create(b, b.vectorOf(count, b.getI8Type()), memory,
                                   ValueRange{row, b.add(column, 4 * quad)},
                                   /*nontemporal=*/false, llvm::MaybeAlign(4));
  }
  return lanes == 1 ? bytes : b.broadcastFour(bytes, 4 * place, lanes);
}

//===----------------------------------------------------------------------===//
// Rows to codes
//===----------------------------------------------------------------------===//

Value tern::buildAbsMax(KernelBuilder &b, Value rows, Value token, Value column,
                        int64_t n) {
  int64_t width = getHeadLanes(b);
  auto magnitudes = [&](Value i, int64_t lanes) {
    Type type = b.vectorOf(lanes, b.getF32Type());
    return b.magnitudeBits(b.load(type, rows, {token, b.add(column, i)}));
  };
  auto larger = [&](Value x, Value y) { return b.maxSigned(x, y); };
  Value most = b.zero(b.vectorOf(width, b.getI32Type()));
  int64_t whole = n / width * width;
  if (whole)
    most = b.loop(b.index(0), b.index(whole), width, most,
                  [&](Value i, ValueRange carried) -> SmallVector<Value> {
                    return {larger(magnitudes(i, width), carried[0])};
                  })[0];
  if (whole != n)
    most =
        larger(b.padLanes(magnitudes(b.index(whole), n - whole), width), most);
  Value result = b.bitcast(b.getF32Type(), b.mostOfSigned(most));
  return b.max(b.constant(b.getF32Type(), 1e-5), result);
}

RowScale tern::buildRowScale(KernelBuilder &b, Value rows, Value token,
                             Value column, int64_t n) {
  Value most = buildAbsMax(b, rows, token, column, n);
  Value bits = buildFloatToHalf(b, b.getLoc(), most);
  return {bits, buildHalfToFloat(b, b.getLoc(), bits)};
}
