//===- TernOps.td - Operations ------------------------------ -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_OPS_TD
#define TERN_OPS_TD

include "tern/Dialect/Tern/IR/LookupOps.td"
include "tern/Dialect/Tern/IR/TernAttrs.td"
include "tern/Dialect/Tern/IR/TernTypes.td"
include "tern/Dialect/Tern/IR/TernInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

def Tern_WeightOp : Tern_Op<"weight", [Symbol]> {
  let summary = "a named weight; its bytes lie in the artifact, never in the IR";
  let description = [{
    `type` is the type of one instance. A weight with `per_layer` has one instance
    per layer, all of the same type; `{}` in a source name stands for the layer's
    number. Several `sources` are concatenated along rows. `offset` is where the
    instance of layer 0 (or the only one) starts in the weights section; those of
    layer l lie l * `tern.layer_stride` further. It is given by
    `tern-plan-weights`, and where a model has several kinds of layers the `kind`
    whose layers, counted among themselves, have this weight, and their `stride`.

    ```mlir
    tern.weight @norm <values> ["model.norm.weight"] : tensor<192xf32>
    tern.weight @q_proj per_layer <digits> ["model.layers.{}.self_attn.q_proj.weight"]
        : tensor<192x192x!tern.trit>
    tern.weight @q_proj.scale per_layer <scale> ["model.layers.{}.self_attn.q_proj.weight"]
        : tensor<1xf32>
    tern.weight @rope_cos <rope_cos> [] {head_dim = 4 : i64, theta = 1.0e+04 : f64,
                                         divisors = array<f64: 1.0, 8.0>} : tensor<256x2xf32>
    ```

    Of floats, `one_plus` stores 1 + x, `minus_exp` -exp(x), computed in double and
    rounded once, and `taps` the transpose of a matrix [features, (1,) taps].

    Tables of rotary embeddings have no sources but attributes: `head_dim`, `theta`
    and, where a model scales its frequencies, `divisors`, what the frequency of each
    of the head_dim / 2 pairs of features is divided by, and `factor`, which every
    cosine and sine is multiplied by before it is rounded.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, UnitAttr:$per_layer,
                       Tern_WeightEncodingAttr:$encoding,
                       StrArrayAttr:$sources, TypeAttrOf<AnyRankedTensor>:$type,
                       OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<StrAttr>:$kind,
                       OptionalAttr<I64Attr>:$stride);
  let assemblyFormat = [{
    $sym_name (`per_layer` $per_layer^)? $encoding $sources
    (`offset` $offset^)? (`kind` $kind^)? (`stride` $stride^)? attr-dict `:` $type
  }];
  let hasVerifier = 1;
}

def Tern_GetWeightOp : Tern_Op<"get_weight", [Pure,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a weight, of one layer if it has one per layer";
  let description = [{
    Of a weight with a layout, that is its bytes, a grid of tiles. In buffer form the
    result is a memref of the same shape.

    ```mlir
    %0 = tern.get_weight @q_proj[%layer] : tensor<192x192x!tern.trit>
    %1 = tern.get_weight @norm : tensor<192xf32>
    %2 = tern.get_weight @packed[%layer] : tensor<12x12x64xi8>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight, Optional<Index>:$layer);
  let results = (outs Tern_Shaped:$result);
  let assemblyFormat = "$weight (`[` $layer^ `]`)? attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Model operations
//===----------------------------------------------------------------------===//

def Tern_RMSNormOp : Tern_Op<"rms_norm", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "root mean square norm of each token, or of each of its heads";
  let description = [{
    `m = R32(x*x) / n;  r = 1 / sqrt(m + eps);  result = (x * r) * weight`, one
    rounding per operation, R32 the sum order of docs/numerics.md. With `head_dim` a
    row is heads of so many features, and each is normed by itself, all with the one
    weight of `head_dim` elements.

    ```mlir
    %h = tern.rms_norm %x, %w eps 1.000000e-05 : tensor<?x192xf32>, tensor<192xf32>
    %n = tern.rms_norm %q, %qw eps 1.000000e-06 head_dim 64 : tensor<?x192xf32>, tensor<64xf32>
    ```
  }];
  let arguments = (ins Tern_F32Rows:$input, Tern_F32Vector:$weight, F32Attr:$eps,
                       OptionalAttr<I64Attr>:$head_dim);
  let results = (outs Tern_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight `eps` $eps (`head_dim` $head_dim^)? attr-dict
    `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Tern_ScaleOp : Tern_Op<"scale", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "every feature times, or divided by, one number";
  let description = [{
    One operation, one rounding: `x * factor`, or `x / factor` where the model is
    defined with a division. The depth and width of MiniCPM are such numbers.

    ```mlir
    %e = tern.scale %x by 1.200000e+01 : tensor<?x192xf32>
    %h = tern.scale %n divided by 6.000000e+00 : tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Tern_F32Rows:$input, F32Attr:$factor, UnitAttr:$divided);
  let results = (outs Tern_F32Rows:$result);
  let assemblyFormat = [{
    $input (`divided` $divided^)? `by` $factor attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Tern_BitLinearOp : Tern_Op<"bitlinear", [Pure]> {
  let summary = "linear layer with ternary weights and quantized activations";
  let description = [{
    For each token t and output n

    ```
    q, s   = quantize(input[t], act_quant)
    q      = top_k ? q where |input[t]| is among the largest, else 0 : q
    acc    = sum_k(weight[n][k] * q[k])                         exact, i32
    result = f32(acc) * (s * scale) [+ bias[n]]
    ```

    Several results are consecutive ranges of outputs, as projections merged into
    one weight have them; `scale` holds one value per result, or one per output.
    As a matrix, it holds for each output one value per group of adjacent columns.
    With `acc[j]` the sum within group j, and the sum over groups by rising j,
    beginning with +0,

    ```
    result = (sum over j of f32(acc[j]) * scale[n][j]) * s [+ bias[n]]
    ```

    Where activations have a factor for each block, each block is one or more groups,
    and `b(j)` the block of group j,

    ```
    result = (sum over j of (f32(acc[j]) * scale[n][j]) * s[b(j)]) [+ bias[n]]
    ```

    Activations that stay floats (`f32`) need scales of groups as well, one group at
    least, and `acc[j]` is the R32 sum of weight * input over the columns of group j.

    `bias` holds one value per output. `projection` names the layer's part in
    statistics. This is the form fusion looks at; `tern-decompose-bitlinear` turns
    it into kernel operations.

    ```mlir
    %o = tern.bitlinear "o_proj" %a, %w scale %s act_quant <int8_absmax> top_k <keep = 96>
        : tensor<?x192xf32>, tensor<192x192x!tern.trit>, tensor<1xf32> -> tensor<?x192xf32>
    %g, %u = tern.bitlinear "gate_proj+up_proj" %h, %wgu scale %sgu act_quant <int8_absmax>
        : tensor<?x192xf32>, tensor<1024x192x!tern.trit>, tensor<2xf32> -> tensor<?x512xf32>, tensor<?x512xf32>
    %d = tern.bitlinear "down_proj" %x, %w scale %s act_quant <int8_absmax, block = 128>
        : tensor<?x512xf32>, tensor<192x512x!tern.trit>, tensor<192x4xf32> -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins StrAttr:$projection, Tern_F32Rows:$input,
                       Tern_TritMatrix:$weight, Tern_Scales:$scale,
                       Optional<Tern_F32Vector>:$bias,
                       Tern_ActQuantAttr:$act_quant, OptionalAttr<Tern_TopKAttr>:$top_k);
  let results = (outs Variadic<Tern_F32Rows>:$results);
  let assemblyFormat = [{
    $projection $input `,` $weight `scale` $scale
    (`bias` `(` $bias^ `:` type($bias) `)`)? `act_quant` $act_quant
    (`top_k` $top_k^)? attr-dict
    `:` type($input) `,` type($weight) `,` type($scale) `->` type($results)
  }];
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Tern_RopeOp : Tern_Op<"rope", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "rotary position embedding of every head";
  let description = [{
    A row is heads of `head_dim` features; a head's halves (a, b) become
    `a*cos - b*sin, b*cos + a*sin`. `cos` and `sin` are tables
    [position][head_dim/2]. With `rotary_dim` the halves are those of a head's first
    so many features, and tables have half as many columns; the others stay.

    ```mlir
    %r = tern.rope %q at %positions cos %c sin %s head_dim 64
        : tensor<?x192xf32>, tensor<?xi32>, tensor<256x32xf32>, tensor<256x32xf32>
    %p = tern.rope %q at %positions cos %pc sin %ps head_dim 64 rotary_dim 16
        : tensor<?x192xf32>, tensor<?xi32>, tensor<256x8xf32>, tensor<256x8xf32>
    ```
  }];
  let arguments = (ins Tern_F32Rows:$input, Tern_TokenIds:$positions,
                       Tern_F32Rows:$cos, Tern_F32Rows:$sin, I64Attr:$head_dim,
                       OptionalAttr<I64Attr>:$rotary_dim);
  let results = (outs Tern_F32Rows:$result);
  let assemblyFormat = [{
    $input `at` $positions `cos` $cos `sin` $sin `head_dim` $head_dim
    (`rotary_dim` $rotary_dim^)? attr-dict
    `:` type($input) `,` type($positions) `,` type($cos) `,` type($sin)
  }];
  let hasVerifier = 1;
}

def Tern_GluOp : Tern_Op<"glu", [Pure, AllTypesMatch<["gate", "up", "result"]>]> {
  let summary = "gated linear unit";
  let description = [{
    `relu2`: `r = max(gate, 0); (r*r) * up`.
    `silu`: `(gate * (1 / (1 + exp(-gate)))) * up`, exp as docs/numerics.md.
    `sigmoid`: `(1 / (1 + exp(-gate))) * up`, an output gate of attention.

    ```mlir
    %f = tern.glu <relu2> %g, %u : tensor<?x512xf32>
    ```
  }];
  let arguments = (ins Tern_GluKindAttr:$kind, Tern_F32Rows:$gate, Tern_F32Rows:$up);
  let results = (outs Tern_F32Rows:$result);
  let assemblyFormat = "$kind $gate `,` $up attr-dict `:` type($gate)";
}

include "tern/Dialect/Tern/IR/KernelOps.td"
include "tern/Dialect/Tern/IR/RecurrentOps.td"
include "tern/Dialect/Tern/IR/BestTokenOps.td"
include "tern/Dialect/Tern/IR/MicroOps.td"

//===----------------------------------------------------------------------===//
// Services that lowered kernels ask for
//===----------------------------------------------------------------------===//

def Tern_StateAddressOp : Tern_Op<"state_address", [Pure]> {
  let summary = "address of the state of a token's sequence";
  let description = [{
    The state (tern/tern.h) of the sequence that the call's token belongs to, as an
    integer; of a `!tern.state`, the part that is the kind's.

    ```mlir
    %a = tern.state_address %cache[%t] : !tern.kv_cache<...>
    ```
  }];
  let arguments = (ins AnyTypeOf<[Tern_KVCacheType, Tern_StateType]>:$cache,
                       Index:$token);
  let results = (outs Index:$address);
  let assemblyFormat = "$cache `[` $token `]` attr-dict `:` qualified(type($cache))";
}

def Tern_FromAddressOp : Tern_Op<"from_address", [Pure]> {
  let summary = "view an address as a buffer of static shape";
  let description = [{
    Nothing is checked: what lies there is for its maker to know.

    ```mlir
    %b = tern.from_address %a : memref<256x24xi8>
    ```
  }];
  let arguments = (ins Index:$address);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "$address attr-dict `:` type($result)";
}

/// Which thread runs which iterations.
def Tern_ScheduleResource : Resource<"::tern::ScheduleResource">;

def Tern_WorkerIndexOp
    : Tern_Op<"worker_index", [MemoryEffects<[MemRead<Tern_ScheduleResource>]>]> {
  let summary = "number of the worker that runs this iteration, of those the environment has";
  let description = [{
    Outside of an `scf.parallel` there is one worker, 0. The answer depends on the
    iteration, not on operands, so nothing may move it out of its loop.
  }];
  let results = (outs Index:$index);
  let assemblyFormat = "attr-dict";
}

def Tern_WorkerCountOp
    : Tern_Op<"worker_count", [MemoryEffects<[MemRead<Tern_ScheduleResource>]>]> {
  let summary = "how many workers are worth waking for some bytes of weights";
  let description = [{
    At least one, and no more than the host has threads. For a parallel loop with an
    iteration for each worker, because each has to do something before it begins with
    its part.

    ```mlir
    %n = tern.worker_count bytes 3571200
    ```
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntNonNegative]>:$bytes);
  let results = (outs Index:$count);
  let assemblyFormat = "`bytes` $bytes attr-dict";
}

def Tern_IterationOp
    : Tern_Op<"iteration", [MemoryEffects<[MemWrite<Tern_ScheduleResource>]>]> {
  let summary = "name of the loop around it, and the bytes an iteration moves";
  let description = [{
    At the beginning of the body of an `scf.forall` or `scf.parallel`: the task that
    tern-outline-parallel makes of it has this name, and no more workers than the
    bytes are worth. Of loops that were fused both stand in the body, and the bytes
    add up.

    It is an operation because an attribute of `scf.parallel` would be a discardable
    one, which a pass that makes a new loop of an old one may leave behind.

    ```mlir
    scf.parallel (%i) = (%c0) to (%blocks) step (%c1) {
      tern.iteration "q_proj.rows_in_lanes" bytes 2048
    ```
  }];
  let arguments = (ins StrAttr:$task, ConfinedAttr<I64Attr, [IntNonNegative]>:$bytes);
  let assemblyFormat = "$task `bytes` $bytes attr-dict";
}

def Tern_CountReadOp : Tern_Op<"count_read"> {
  let summary = "add to a projection's counters of weight bytes held and read";
  let description = [{
    Stands outside of parallel loops, so counting is never a race.

    ```mlir
    tern.count_read "up_proj" held %held read %read
    ```
  }];
  let arguments = (ins StrAttr:$projection, Index:$held, Index:$read);
  let assemblyFormat = "$projection `held` $held `read` $read attr-dict";
}

#endif // TERN_OPS_TD
