//===- MatmulOp.td - Products with weights ------------------ -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_MATMUL_OP_TD
#define TERN_MATMUL_OP_TD

include "tern/Dialect/Tern/IR/TernAttrs.td"
include "tern/Dialect/Tern/IR/TernTypes.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

def Tern_MatmulOp : Tern_Op<"matmul", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<TilingInterface, [
      "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
      "getResultTilePosition", "generateResultTileValue",
      "getIterationDomainTileFromResultTile", "isOpFusableWithConsumerSlice"]>]> {
  let summary = "exact product of codes with a weight matrix, into a destination";
  let description = [{
    `result[t][n] = sum over k of weight[n][k] * codes[t][k]`, exact in i32; weights
    are digits, or integers of 8, 6, 4 or 2 bits (a quantized head or a plane of it). `codes [lo, hi]` is a proven range:
    no code lies outside, so a kernel that is exact for this range only may be used.

    Modifiers, in any combination but for factors, which need scales:

    * `rows(indices, count)`, one token only: just the rows in that list are computed
      and read; the others keep the value they have in `init`.
    * `columns(indices, count)`, one token only: `codes` are compacted,
      `sum over i < count of weight[n][indices[i]] * codes[0][i]`. Only columns in the
      list are read, and column 0 when the count is no multiple of four.
    * `scales(a)`: the columns are cut into as many equal groups of adjacent ones as
      `a` has columns. With `acc[j]` the exact sum of products within group j,
      `p[j] = f32(acc[j]) * a[n][j]`, and the result, a float, is the sum of all p[j]
      by rising j, beginning with +0.
    * `factors(s)`, of scales only: with one for each of some equal blocks, each one or
      more groups, and b(j) the block that group j is in,
      `p[j] = (f32(acc[j]) * a[n][j]) * s[t][b(j)]`.

    Codes may be floats, x itself, `codes []`, with scales and without factors and
    lists: then `p[j] = (R32 over the columns of group j of weight[n][k] * x[t][k]) *
    a[n][j]`, each product rounded.

    `code_sums`, the sum of each token's codes (of each group), is for kernels that
    read weights stored with an offset; `tern-tile-products` adds it.

    Rows that are computed are overwritten: `init` is where the result goes, not an
    addend, and the order of the terms of a sum of floats is fixed. So k is no loop of
    the iteration domain: it belongs to the kernel, whose accumulators may look
    different from sums and exist only between its first and its last step. The domain
    is (t, n), both parallel.

    With a layout the weight is physical: a grid of tiles of bytes
    (`#tern.layout`, `getGridType`), and `weight_type` says what it holds; scales in
    the layout take the place of the operand. `n` then
    counts tiles; `codes` has the layout's padded number of columns (the padding is
    zero) and `init` its padded number of rows. The weight may be a slice of the grid
    along its rows. Rows that only the layout adds are unspecified. A list of rows
    cannot be tiled along n, nor can scales whose rows the layout pads; a list of
    columns can.

    ```mlir
    %a = tern.matmul "q_proj" ins(%q, %w : tensor<?x192xi8>, tensor<320x192x!tern.trit>)
        outs(%init : tensor<?x320xi32>) codes [-128, 127] -> tensor<?x320xi32>
    %b = tern.matmul "up_proj" ins(%q, %w : tensor<1x192xi8>, tensor<512x192x!tern.trit>)
        rows(%i, %n : tensor<1x512xi32>, tensor<1xi32>)
        outs(%zero : tensor<1x512xi32>) codes [-8, 7] -> tensor<1x512xi32>
    %c = tern.matmul "down_proj" ins(%v, %w : tensor<1x512xi8>, tensor<192x512x!tern.trit>)
        columns(%i, %n : tensor<1x512xi32>, tensor<1xi32>)
        outs(%init : tensor<1x192xi32>) codes [-128, 127] -> tensor<1x192xi32>
    %d = tern.matmul "q_proj" ins(%q, %g : tensor<?x192xi8>, tensor<20x12x64xi8>)
        scales(%s : tensor<320x6xf32>) outs(%init : tensor<?x320xf32>) codes [-128, 127]
        weight_type tensor<320x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
        -> tensor<?x320xf32>
    %e = tern.matmul "q_proj" ins(%q, %w : tensor<?x192xi8>, tensor<320x192x!tern.trit>)
        scales(%s : tensor<320x6xf32>) factors(%f : tensor<?x3xf32>)
        outs(%init : tensor<?x320xf32>) codes [-128, 127] -> tensor<?x320xf32>
    ```
  }];
  let arguments = (ins StrAttr:$projection, Tern_RowsOf<[I8, F32]>:$codes,
                       Tern_Shaped:$weight,
                       Optional<Tern_RowsOf<[I32]>>:$row_indices,
                       Optional<Tern_VectorOf<[I32]>>:$row_count,
                       Optional<Tern_RowsOf<[I32]>>:$column_indices,
                       Optional<Tern_VectorOf<[I32]>>:$column_count,
                       Optional<Tern_RowsOf<[F16, F32]>>:$scales,
                       Optional<Tern_RowsOf<[F32]>>:$factors,
                       Optional<Tern_RowsOf<[I32]>>:$code_sums,
                       Tern_RowsOf<[I32, F32]>:$init,
                       DenseI64ArrayAttr:$code_range,
                       OptionalAttr<TypeAttrOf<AnyRankedTensor>>:$weight_type,
                       OptionalAttr<Tern_StrategyAttr>:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $projection `ins` `(` $codes `,` $weight `:` type($codes) `,` type($weight) `)`
    (`rows` `(` $row_indices^ `,` $row_count `:` type($row_indices) `,` type($row_count) `)`)?
    (`columns` `(` $column_indices^ `,` $column_count `:` type($column_indices) `,` type($column_count) `)`)?
    (`scales` `(` $scales^ `:` type($scales) `)`)?
    (`factors` `(` $factors^ `:` type($factors) `)`)?
    (`code_sums` `(` $code_sums^ `:` type($code_sums) `)`)?
    `outs` `(` $init `:` type($init) `)` `codes` $code_range
    (`weight_type` $weight_type^)? (`strategy` qualified($strategy)^)? attr-dict
    (`->` type($results)^)?
  }];
  let builders = [
    /// A product without modifiers into `init`, in its form.
    OpBuilder<(ins "::llvm::StringRef":$projection, "::mlir::Value":$codes,
                   "::mlir::Value":$weight, "::mlir::Value":$init,
                   "::llvm::ArrayRef<int64_t>":$codeRange)>,
  ];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool isBufferForm() { return getNumResults() == 0; }
    /// The weight as a matrix, rows x columns; with its layout if it has one. Of a
    /// slice of the grid, still the whole weight.
    ::mlir::RankedTensorType getWeightTensorType();
    /// Its layout, or null if it has none (yet), or is not ternary.
    LayoutAttr getLayout();
    /// Groups of columns that have scales, operands or in the layout; 0 if none do.
    int64_t getGroups();
    /// Columns that share a scale; a product with groups only.
    int64_t getGroupSize() { return getWeightTensorType().getDimSize(1) / getGroups(); }
    /// Groups that share a factor; a product with `factors` only.
    int64_t getGroupsPerFactor();
    /// True if codes are the activations themselves.
    bool hasFloatCodes();

    /// Rows that one step along the domain's n is: those of a tile of the layout, or
    /// 1.
    int64_t getRowsPerStep();
    /// The dimension of the weight that n walks along.
    unsigned getRowDimension();
    /// Why n cannot be tiled; empty if it can.
    ::llvm::StringRef getReasonForWholeRows();
    /// Why no loops around the kernels of `strategy` compute it; empty if they do.
    ::llvm::StringRef getReasonAgainst(StrategyAttr strategy);
  }];
}

#endif // TERN_MATMUL_OP_TD
