//===- RepackOp.td - Weights in another layout -------------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_REPACK_OP_TD
#define TERN_REPACK_OP_TD

include "tern/Dialect/Tern/IR/TernAttrs.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

def Tern_RepackOp : Tern_Op<"repack", [Pure,
    DeclareOpInterfaceMethods<TilingInterface, [
      "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
      "getResultTilePosition", "generateResultTileValue"]>]> {
  let summary = "rows of a weight in another layout";
  let description = [{
    The digits of `weight`, a grid of `weight_type` or a slice of its rows, as a grid
    of `layout`: so a weight may lie in memory in the order that one token reads
    best, and many tokens get another one, in the cache. Rows and columns are the
    padded ones. `first` is the result's first tile, counted from the first row of
    the slice on: more than 0 only where a tile of the weight has more rows than one
    of the result.

    The domain is the result's tiles along the rows.

    The layout is of unpacked rows, or of groups of four digits in lanes: those have
    the weight's columns in as many whole tiles as it takes.

    ```mlir
    %p = tern.repack %w at %c0 weight_type tensor<128x192x!tern.trit,
             #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
         layout <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>
         : tensor<4x12x128xi8> -> tensor<2x48x256xi8>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$weight, Index:$first,
                       TypeAttrOf<AnyRankedTensor>:$weight_type,
                       Tern_LayoutAttr:$layout);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $weight `at` $first `weight_type` $weight_type `layout` $layout attr-dict
    `:` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The layout of `weight`.
    LayoutAttr getWeightLayout();
    /// Why a matrix of `shape` is not repacked so; empty if it is.
    static ::llvm::StringRef getReasonAgainst(const Layout &from, const Layout &to,
                                              ::llvm::ArrayRef<int64_t> shape);
    /// `weight_type` and shape of the result of repacking all of a weight.
    static ::mlir::RankedTensorType getResultWeightType(
        ::mlir::RankedTensorType weightType, LayoutAttr layout);
  }];
}

#endif // TERN_REPACK_OP_TD
