//===- CacheAccess.h - Bytes of the KV cache in kernels ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_CACHEACCESS_H
#define TERN_CONVERSION_TERNTOKERNELS_CACHEACCESS_H

#include "tern/Kernels/CacheCodes.h"

#include <map>

namespace tern {

/// Elements of a head's row to take at a time: not more than a group has.
inline int64_t getHeadLanes(const KernelBuilder &b) {
  return std::min(b.getRowLanes(), CacheLayout::lanes);
}

/// The part of one kv head of one layer in the state of one token's sequence.
class HeadCache {
public:
  HeadCache(KernelBuilder &b, mlir::TypedValue<KVCacheType> cache,
            mlir::Value layer, mlir::Value head, mlir::Value token);

  const CacheLayout &getLayout() const { return layout; }
  /// The whole state, memref<N x i8>; all offsets are from its start.
  mlir::Value getBytes() const { return bytes; }
  /// Where this head's part of a block starts.
  mlir::Value getBlock(mlir::Value block);
  /// False on machines without vectors, whose memory is near.
  bool prefetches() const { return b.getRowLanes() >= CacheLayout::lanes; }
  /// Asks for `bytes` bytes, `blocks` blocks behind `offset`: a head's blocks
  /// lie far apart, so no stream leads from one to the next.
  void prefetchBlock(mlir::Value offset, int64_t bytes, int64_t blocks = 1);
  /// Where its part of the first rows starts.
  mlir::Value getFirstRows();

  /// `count` f16 values at `offset`, as a vector of f32.
  mlir::Value loadHalves(mlir::Value offset, int64_t count);
  /// f16 bits (i16 or a vector of them) to `offset`.
  void storeHalves(mlir::Value halves, mlir::Value offset);

private:
  KernelBuilder &b;
  CacheLayout layout;
  bool widensByCpu; ///< f16 values
  mlir::Value bytes, layerHead;
};

/// Codes of one chunk of every plane: the fewest whose planes all end together.
/// Field f holds, in 32 bit lane l, four codes that differ in what dot products
/// sum over.
class CodeUnit {
public:
  /// `starts` are the offsets of this unit in each plane.
  CodeUnit(KernelBuilder &b, mlir::Value bytes,
           const std::vector<CachePlane> &planes,
           llvm::ArrayRef<mlir::Value> starts, int64_t lanes)
      : b(b), bytes(bytes), planes(planes), starts(starts), lanes(lanes) {}

  /// Fields of a unit.
  static int64_t getFields(const std::vector<CachePlane> &planes);

  /// vector<4*lanes x i8> of codes.
  mlir::Value loadField(int64_t field);

private:
  mlir::Value loadChunk(size_t plane, int64_t chunk);

  KernelBuilder &b;
  mlir::Value bytes;
  const std::vector<CachePlane> &planes;
  llvm::ArrayRef<mlir::Value> starts;
  int64_t lanes;
  std::map<std::pair<size_t, int64_t>, mlir::Value> loaded;
};

/// x - 128 of unsigned bytes, as signed ones, and back.
mlir::Value flipHighBit(KernelBuilder &b, mlir::Value x);

/// Fours of bytes of some rows, each in all lanes of a dot product.
class QuadLoader {
public:
  /// Of `rows` rows of `memory`, `quads` of each.
  QuadLoader(KernelBuilder &b, mlir::Value memory, DotProductAttrInterface dot,
             int64_t rows, int64_t quads)
      : b(b), memory(memory), dot(dot), quads(quads), loaded(rows) {}

  /// Four `quad` of row `row`, the `number`-th one, whose fours begin at
  /// `column`; of each row by rising fours.
  mlir::Value load(int64_t number, mlir::Value row, mlir::Value column,
                   int64_t quad);

private:
  KernelBuilder &b;
  mlir::Value memory;
  DotProductAttrInterface dot;
  int64_t quads;
  llvm::SmallVector<mlir::Value> loaded; ///< a vector of each row
};

/// max(max|x|, 1e-5) of `n` floats of row `token` from `column` on; NaN if one
/// of them is.
mlir::Value buildAbsMax(KernelBuilder &b, mlir::Value rows, mlir::Value token,
                        mlir::Value column, int64_t n);

/// Scale of a coded row: the statistic as f16 bits, and as f32.
struct RowScale {
  mlir::Value bits, value;
};
RowScale buildRowScale(KernelBuilder &b, mlir::Value rows, mlir::Value token,
                       mlir::Value column, int64_t n);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_CACHEACCESS_H
