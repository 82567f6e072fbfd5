//===- RepackNest.h - Loops that repack weights -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_REPACKNEST_H
#define TERN_LIB_CODEGEN_REPACKNEST_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace tern {

/// Makes `op` a product of its weight repacked to `panel`; tiling leaves of
/// that the tile that a worker repacks for itself.
void repackWeight(MatmulOp op, LayoutAttr panel, mlir::RewriterBase &rewriter);

/// A parallel loop over the tiles of `panel` that repacks all of the weight of
/// `op`, whose loops read its result.
mlir::scf::ForallOp repackBefore(MatmulOp op, LayoutAttr panel,
                                 mlir::RewriterBase &rewriter);

/// Bytes of a tile of the weight of `op`, or of tiles that follow each other
/// along its first dimension.
mlir::Value readTiles(KernelBuilder &b, RepackOp op,
                      llvm::ArrayRef<int64_t> shape, mlir::ValueRange at);

/// Of the tokens from `first` on: `repack` done again if that is 0, else
/// `panel` as it is.
mlir::Value repackFirst(KernelBuilder &b, RepackOp repack, mlir::Value first,
                        mlir::Value panel);

/// The repacking that such a choice is between, or null if `panel` is none.
RepackOp findFirstRepack(mlir::Value panel);

/// True if the first tokens may be multiplied by columns as they are repacked:
/// few of them at a time, as many as a step of `kernel`.
bool mayRepackOnTheWay(RepackOp op, MicroKernelAttrInterface kernel);

/// Step `step` of a product whose sums are `fragment`; `digits` are the step's
/// bytes of the panel. Returns the next fragment.
using PanelStep = llvm::function_ref<mlir::Value(
    mlir::Value step, mlir::Value digits, mlir::Value fragment)>;

/// Loops that write `op`, one tile, into `panel`. With a fragment, each step of
/// it is taken on the way. Returns the panel and the fragment.
llvm::SmallVector<mlir::Value> buildRepackNest(RepackOp op, KernelBuilder &b,
                                               mlir::Value panel,
                                               mlir::Value fragment,
                                               PanelStep takeStep);

/// `tern.repack` of one tile of its result to such loops, unless a product
/// chooses between it and what was repacked before.
void populateRepackNestPatterns(mlir::RewritePatternSet &patterns);

} // namespace tern

#endif // TERN_LIB_CODEGEN_REPACKNEST_H
