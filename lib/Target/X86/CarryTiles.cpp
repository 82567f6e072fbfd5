//===- CarryTiles.cpp - Loops that carry AMX tiles ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tiles.h"

#include "tern/Target/X86/Passes.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/DialectConversion.h"

namespace tern::x86 {
#define GEN_PASS_DEF_CARRYTILESPASS
#include "tern/Target/X86/Passes.h.inc"
} // namespace tern::x86

using namespace mlir;
using namespace tern::x86;

namespace {

/// Between a vector and the tiles it stands for.
bool isCastOfTiles(UnrealizedConversionCastOp op) {
  return llvm::any_of(op.getResultTypes(), llvm::IsaPred<amx::TileType>) ||
         llvm::any_of(op.getOperandTypes(), llvm::IsaPred<amx::TileType>);
}

struct CarryTiles : tern::x86::impl::CarryTilesPassBase<CarryTiles> {
  void runOnOperation() override {
    if (findCasts().empty())
      return;
    TypeConverter converter;
    converter.addConversion([](Type type) { return type; });
    converter.addConversion(
        [](VectorType type,
           SmallVectorImpl<Type> &tiles) -> std::optional<LogicalResult> {
          std::optional<SmallVector<Type>> found = getTilesOf(type);
          if (!found)
            return std::nullopt;
          llvm::append_range(tiles, *found);
          return success();
        });
    converter.addSourceMaterialization(
        [](OpBuilder &b, Type type, ValueRange tiles, Location loc) -> Value {
          return UnrealizedConversionCastOp::create(b, loc, type, tiles)
              .getResult(0);
        });
    converter.addTargetMaterialization([](OpBuilder &b, TypeRange types,
                                          ValueRange values,
                                          Location loc) -> SmallVector<Value> {
      return SmallVector<Value>(
          UnrealizedConversionCastOp::create(b, loc, types, values)
              .getResults());
    });
    getOperation()->walk([&](LoopLikeOpInterface loop) {
      numCarried += llvm::count_if(loop.getRegionIterArgs(), [](Value value) {
        return getTilesOf(value.getType()).has_value();
      });
    });
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    RewritePatternSet patterns(&getContext());
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      return signalPassFailure();
    reconcileUnrealizedCasts(findCasts());
    for (UnrealizedConversionCastOp cast : findCasts()) {
      cast.emitOpError("expected tiles of sums to be carried by loops and "
                       "conditions only");
      return signalPassFailure();
    }
    sinkZeros();
  }

private:
  /// Zeros are made anew in front of each loop that begins with them: a copy of
  /// a tile would go through memory.
  void sinkZeros() {
    getOperation()->walk([](LoopLikeOpInterface loop) {
      OpBuilder b(loop);
      for (OpOperand &init : loop.getInitsMutable())
        if (auto zero = init.get().getDefiningOp<amx::TileZeroOp>())
          init.set(b.clone(*zero)->getResult(0));
    });
    getOperation()->walk([](amx::TileZeroOp zero) {
      if (zero->use_empty())
        zero.erase();
    });
  }

  SmallVector<UnrealizedConversionCastOp> findCasts() {
    SmallVector<UnrealizedConversionCastOp> casts;
    getOperation()->walk([&](UnrealizedConversionCastOp op) {
      if (isCastOfTiles(op))
        casts.push_back(op);
    });
    return casts;
  }
};

} // namespace
