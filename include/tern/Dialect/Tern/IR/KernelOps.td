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

def Tern_GatherRowsOp : Tern_KernelOp<"gather_rows",
                                      [Tern_RowWise, AttrSizedOperandSegments]> {
  let summary = "rows of a table, widened to f32";
  let description = [{
    `result[t] = table[indices[t]]`: the embeddings of tokens, the angles of
    positions.

    A table of integers has `scales`, one per row: `result[t][k] = f32(code) * scale`.
    A table of digits has them too: one, one per row, or as a matrix one per row and
    group of adjacent columns; `result[t][k] = f32(digit) * scale`, which is exact.
    With a layout the table is physical, a grid of tiles of bytes, and `weight_type`
    says what it holds, as of `tern.matmul`: one weight may be the table and the
    head. Scales in the layout take the place of the operand.

    ```mlir
    %x = tern.gather_rows(%tokens, %table)
        : (tensor<?xi32>, tensor<1024x192xbf16>) -> tensor<?x192xf32>
    %y = tern.gather_rows(%tokens, %grid) scales(%s : tensor<1024x3xf32>)
        weight_type tensor<1024x192x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
        : (tensor<?xi32>, tensor<1024x48x1xi8>) -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Tern_VectorOf<[I32]>:$indices, Tern_Shaped:$table,
                       Optional<AnyTypeOf<[Tern_VectorOf<[F32]>,
                                           Tern_RowsOf<[F16, F32]>]>>:$scales,
                       Variadic<Tern_Shaped>:$outs,
                       OptionalAttr<TypeAttrOf<AnyRankedTensor>>:$weight_type);
  let assemblyFormat = [{
    `(` $indices `,` $table `)` (`scales` `(` $scales^ `:` type($scales) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? (`weight_type` $weight_type^)? attr-dict
    `:` `(` type($indices) `,` type($table) `)` (`->` type($results)^)?
  }];
  let builders = [
    /// In tensor form; `scales` of a table of digits or null.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$indices,
                   "::mlir::Value":$table, CArg<"::mlir::Value", "{}">:$scales)>,
  ];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The table as a matrix, rows x columns; with its layout if it has one.
    ::mlir::RankedTensorType getTableType();
  }];
}

def Tern_LmHeadOp : Tern_KernelOp<"lm_head", [AttrSizedOperandSegments]> {
  let summary = "logits of normalized tokens";
  let description = [{
    With 16 or 32 bit rows, `logits[t][v] = R32(input[t] * weight[v])`, weights
    widened exactly. With rows of integers of 8, 6 or 4 bits and their `scales` (one
    per row), the input is quantized by `int8_absmax` and
    `logits[t][v] = f32(acc) * (s[t] * scales[v])`; `tern-decompose-bitlinear`
    rewrites that form into `tern.quantize`, `tern.matmul` and `tern.dequantize`,
    so the buffer form has no scales. Integers of 8 bits may come in two planes:
    `weight` is code >> 2 and `low` is code & 3, so that code = 4 * weight + low.

    ```mlir
    %l = tern.lm_head(%h, %w) : (tensor<?x192xf32>, tensor<1024x192xbf16>) -> tensor<?x1024xf32>
    %m = tern.lm_head(%h, %w8) scales(%s : tensor<1024xf32>)
        : (tensor<?x192xf32>, tensor<1024x192xi8>) -> tensor<?x1024xf32>
    %n = tern.lm_head(%h, %w6) low(%w2 : tensor<1024x192xi2>) scales(%s : tensor<1024xf32>)
        : (tensor<?x192xf32>, tensor<1024x192xi6>) -> tensor<?x1024xf32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$input,
                       Tern_RowsOf<[BF16, F16, F32, I8, I<6>, I<4>]>:$weight,
                       Optional<Tern_RowsOf<[I<2>]>>:$low,
                       Optional<Tern_VectorOf<[F32]>>:$scales,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $input `,` $weight `)` (`low` `(` $low^ `:` type($low) `)`)?
    (`scales` `(` $scales^ `:` type($scales) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `,` type($weight) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_ReduceOp : Tern_KernelOp<"reduce", [Tern_RowWise]> {
  let summary = "one statistic of each token's features, or of each part of them";
  let description = [{
    `max_abs`, or R32 of |x| (`sum_abs`) or of x*x (`sum_squares`): the sum order
    that makes every target give the same bits (docs/numerics.md 0). The statistic is
    of the innermost dimension, so rows that are cut into heads or blocks have one for
    each.

    ```mlir
    %m = tern.reduce <sum_squares> (%x) : (tensor<?x192xf32>) -> tensor<?xf32>
    %h = tern.reduce <sum_squares> (%q) : (tensor<?x3x64xf32>) -> tensor<?x3xf32>
    ```
  }];
  let arguments = (ins Tern_ReduceKindAttr:$kind, Tern_CutRowsOf<[F32]>:$input,
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
  let summary = "activations to integers and their factors";
  let description = [{
    Results are q (i8, in [-128, 127]; [-8, 7] for int4; twice the value for fp4)
    and s of `#tern.act_quant`, one per token, or one per token and block.

    ```mlir
    %q, %s = tern.quantize <int4_absmean> (%x)
        : (tensor<?x192xf32>) -> tensor<?x192xi8>, tensor<?xf32>
    %p, %r = tern.quantize <int8_absmax, block = 64> (%x)
        : (tensor<?x192xf32>) -> tensor<?x192xi8>, tensor<?x3xf32>
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

def Tern_ArgmaxOp : Tern_KernelOp<"argmax"> {
  let summary = "the token with the largest logit";
  let description = [{
    Of each row the index of the largest value, the lowest of those that are equal, as
    0 and -0 are; -1 if a value of the row is infinite or not a number. Behind it comes
    the same index, or 0 for -1: what a device may go on with before anybody has looked.

    ```mlir
    %t = tern.argmax(%logits) : (tensor<?x1024xf32>) -> tensor<?x2xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$input, Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $input `)` (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
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

include "tern/Dialect/Tern/IR/MatmulOp.td"
include "tern/Dialect/Tern/IR/RepackOp.td"

def Tern_DequantizeOp : Tern_KernelOp<"dequantize",
                                      [Tern_RowWise, AttrSizedOperandSegments]> {
  let summary = "sums of products to activations";
  let description = [{
    `result[t][n] = f32(acc[t][n]) * (factor[t] * scale[n]) [+ bias[n]]`; `scale`
    has one value or one per output, `bias` one per output. Sums that are floats
    have been scaled: `result[t][n] = acc[t][n] * factor[t] [+ bias[n]]`. Those of a
    product with factors of its own lack only a bias: `result[t][n] = acc[t][n] +
    bias[n]`.

    ```mlir
    %y = tern.dequantize(%a, %s, %alpha)
        : (tensor<?x192xi32>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x192xf32>
    %z = tern.dequantize(%p, %s) bias(%b : tensor<192xf32>)
        : (tensor<?x192xf32>, tensor<?xf32>) -> tensor<?x192xf32>
    %w = tern.dequantize(%p) bias(%b : tensor<192xf32>)
        : (tensor<?x192xf32>) -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[I32, F32]>:$acc,
                       Optional<Tern_VectorOf<[F32]>>:$factor,
                       Optional<Tern_VectorOf<[F32]>>:$scale,
                       Optional<Tern_VectorOf<[F32]>>:$bias,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $acc (`,` $factor^)? (`,` $scale^)? `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($acc) (`,` type($factor)^)? (`,` type($scale)^)? `)` (`->` type($results)^)?
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
