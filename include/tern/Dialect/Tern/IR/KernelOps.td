//===- KernelOps.td - Operations that kernels implement ------ -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// They exist in tensor form and, after bufferization, in buffer form.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNEL_OPS_TD
#define TERN_KERNEL_OPS_TD

include "tern/Dialect/Tern/IR/TernAttrs.td"
include "tern/Dialect/Tern/IR/TernInterfaces.td"
include "tern/Dialect/Tern/IR/TernTypes.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

/// Operands, then `outs`: in buffer form the buffers that are written, in tensor
/// form none, or the tensors whose buffers the results may take.
class Tern_KernelOp<string mnemonic, list<Trait> traits = []>
    : Tern_Op<mnemonic, traits # [
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        KernelOpInterface]> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let extraClassDefinition = [{
    void $cppClass::getEffects(
        ::llvm::SmallVectorImpl<::mlir::SideEffects::EffectInstance<
            ::mlir::MemoryEffects::Effect>> &effects) {
      ::tern::detail::getKernelOpEffects(*this, effects);
    }
  }];
}

/// The values written for a token depend on that token's rows only.
def Tern_RowWise : NativeOpTrait<"RowWise"> {
  let cppNamespace = "::tern";
}

def Tern_GatherRowsOp : Tern_KernelOp<"gather_rows", [Tern_RowWise]> {
  let summary = "rows of a table, widened to f32";
  let description = [{
    `result[t] = table[indices[t]]`: the embeddings of tokens, the angles of
    positions.

    ```mlir
    %x = tern.gather_rows(%tokens, %table)
        : (tensor<?xi32>, tensor<1024x192xbf16>) -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Tern_VectorOf<[I32]>:$indices,
                       Tern_RowsOf<[BF16, F16, F32]>:$table,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $indices `,` $table `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($indices) `,` type($table) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_LmHeadOp : Tern_KernelOp<"lm_head", [AttrSizedOperandSegments]> {
  let summary = "logits of normalized tokens";
  let description = [{
    With 16 or 32 bit rows, `logits[t][v] = R32(input[t] * weight[v])`, weights
    widened exactly. With int8 rows and their `scales` (one per row), the input is
    quantized by `int8_absmax` and
    `logits[t][v] = f32(acc) * (s[t] * scales[v])`; `tern-decompose-bitlinear`
    rewrites that form into `tern.quantize`, `tern.matmul` and `tern.dequantize`,
    so the buffer form has no scales.

    ```mlir
    %l = tern.lm_head(%h, %w) : (tensor<?x192xf32>, tensor<1024x192xbf16>) -> tensor<?x1024xf32>
    %m = tern.lm_head(%h, %w8) scales(%s : tensor<1024xf32>)
        : (tensor<?x192xf32>, tensor<1024x192xi8>) -> tensor<?x1024xf32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$input,
                       Tern_RowsOf<[BF16, F16, F32, I8]>:$weight,
                       Optional<Tern_VectorOf<[F32]>>:$scales,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $input `,` $weight `)` (`scales` `(` $scales^ `:` type($scales) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `,` type($weight) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_ReduceOp : Tern_KernelOp<"reduce", [Tern_RowWise]> {
  let summary = "one statistic of each token's features";
  let description = [{
    `max_abs`, or R32 of |x| (`sum_abs`) or of x*x (`sum_squares`): the sum order
    that makes every target give the same bits (docs/numerics.md 0).

    ```mlir
    %m = tern.reduce <sum_squares> (%x) : (tensor<?x192xf32>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins Tern_ReduceKindAttr:$kind, Tern_RowsOf<[F32]>:$input,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    $kind `(` $input `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_HadamardOp : Tern_KernelOp<"hadamard", [Tern_RowWise]> {
  let summary = "Hadamard transform of each block of a token's features";
  let description = [{
    A row is cut into blocks of `block` features, a power of two. In each, for h = 1,
    2, 4, ..., block/2, features i and i + h (bit h of i being 0) become their sum
    and their difference; then all are multiplied by f32(1 / sqrt(block)).
    docs/numerics.md 2 fixes every rounding. It spreads outliers before a
    quantization (BitNet v2).

    ```mlir
    %y = tern.hadamard block 64 (%x) : (tensor<?x192xf32>) -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins I64Attr:$block, Tern_RowsOf<[F32]>:$input,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `block` $block `(` $input `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_QuantizeOp : Tern_KernelOp<"quantize", [Tern_RowWise]> {
  let summary = "activations to integers and one factor per token";
  let description = [{
    Results are q (i8, in [-128, 127]; [-8, 7] for int4; twice the value for fp4)
    and s of `#tern.act_quant`.

    ```mlir
    %q, %s = tern.quantize <int4_absmean> (%x)
        : (tensor<?x192xf32>) -> tensor<?x192xi8>, tensor<?xf32>
    ```
  }];
  let arguments = (ins Tern_ActQuantAttr:$act_quant, Tern_RowsOf<[F32]>:$input,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    $act_quant `(` $input `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_KeepTopKOp : Tern_KernelOp<"keep_top_k", [Tern_RowWise]> {
  let summary = "zero all codes but those of the largest activations";
  let description = [{
    Result is `codes` where `input` is among the `keep` largest magnitudes of its
    row (of equal ones the lower index wins), 0 elsewhere.

    ```mlir
    %k = tern.keep_top_k <keep = 96> (%x, %q)
        : (tensor<?x192xf32>, tensor<?x192xi8>) -> tensor<?x192xi8>
    ```
  }];
  let arguments = (ins Tern_TopKAttr:$top_k, Tern_RowsOf<[F32]>:$input,
                       Tern_RowsOf<[I8]>:$codes, Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    $top_k `(` $input `,` $codes `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `,` type($codes) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def Tern_SparsifyOp : Tern_KernelOp<"sparsify", [Tern_RowWise]> {
  let summary = "compact the non-zero codes of each token";
  let description = [{
    Results are, per token, the indices of the non-zero codes in rising order, those
    codes, and how many there are. Entries from the count up to the next multiple of
    four are index 0 and code 0, so that a kernel may take four at a time; entries
    after those are unspecified. The width of the first two results is the number
    of features rounded up to a multiple of four.

    ```mlir
    %i, %v, %n = tern.sparsify(%q)
        : (tensor<1x512xi8>) -> tensor<1x512xi32>, tensor<1x512xi8>, tensor<1xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[I8]>:$input, Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $input `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_SumCodesOp : Tern_KernelOp<"sum_codes",
                                    [Tern_RowWise, AttrSizedOperandSegments]> {
  let summary = "sum of each token's codes, by groups of columns";
  let description = [{
    As many groups of adjacent columns, equal in size, as the result has columns. With
    `count`, of one token and one group, codes from the count on, rounded up to a
    multiple of four, are left out.

    ```mlir
    %s = tern.sum_codes(%q) : (tensor<?x192xi8>) -> tensor<?x1xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[I8]>:$codes, Optional<Tern_VectorOf<[I32]>>:$count,
                       Variadic<AnyMemRef>:$outs);
  let assemblyFormat = [{
    `(` $codes `)` (`count` `(` $count^ `:` type($count) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($codes) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_ActiveRowsOp : Tern_KernelOp<"active_rows", [Tern_RowWise]> {
  let summary = "outputs whose gate is open";
  let description = [{
    Results are, per token, the indices of the positive gates in rising order and
    how many there are: the only outputs of the up projection that a ReLU^2 gated
    unit needs. Entries from the count on are unspecified.

    ```mlir
    %i, %n = tern.active_rows(%g) : (tensor<1x512xf32>) -> tensor<1x512xi32>, tensor<1xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$gate, Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $gate `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($gate) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

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
    are digits, or int8 rows (a quantized head). `codes [lo, hi]` is a proven range:
    no code lies outside, so a kernel that is exact for this range only may be used.

    Three modifiers, in any combination:

    * `rows(indices, count)`, one token only: just the rows in that list are computed
      and read; the others keep the value they have in `init`.
    * `columns(indices, count)`, one token only: `codes` are compacted,
      `sum over i < count of weight[n][indices[i]] * codes[0][i]`. Only columns in the
      list are read, and column 0 when the count is no multiple of four.
    * `scales(s)`: the columns are cut into as many equal groups of adjacent ones as
      `s` has columns. With `acc[g]` the exact sum of products within group g,
      `result[t][n] = R32 over g of f32(acc[g]) * s[n][g]`, a float.

    `code_sums`, the sum of each token's codes (of each group), is for kernels that
    read weights stored with an offset; `tern-tile-products` adds it.

    Rows that are computed are overwritten: `init` is where the result goes, not an
    addend, since a sum that begins with a float's zero could turn -0 into +0, and R32
    fixes the order of its terms. For the same reason k is no loop of the iteration
    domain: it belongs to the kernel, whose accumulators may look different from sums
    and exist only between its first and its last step. The domain is (t, n), both
    parallel.

    With a layout the weight is physical: a grid of tiles of bytes
    (`#tern.layout`, `getGridType`), and `weight_type` says what it holds. `n` then
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
    ```
  }];
  let arguments = (ins StrAttr:$projection, Tern_RowsOf<[I8]>:$codes,
                       Tern_Shaped:$weight,
                       Optional<Tern_RowsOf<[I32]>>:$row_indices,
                       Optional<Tern_VectorOf<[I32]>>:$row_count,
                       Optional<Tern_RowsOf<[I32]>>:$column_indices,
                       Optional<Tern_VectorOf<[I32]>>:$column_count,
                       Optional<Tern_RowsOf<[F32]>>:$scales,
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
    /// Columns that share a scale; a product with `scales` only.
    int64_t getGroupSize();

    /// Rows that one step along the domain's n is: those of a tile of the layout, or
    /// 1.
    int64_t getRowsPerStep();
    /// The dimension of the weight that n walks along.
    unsigned getRowDimension();
    /// Why n cannot be tiled; empty if it can.
    ::llvm::StringRef getReasonForWholeRows();
    /// Why no loops around micro kernel `kernel` compute it; empty if they do.
    ::llvm::StringRef getReasonAgainst(MicroKernelAttrInterface kernel);
    /// The same for the first kernel of `strategy` that does not fit.
    ::llvm::StringRef getReasonAgainst(StrategyAttr strategy);
  }];
}

def Tern_DequantizeOp : Tern_KernelOp<"dequantize",
                                      [Tern_RowWise, AttrSizedOperandSegments]> {
  let summary = "sums of products to activations";
  let description = [{
    `result[t][n] = f32(acc[t][n]) * (factor[t] * scale[n]) [+ bias[n]]`; `scale`
    has one value or one per output, `bias` one per output. Sums that are floats
    have been scaled: `result[t][n] = acc[t][n] * factor[t] [+ bias[n]]`.

    ```mlir
    %y = tern.dequantize(%a, %s, %alpha)
        : (tensor<?x192xi32>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x192xf32>
    %z = tern.dequantize(%p, %s) bias(%b : tensor<192xf32>)
        : (tensor<?x192xf32>, tensor<?xf32>) -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[I32, F32]>:$acc, Tern_VectorOf<[F32]>:$factor,
                       Optional<Tern_VectorOf<[F32]>>:$scale,
                       Optional<Tern_VectorOf<[F32]>>:$bias,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $acc `,` $factor (`,` $scale^)? `)` (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($acc) `,` type($factor) (`,` type($scale)^)? `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// KV cache
//===----------------------------------------------------------------------===//

def Tern_KVAppendOp : Tern_Op<"kv_append", [
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "store the keys and values of this call's tokens";
  let description = [{
    Rounds each kv head's row to the cache's code (docs/numerics.md 6) and stores it
    at the token's position. All rows are stored before any later
    `tern.attention` of the same layer reads.

    ```mlir
    tern.kv_append %k, %v into %cache[%layer] at %positions
        : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi32>, !tern.kv_cache<...>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$keys, Tern_RowsOf<[F32]>:$values,
                       Tern_KVCacheType:$cache, Index:$layer,
                       Tern_VectorOf<[I32]>:$positions);
  let assemblyFormat = [{
    $keys `,` $values `into` $cache `[` $layer `]` `at` $positions attr-dict
    `:` type($keys) `,` type($values) `,` type($positions) `,`
    qualified(type($cache))
  }];
  let hasVerifier = 1;
}

def Tern_AttentionOp : Tern_KernelOp<"attention"> {
  let summary = "causal attention of each token over its sequence's cache";
  let description = [{
    For each query head, softmax over positions 0 .. positions[t] of the cached
    keys, then the weighted sum of values, as docs/numerics.md 6 rounds it. Query
    head h uses kv head h / (query heads / kv heads).

    ```mlir
    %a = tern.attention(%q, %cache[%layer], %positions)
        : (tensor<?x192xf32>, !tern.kv_cache<...>, tensor<?xi32>) -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$query, Tern_KVCacheType:$cache,
                       Index:$layer, Tern_VectorOf<[I32]>:$positions,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $query `,` $cache `[` $layer `]` `,` $positions `)`
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($query) `,` qualified(type($cache)) `,` type($positions) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

#endif // TERN_KERNEL_OPS_TD
