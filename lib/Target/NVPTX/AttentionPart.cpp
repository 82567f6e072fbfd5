//===- AttentionPart.cpp - What parts of attention share -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

AttentionPart::AttentionPart(LaneBuilder &b, AttendOp op,
                             const IRMapping &mapping)
    : b(b),
      shape(cast<KVCacheType>(op.getCache()), op.getTile(), op.getAtOnce()),
      layout(shape.layout), rows(shape.getRows()), planes(layout.planes()),
      fields(planes.empty() ? 0 : planes[0].fields()),
      n(largestCode(layout.bits)) {
  auto get = [&](Value value) { return mapping.lookup(value); };
  query = get(op.getQuery()), out = get(op.getOut());
  state = get(op.getState()), head = get(op.getHead());
  first = get(op.getFirst()), token = get(op.getToken());
  column = get(op.getColumn()), share = get(op.getShare());
  tokens = b.toWord(get(op.getTokens())), heads = b.toWord(get(op.getHeads()));
  seen = b.toWord(get(op.getSeen()));
  uses = llvm::map_to_vector(op.getUses(), get);
  end = shape.tile == 1 ? seen : b.sub(b.add(seen, tokens), 1);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Value AttentionPart::getToken(Value row) {
  if (shape.tile == 1)
    return b.i32(0);
  Value number = b.div(row, b.i32(shape.atOnce));
  return b.minUnsigned(number, b.sub(tokens, 1));
}

Value AttentionPart::getHead(Value row) {
  if (shape.atOnce == 1)
    return b.i32(0);
  Value number = shape.tile == 1 ? row : b.rem(row, shape.atOnce);
  return b.minUnsigned(number, b.sub(heads, 1));
}

Value AttentionPart::getSeen(Value row) {
  return shape.tile == 1 ? seen : b.add(seen, getToken(row));
}

Value AttentionPart::isThere(Value row) {
  Value number = b.div(row, b.i32(shape.atOnce));
  return b.bitAnd(b.isBelow(number, tokens),
                  b.isBelow(b.rem(row, shape.atOnce), heads));
}

static SmallVector<Value> placeOf(LaneBuilder &b, Value token, Value column,
                                  Value ahead, Value inRow) {
  return {b.add(token, b.toIndex(ahead)), b.add(column, b.toIndex(inRow))};
}

Value AttentionPart::loadQuery(Value row, Value dim) {
  Value inRow = b.add(b.mul(getHead(row), layout.headDim), dim);
  return b.load(query, placeOf(b, token, column, getToken(row), inRow));
}

void AttentionPart::storeResult(Value row, Value dim, Value x) {
  Value inRow = b.add(b.mul(getHead(row), layout.headDim), dim);
  b.store(x, out, placeOf(b, token, column, getToken(row), inRow));
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Value AttentionPart::getBlockAt(Value block) {
  return b.add(head, b.mul(block, layout.blockStep()));
}

Value AttentionPart::getBlocks() {
  return b.div(b.toIndex(b.add(end, kBlock - 1)), b.index(kBlock));
}

Value AttentionPart::getScored() {
  return b.div(b.toIndex(b.add(end, kGroupOf - 1)), b.index(kGroupOf));
}

Value AttentionPart::getColumn(int64_t i) {
  return b.add(b.mul(b.inGroup, 2), i);
}

LaneBuilder::Words AttentionPart::loadColumns(Use use, Value first) {
  return b.loadRun(uses[use], {first, b.toIndex(getColumn(0))}, 2);
}

void AttentionPart::ifColumn(int64_t i, function_ref<void()> body) {
  if (rows > 6 + i)
    return body();
  b.ifTrue(b.isBelow(getColumn(i), rows), body);
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// Of planes of more fields a word has those of some chunks of the widest one.
LaneBuilder::Words AttentionPart::loadPlanes(Value at, Value row, Value chunk,
                                             int64_t turn, bool isKey) {
  Words words;
  for (auto [index, plane] : llvm::enumerate(planes)) {
    int64_t share = plane.fields() / fields, ahead = 4 * turn / share;
    int64_t chunks =
        isKey ? layout.keyChunks(plane) : layout.valueChunks(plane);
    int64_t offset =
        isKey ? layout.keyPlaneOffset(index) : layout.valuePlaneOffset(index);
    Value number = b.add(b.div(chunk, b.i32(share)), ahead);
    number = b.clamp(number, chunks - 1, ahead + 3 / share);
    Value inPlane =
        b.add(b.mul(number, CacheLayout::chunkBytes), b.mul(row, 4));
    Value byte = b.add(b.add(at, b.toIndex(inPlane)), offset);
    Value word = b.loadWords(state, byte, 1)[0];
    if (share > 1)
      word =
          b.shiftRightBy(word, b.mul(b.rem(chunk, share), fields * plane.bits));
    words.push_back(word);
  }
  return words;
}

Value AttentionPart::unpack(ArrayRef<Value> words, int64_t field) {
  Value code;
  for (auto [word, plane] : llvm::zip_equal(words, planes)) {
    if (plane.bits == 8)
      return word;
    int64_t down = field * plane.bits - plane.firstBit;
    Value part = down < 0   ? b.shiftLeft(word, -down)
                 : down > 0 ? b.shiftRight(word, down)
                            : word;
    part = b.bitAnd(part, 0x01010101 * (plane.mask() << plane.firstBit));
    code = code ? b.bitOr(code, part) : part;
  }
  return code;
}
