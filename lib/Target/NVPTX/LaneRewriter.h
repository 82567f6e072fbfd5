//===- LaneRewriter.h - Code over vectors as that of a lane -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_NVPTX_LANEREWRITER_H
#define TERN_LIB_TARGET_NVPTX_LANEREWRITER_H

#include "WarpBuilder.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/NVPTX/NVPTX.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

namespace tern {
class ArriveOp;
} // namespace tern

namespace tern::nvptx {

/// On a kernel of which a multiprocessor runs one block or two: its lanes may
/// have all registers there are.
inline constexpr llvm::StringLiteral kFewBlocksAttr = "tern_nvptx.few_blocks";

/// The loop of a product over groups of columns with a scale each.
struct GroupLoop {
  mlir::scf::ForOp loop;
  mlir::scf::ForOp steps; ///< of a group; null if it has one
  MmaOp product;
  MicroScaleOp scale;
  int64_t groups = 0, stepsOfGroup = 1;

  static std::optional<GroupLoop> of(mlir::scf::ForOp loop);
};

/// Groups that warps take in a round, each `ahead` that follow each other.
struct GroupShare {
  int64_t warps, ahead;

  GroupShare(const GroupLoop &loop, int64_t warps);
  int64_t countSlots() const { return warps * ahead; }
};

/// Rewrites one kernel. All lanes go the same way: what is no vector is the
/// same in all of them, and so are vectors of a few elements, as those of code
/// for scalars; a wide vector has an element or some in each lane. Of a block
/// of several warps, all compute the same and the first one writes, but where
/// each one has its own work.
class LaneRewriter {
public:
  explicit LaneRewriter(mlir::OpBuilder at, mlir::Location loc) : b(at, loc) {}

  /// Writes the body of `from` into the empty block of `to`. Fails on an
  /// operation without a form for a warp, which it tells.
  mlir::LogicalResult rewrite(mlir::func::FuncOp from, mlir::func::FuncOp to,
                              int64_t warps);
  mlir::Operation *getCulprit() const { return culprit; }

  /// Blocks and their tokens where warps take rows of their own; 0 otherwise.
  int64_t getBlocks() const { return blocks; }
  int64_t getTokensOfBlock() const { return tokensOfBlock; }

private:
  // LaneRewriter.cpp
  mlir::LogicalResult rewriteBlock(mlir::Block &block);
  mlir::LogicalResult rewriteOp(mlir::Operation *op);
  mlir::LogicalResult rewriteElementwise(mlir::Operation *op);
  mlir::LogicalResult rewriteRegions(mlir::Operation *op);
  mlir::LogicalResult rewriteElements(mlir::Operation *op);
  mlir::LogicalResult cloneSame(mlir::Operation *op);
  mlir::LogicalResult storeSame(mlir::Operation *op);
  bool isSame(mlir::Operation *op);
  llvm::SmallVector<mlir::Value> carry(mlir::ValueRange values);
  void bind(mlir::ValueRange were, mlir::ValueRange are);
  mlir::LogicalResult rewriteRegion(mlir::Region &from, mlir::Block *to);

  // LaneBlocks.cpp
  mlir::LogicalResult rewriteEachWarp(EachWarpOp op);
  mlir::LogicalResult rewriteLoopByWarps(mlir::scf::ForOp loop);
  mlir::LogicalResult rewriteShared(mlir::Operation *op);
  mlir::LogicalResult rewriteCopy(CopyOp op);
  void copyRows(mlir::Value from, llvm::ArrayRef<mlir::Value> fromIndices,
                mlir::Value to, llvm::ArrayRef<mlir::Value> toIndices,
                int64_t rows, int64_t width, mlir::Value count);
  mlir::LogicalResult rewriteOrder(mlir::Operation *op);
  mlir::LogicalResult rewriteAtomic(mlir::memref::AtomicRMWOp op);
  mlir::LogicalResult rewriteArrive(ArriveOp op);
  void enterWarps();
  void leaveWarps();

  // LaneMemory.cpp
  mlir::LogicalResult load(mlir::Operation *op, mlir::Value base,
                           mlir::ValueRange indices);
  mlir::LogicalResult store(mlir::Operation *op, mlir::Value vector,
                            mlir::Value base, mlir::ValueRange indices);
  llvm::SmallVector<mlir::Value> getPlace(mlir::ValueRange indices,
                                          mlir::VectorType type);

  // LaneVectors.cpp
  mlir::LogicalResult rewriteConstant(mlir::Operation *op,
                                      mlir::DenseElementsAttr elements);
  mlir::LogicalResult rewriteBroadcast(mlir::vector::BroadcastOp op);
  mlir::LogicalResult rewriteExtract(mlir::vector::ExtractOp op);
  mlir::LogicalResult rewriteTranspose(mlir::vector::TransposeOp op);
  mlir::LogicalResult rewriteFromElements(mlir::vector::FromElementsOp op);
  mlir::LogicalResult rewriteToElements(mlir::vector::ToElementsOp op);
  mlir::LogicalResult concatenate(mlir::vector::FromElementsOp op);
  mlir::LogicalResult
  rearrange(mlir::Value result, mlir::Value held,
            llvm::function_ref<mlir::Value(mlir::Value)> from);
  mlir::LogicalResult rewriteReduction(mlir::vector::ReductionOp op);
  mlir::LogicalResult rewriteShuffle(mlir::vector::ShuffleOp op);
  mlir::LogicalResult rewriteBitcast(mlir::vector::BitCastOp op);

