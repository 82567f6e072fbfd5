//===- Attention.h - Attention by the warps of a block ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of codes, scores are products in tensor cores of 16 positions by 32
// dimensions of a cache as it lies (CacheLayout.h) and the codes of up to eight
// query rows; values are those of 16 dimensions by 32 positions and the rows'
// weights. Between them, a warp has 64 positions of a row.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_NVPTX_ATTENTION_H
#define TERN_LIB_TARGET_NVPTX_ATTENTION_H

#include "LaneBuilder.h"

#include "tern/Kernels/CacheCodes.h"
#include "tern/Target/NVPTX/NVPTX.h"

#include "mlir/IR/IRMapping.h"

namespace tern::nvptx {

/// Columns of an mma.
constexpr int64_t kMostRows = 8;
constexpr int64_t kBlock = CacheLayout::blockTokens;
constexpr int64_t kGroupOf = CacheLayout::lanes; ///< positions, or dimensions

/// Memory that warps exchange by, in the order of an AttendOp's `uses`.
enum Use {
  Exponentials, ///< f32 [row][position]: scores before
  Tops,         ///< f32 [part][row]: largest scores; part 0 is position 0 alone
  Quotients,    ///< f32 [0][row]: Z
  Results,      ///< f32 [group of dimensions][part of the sum][row, dimension]
  Queries,      ///< i8 [row][dimension], or f32 [dimension][row] of 16 bits
  // Of codes.
  QuerySums,     ///< i32 [0][row]
  QueryFactors,  ///< f32 [0][row]
  Weights,       ///< i8 [row][position]: p
  WeightSums,    ///< i32 [block][row]
  WeightFactors, ///< f32 [block][row]: M / 255
  WeightFirsts   ///< i32 [0][row]: p of position 0, if that lies elsewhere
};

/// All that is known when a kernel is made.
struct AttentionShape {
  AttentionShape(KVCacheType type, int64_t tile, int64_t atOnce);

  CacheLayout layout;
  int64_t qBits, tile, atOnce;
  int64_t capacity; ///< positions, in whole blocks
  static constexpr int64_t warps = 8;

  int64_t getRows() const { return tile * atOnce; }
  int64_t getGroups() const { return layout.valueGroups(); }
  /// Warps that share the blocks of a group of dimensions, by their residues:
  /// all of them if a block has one group alone.
  int64_t getShares(bool isAlone = false) const;
  /// Codes of a query row, with zeros behind its dimensions.
  int64_t getCodeWidth() const;
  /// Of `positions` positions at most.
  llvm::SmallVector<mlir::MemRefType> getUses(mlir::MLIRContext *context,
                                              int64_t positions) const;
};

/// Sums of a group of 16 dimensions by rows lie so that lanes of an mma, which
/// have rows 2t and dimensions g, use all banks.
constexpr int64_t kResultPitch = 20;

/// The parts of one AttendOp.
class AttentionPart {
public:
  AttentionPart(LaneBuilder &b, AttendOp op, const mlir::IRMapping &mapping);

protected:
  using Words = LaneBuilder::Words;
  using Value = mlir::Value;

  // Of a row (i32). One that is not there is as the last that is.
  Value getToken(Value row);
  Value getHead(Value row);
  Value getSeen(Value row); ///< positions that it sees, i32
  Value loadQuery(Value row, Value dim);
  void storeResult(Value row, Value dim, Value x);
  Value isThere(Value row);

  Value getBlockAt(Value block); ///< the byte where the head's part begins
  Value getEnd() { return end; } ///< positions that the last token sees
  Value getBlocks();
  Value getScored(); ///< groups of 16 positions

  /// 2t and 2t + 1, columns of an mma that this lane has.
  Value getColumn(int64_t i);
  /// A number of each of these columns.
  Words loadColumns(Use use, Value first);
  /// Keeps columns that are rows.
  void ifColumn(int64_t i, llvm::function_ref<void()> body);

  /// The codes of field `field` of a word of each plane, as bytes.
  Value unpack(llvm::ArrayRef<Value> words, int64_t field);
  /// Words of each plane at `at` + 4 `row` + the plane's offset + 64 times its
  /// chunk, where the widest plane's is `chunk` + 4 `turn`.
  Words loadPlanes(Value at, Value row, Value chunk, int64_t turn, bool isKey);

  LaneBuilder &b;
  AttentionShape shape;
  const CacheLayout &layout;
  int64_t rows;
  std::vector<CachePlane> planes;
  int64_t fields; ///< of the widest plane
  int64_t n;
  Value query, out, state, head, first, token, column, tokens, heads, seen,
      share;
  llvm::SmallVector<Value> uses;
  Value end;
};

/// Scores of all positions, and Tops.
class AttentionScores : public AttentionPart {
public:
  using AttentionPart::AttentionPart;
  void buildAll();
  /// One tile.
  void buildShare();

private:
  /// Of groups of 16 positions, `from` to `to` - 1.
  void build(Value from, Value to);
  // Of codes.
  void quantizeQueries();
  void scoreGroup(Value i, llvm::ArrayRef<Value> codes, Words &tops);
  Words loadCodes();
  Value scale(Value sum, Value row, Value factor, int64_t n);
  void scoreFirst();
  void storeTops(llvm::ArrayRef<Value> tops);
  // Of 16 bits.
  void copyQueries();
  void scoreHalves(Value i, Words &tops);
  Words sumResidues(Value keys, int64_t residue, int64_t step, int64_t firstRow,
                    int64_t count);
  Words addTerms(Value keys, int64_t residue, int64_t firstRow, int64_t count);
};

/// Scores to exponentials, and these to weights.
class AttentionWeights : public AttentionPart {
public:
  using AttentionPart::AttentionPart;
  void buildAll();
  /// Of one row.
  void buildShare();
  /// Z of all rows.
  void addUpAll();

private:
  void addUp(Value row);
  Value loadScore(Value row, Value position, Value isSeen);
  void weigh(Value row, Value most, Value seenBy, Value block);
};

/// Results.
class AttentionValues : public AttentionPart {
public:
  using AttentionPart::AttentionPart;
  void buildAll();
  /// Of one group of dimensions.
  void buildShare();
  /// Sums of groups `from` on to results.
  void finish(Value from, int64_t count, int64_t shares);

private:
  Words addBlock(Value group, Value block, llvm::ArrayRef<Value> sums);
  Words addResidues(Value group, Value residue, int64_t step);
  Words addFirst(Value group, Value block, llvm::ArrayRef<Value> sums);
  void addCodes(Value group, Value number, int64_t shares);
  void addHalves();
  void addHalvesOfGroup();
  struct Unit {
    Value group;
    int64_t width; ///< dimensions of the group
    Value from;
    int64_t dims;
    Value firstRow;
    int64_t rows;
    Value number; ///< of the group among Results
  };
  Words addPositions(const Unit &unit, Value i, mlir::ValueRange before,
                     bool isMasked);
  void addUnit(const Unit &unit);
};

} // namespace tern::nvptx

#endif // TERN_LIB_TARGET_NVPTX_ATTENTION_H
