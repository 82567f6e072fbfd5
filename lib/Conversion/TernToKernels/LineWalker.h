//===- LineWalker.h - Digits of any layout, row or column ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loops derived from the parts of a layout: what the portable kernels are made
// of.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_LINEWALKER_H
#define TERN_CONVERSION_TERNTOKERNELS_LINEWALKER_H

#include "Products.h"

#include "tern/Kernels/Digits.h"

namespace tern {

/// Walks a line of digits: a row along the columns or a column along the rows.
class LineWalker {
public:
  using Values = llvm::SmallVector<mlir::Value>;
  /// Gets a digit as i32, its index along the line and what is carried.
  using Body = llvm::function_ref<Values(mlir::Value digit, mlir::Value index,
                                         mlir::ValueRange carried)>;

  LineWalker(KernelBuilder &b, const WeightInfo &weight, Axis line,
             mlir::Value at)
      : b(b), weight(weight), layout(*weight.layout), line(line), at(at) {}

  /// Tiles firstTile .. endTile-1 of the line.
  Values walk(mlir::Value firstTile, mlir::Value endTile,
              mlir::ValueRange inits, Body body) {
    int64_t tilesAlong = line == Axis::Row ? rowTiles() : columnTiles();
    int64_t tilesAcross = line == Axis::Row ? columnTiles() : rowTiles();
    bool isContiguous = layout.outer == line;
    int64_t lineStride = layout.tileBytes() * (isContiguous ? tilesAcross : 1);
    int64_t tileStride = layout.tileBytes() * (isContiguous ? 1 : tilesAlong);
    mlir::Value start = b.mul(b.div(at, tileExtent(line)), lineStride);
    collectParts(start);
    return b.loop(firstTile, endTile, 1, inits,
                  [&](mlir::Value tile, mlir::ValueRange carried) {
                    mlir::Value byte = b.add(start, b.mul(tile, tileStride));
                    mlir::Value index = b.mul(tile, tileExtent(other()));
                    return walkPart(0, byte, index, carried, body);
                  });
  }

private:
  struct WalkedPart {
    int64_t size, byteStride, indexStride;
  };

  Axis other() const { return line == Axis::Row ? Axis::Column : Axis::Row; }
  int64_t tileExtent(Axis axis) const {
    return axis == Axis::Row ? layout.tileRows() : layout.tileColumns();
  }
  int64_t rowTiles() const { return weight.rows / layout.tileRows(); }
  int64_t columnTiles() const { return weight.columns / layout.tileColumns(); }

  /// Where the line is within a part of its own axis.
  mlir::Value position(const LayoutPart &part) {
    return b.rem(b.div(at, part.stride), part.size);
  }

  /// Parts across the line are loops to come; those of the line's own axis add
  /// a fixed offset to `start`.
  void collectParts(mlir::Value &start) {
    int64_t byteStride = layout.digitBytes();
    for (const LayoutPart &part : layout.bytes) {
      byteStride /= part.size;
      if (part.axis == line)
        start = b.add(start, b.mul(position(part), byteStride));
      else if (part.axis == other())
        parts.push_back({part.size, byteStride, part.stride});
    }
  }

  Values walkPart(size_t depth, mlir::Value byte, mlir::Value index,
                  mlir::ValueRange carried, Body body) {
    if (depth == parts.size())
      return walkField(byte, index, carried, body);
    const WalkedPart &part = parts[depth];
    return b.loop(b.index(0), b.index(part.size), 1, carried,
                  [&](mlir::Value i, mlir::ValueRange carried) {
                    return walkPart(depth + 1,
                                    b.add(byte, b.mul(i, part.byteStride)),
                                    b.add(index, b.mul(i, part.indexStride)),
                                    carried, body);
                  });
  }

  Values walkField(mlir::Value byte, mlir::Value index,
                   mlir::ValueRange carried, Body body) {
    const Codec &codec = *layout.codec;
    mlir::Value word = weight.loadWord(b, byte);
    mlir::Value ofLine; // the part of the digit's number that the line fixes
    llvm::SmallVector<std::pair<int64_t, int64_t>> across = {{0, 0}};
    int64_t stride = codec.wordDigits;
    for (const LayoutPart &part : layout.digits) {
      stride /= part.size;
      if (part.axis == line) {
        mlir::Value number = b.mul(position(part), stride);
        ofLine = ofLine ? b.add(ofLine, number) : number;
        continue;
      }
      llvm::SmallVector<std::pair<int64_t, int64_t>> next;
      for (auto [number, along] : across)
        for (int64_t i = 0; i < part.size; ++i)
          next.push_back({number + i * stride, along + i * part.stride});
      across = std::move(next);
    }
    Values values = llvm::to_vector(carried);
    for (auto [number, along] : across) {
      mlir::Value digit =
          ofLine ? buildDigit(b, codec, word, b.add(ofLine, number))
                 : buildDigit(b, codec, word, number);
      values = body(digit, b.add(index, along), values);
    }
    return values;
  }

  KernelBuilder &b;
  const WeightInfo &weight;
  const Layout &layout;
  Axis line;
  mlir::Value at;
  llvm::SmallVector<WalkedPart> parts;
};

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_LINEWALKER_H