  // LaneProducts.cpp
  mlir::LogicalResult rewriteMma(MmaOp op);
  mlir::LogicalResult rewriteSteps(mlir::scf::ForOp loop, MmaOp op);
  mlir::LogicalResult rewriteStaged(mlir::scf::ForOp loop, MmaOp op,
                                    const GroupLoop *groups = nullptr);
  mlir::LogicalResult rewriteUnits(mlir::scf::ForOp loop);
  mlir::LogicalResult rewriteBlockNumber(WorkerIndexOp op);
  mlir::Value takeUnit(mlir::Value first, int64_t units);
  mlir::LogicalResult rewriteTokens(mlir::scf::ForOp loop);
  llvm::SmallVector<mlir::Value> getIndices(mlir::ValueRange indices);
  void cloneIndices(mlir::Block &body);

  // LaneGroups.cpp
  using Words = llvm::SmallVector<mlir::Value>;
  mlir::LogicalResult rewriteGroups(const GroupLoop &groups);
  void enterGroup(const GroupLoop &groups, mlir::Value group);
  void enterStep(const GroupLoop &groups, mlir::Value step);
  llvm::SmallVector<Words> sumGroups(const GroupLoop &groups,
                                     llvm::ArrayRef<mlir::Value> numbers);
  void addGroup(const GroupLoop &groups, mlir::Value step, Words &totals,
                Words &sums);

  // LaneTerms.cpp
  Words scaleSums(MicroScaleOp op, const Words &sums);
  mlir::Value loadScale(MicroScaleOp op, int64_t tile, mlir::Value row);
  mlir::Value getTerms(MmaAttr kernel, int64_t slots);
  void storeTerms(MmaAttr kernel, mlir::Value memory, mlir::Value slot,
                  const Words &terms);
  Words addTerms(MmaAttr kernel, mlir::Value memory, const Words &totals);

  // LaneAhead.cpp
  void askAhead(mlir::func::FuncOp kernel);
  bool askForStep(MmaOp op, const mlir::IRMapping &at);

  // LaneStores.cpp
  mlir::LogicalResult rewriteStore(MicroStoreOp op);
  mlir::Value getExchange(llvm::ArrayRef<int64_t> shape, mlir::Type type);
  mlir::Value meetWarps(llvm::SmallVectorImpl<mlir::Value> &sums);
  void storeTile(MicroStoreOp op, mlir::Value tile,
                 llvm::ArrayRef<mlir::Value> sums);
  void storeElements(MicroStoreOp op, mlir::Value token,
                     llvm::ArrayRef<mlir::Value> rows,
                     llvm::ArrayRef<mlir::Value> sums);

  // LaneAttention.cpp
  mlir::LogicalResult rewriteAttend(AttendOp op);
  // Append.cpp
  mlir::LogicalResult rewriteAppend(AppendOp op);

  /// The part of `vector` that this lane has, and all of it; null if neither
  /// can be made of the other.
  mlir::Value getHeld(mlir::Value vector);
  mlir::Value getWhole(mlir::Value vector);
  mlir::Value getElement(mlir::Value vector, int64_t number);
  void setHeld(mlir::Value vector, mlir::Value held) { lanes[vector] = held; }

  // Memory: what a lane writes, others see behind a barrier.
  void beforeLoad();
  void beforeStore();
  void synchronize();
  /// True in as many threads as write, the first ones.
  mlir::Value isWriter(int64_t lanes);
  bool writesAll(int64_t lanes) const { return lanes >= kLanes && !isOfBlock; }
  /// Where regions begin and end, which may have written.
  void forgetMemory(bool isWritten) {
    hasRead = true;
    hasWritten = isWritten;
  }

  WarpBuilder b;
  mlir::IRMapping mapping;
  llvm::DenseMap<mlir::Value, mlir::Value> lanes;
  bool hasRead = false, hasWritten = false;
  bool isElementwise = false; ///< in a loop in which no lane waits
  bool isOfBlock = false;     ///< not each warp for itself
  mlir::func::FuncOp source;  ///< the kernel that is rewritten
  unsigned sharedCount = 0;
  int64_t exchanged = 0; ///< bytes of getExchange, once they are known
  int64_t blocks = 0, tokensOfBlock = 0;
  mlir::Value isOfWarp; ///< false in warps without rows; null: all have some
  mlir::Operation *culprit = nullptr;
};

mlir::Type getElementOf(mlir::Type type);
int64_t getCount(mlir::Type type);

/// The type of what a lane holds of a vector; null if it cannot be parted.
mlir::Type getHeldType(mlir::Type type);

/// The product that `loop` has steps of, and nothing else; null if it has none.
MmaOp findSteps(mlir::scf::ForOp loop);

/// True if warps of a block take rows of their own of a product in `op`.
bool hasBlockProduct(mlir::Operation *op);

/// Steps of a product that warps of a block share: a stretch for each.
struct StepStretch {
  int64_t first, last; ///< of all
  int64_t warps;       ///< that share them
  int64_t ahead;       ///< whose weights are loaded together

  /// Without a value for steps whose number is not known; of one warp, or of
  /// those of a block.
  static std::optional<StepStretch> of(mlir::scf::ForOp loop,
                                       int64_t warps = 1);

  /// Steps of one warp, at most and at least.
  int64_t most() const { return llvm::divideCeil(last - first, warps); }
  int64_t least() const { return (last - first) / warps; }
  /// Of the warp of a lane, where they begin and end: each an i32.
  std::pair<mlir::Value, mlir::Value> getBounds(WarpBuilder &b) const;
};

/// True if what `sums` become is stored by `tern.micro_store` alone.
bool areStored(mlir::Value sums);

/// True if a loop carries vectors of `type` by lanes.
bool isWide(mlir::Type type);

} // namespace tern::nvptx

#endif // TERN_LIB_TARGET_NVPTX_LANEREWRITER_H
