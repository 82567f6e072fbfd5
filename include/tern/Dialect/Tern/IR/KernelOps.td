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
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Operands, then `outs` in buffer form; results in tensor form.
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

def Tern_EmbeddingOp : Tern_KernelOp<"embedding", [Tern_RowWise]> {
  let summary = "rows of a table, widened to f32";
  let description = [{
    ```mlir
    %x = tern.embedding(%tokens, %table)
        : (tensor<?xi32>, tensor<1024x192xbf16>) -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Tern_VectorOf<[I32]>:$tokens,
                       Tern_RowsOf<[BF16, F16, F32]>:$table,
                       Variadic<AnyMemRef>:$outs);
  let assemblyFormat = [{
    `(` $tokens `,` $table `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($tokens) `,` type($table) `)` (`->` type($results)^)?
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
                       Variadic<AnyMemRef>:$outs);
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
                       Variadic<AnyMemRef>:$outs);
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
                       Variadic<AnyMemRef>:$outs);
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
                       Variadic<AnyMemRef>:$outs);
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
                       Tern_RowsOf<[I8]>:$codes, Variadic<AnyMemRef>:$outs);
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
  let arguments = (ins Tern_RowsOf<[I8]>:$input, Variadic<AnyMemRef>:$outs);
  let assemblyFormat = [{
    `(` $input `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `)` (`->` type($results)^)?
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
  let arguments = (ins Tern_RowsOf<[F32]>:$gate, Variadic<AnyMemRef>:$outs);
  let assemblyFormat = [{
    `(` $gate `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($gate) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_MatmulOp : Tern_KernelOp<"matmul", [AttrSizedOperandSegments]> {
  let summary = "exact integer product with a weight matrix";
  let description = [{
    `acc[t][n] = sum_k weight[n][k] * codes[t][k]` in i32; weights are digits, or
    int8 rows (a quantized head). With `rows(indices, count)` (one token only) just
    the outputs in that list are computed and their weight rows read; the others
    are 0.

    Once the weight has a layout, `codes` has the layout's padded number of columns
    (the padding is zero) and the result its padded number of rows. In buffer form
    the weight is a memref of bytes and `weight_type` is the tensor type it had.

    ```mlir
    %a = tern.matmul "q_proj" (%q, %w)
        : (tensor<?x192xi8>, tensor<320x192x!tern.trit>) -> tensor<?x320xi32>
    %b = tern.matmul "up_proj" (%q, %w) rows(%i, %n : tensor<1x512xi32>, tensor<1xi32>)
        : (tensor<1x192xi8>, tensor<512x192x!tern.trit>) -> tensor<1x512xi32>
    ```
  }];
  let arguments = (ins StrAttr:$projection, Tern_RowsOf<[I8]>:$codes,
                       Tern_Shaped:$weight,
                       Optional<Tern_RowsOf<[I32]>>:$row_indices,
                       Optional<Tern_VectorOf<[I32]>>:$row_count,
                       Variadic<AnyMemRef>:$outs,
                       OptionalAttr<TypeAttrOf<AnyRankedTensor>>:$weight_type);
  let assemblyFormat = [{
    $projection `(` $codes `,` $weight `)`
    (`rows` `(` $row_indices^ `,` $row_count `:` type($row_indices) `,` type($row_count) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? (`weight_type` $weight_type^)? attr-dict
    `:` `(` type($codes) `,` type($weight) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The weight's tensor type in either form.
    ::mlir::RankedTensorType getWeightTensorType();
    /// Its layout, or null if it has none (yet), or is not ternary.
    LayoutAttr getLayout();
  }];
}

def Tern_SparseMatmulOp : Tern_KernelOp<"sparse_matmul"> {
  let summary = "product of one token that reads only active weight columns";
  let description = [{
    `acc[n] = sum over i < count of weight[n][indices[i]] * values[i]`, exact in
    i32. Only columns in the list are read, and column 0 when the count is no
    multiple of four. Shapes and buffer form are as in `tern.matmul`.

    ```mlir
    %a = tern.sparse_matmul "down_proj" (%i, %v, %n, %w)
        : (tensor<1x512xi32>, tensor<1x512xi8>, tensor<1xi32>, tensor<192x512x!tern.trit>) -> tensor<1x192xi32>
    ```
  }];
  let arguments = (ins StrAttr:$projection, Tern_RowsOf<[I32]>:$indices,
                       Tern_RowsOf<[I8]>:$values, Tern_VectorOf<[I32]>:$count,
                       Tern_Shaped:$weight, Variadic<AnyMemRef>:$outs,
                       OptionalAttr<TypeAttrOf<AnyRankedTensor>>:$weight_type);
  let assemblyFormat = [{
    $projection `(` $indices `,` $values `,` $count `,` $weight `)`
    (`outs` `(` $outs^ `:` type($outs) `)`)? (`weight_type` $weight_type^)? attr-dict
    `:` `(` type($indices) `,` type($values) `,` type($count) `,` type($weight) `)`
    (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getWeightTensorType();
    LayoutAttr getLayout();
  }];
}

def Tern_GroupedMatmulOp : Tern_KernelOp<"grouped_matmul"> {
  let summary = "product with a weight whose groups of columns have scales";
  let description = [{
    The columns are cut into as many equal groups of adjacent ones as `scale` has
    columns. With `acc[g]` the exact sum of products within group g,
    `sum[t][n] = R32 over g of f32(acc[g]) * scale[n][g]`. Shapes and buffer form
    are as in `tern.matmul`; rows that only the layout adds are not written.

    ```mlir
    %a = tern.grouped_matmul "q_proj" (%q, %w, %scales)
        : (tensor<?x192xi8>, tensor<320x192x!tern.trit>, tensor<320x6xf32>) -> tensor<?x320xf32>
    ```
  }];
  let arguments = (ins StrAttr:$projection, Tern_RowsOf<[I8]>:$codes,
                       Tern_Shaped:$weight, Tern_RowsOf<[F32]>:$scale,
                       Variadic<AnyMemRef>:$outs,
                       OptionalAttr<TypeAttrOf<AnyRankedTensor>>:$weight_type);
  let assemblyFormat = [{
    $projection `(` $codes `,` $weight `,` $scale `)`
    (`outs` `(` $outs^ `:` type($outs) `)`)? (`weight_type` $weight_type^)? attr-dict
    `:` `(` type($codes) `,` type($weight) `,` type($scale) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getWeightTensorType();
    LayoutAttr getLayout();
    /// Columns that share a scale.
    int64_t getGroupSize();
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
                       Variadic<AnyMemRef>:$outs);
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
                       Variadic<AnyMemRef>:$outs);
  let assemblyFormat = [{
    `(` $query `,` $cache `[` $layer `]` `,` $positions `)`
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($query) `,` qualified(type($cache)) `,` type($positions) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

#endif // TERN_KERNEL_OPS_TD
