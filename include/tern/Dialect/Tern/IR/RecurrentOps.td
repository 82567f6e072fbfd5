//===- RecurrentOps.td - Operations of recurrent layers ------ -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Gated DeltaNet (arXiv 2412.06464): layers that keep a state of fixed size of
// each sequence instead of a cache. docs/numerics.md 5 has every rounding.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_RECURRENT_OPS_TD
#define TERN_RECURRENT_OPS_TD

include "tern/Dialect/Tern/IR/KernelOps.td"

def Tern_SplitOp : Tern_Op<"split", [Pure]> {
  let summary = "ranges of the features of each token, or of each of its heads";
  let description = [{
    A row is `heads` heads of equal width. Of each head the first result has the
    first features, the second those behind it, and so on.

    ```mlir
    %q, %k, %v = tern.split %c
        : tensor<?x320xf32> -> tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x128xf32>
    %query, %gate = tern.split %p heads 3
        : tensor<?x384xf32> -> tensor<?x192xf32>, tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Tern_F32Rows:$input, OptionalAttr<I64Attr>:$heads);
  let results = (outs Variadic<Tern_F32Rows>:$results);
  let assemblyFormat = [{
    $input (`heads` $heads^)? attr-dict `:` type($input) `->` type($results)
  }];
  let hasVerifier = 1;
}

def Tern_L2NormOp : Tern_Op<"l2_norm", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "each head of a token scaled to length 1";
  let description = [{
    `r = 1 / sqrt(R32(x*x) + eps);  result = x * r` over heads of `head_dim` features.

    ```mlir
    %n = tern.l2_norm %q eps 1.000000e-06 head_dim 32 : tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Tern_F32Rows:$input, F32Attr:$eps, I64Attr:$head_dim);
  let results = (outs Tern_F32Rows:$result);
  let assemblyFormat = [{
    $input `eps` $eps `head_dim` $head_dim attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Tern_DeltaGatesOp : Tern_Op<"delta_gates", [Pure,
    AllTypesMatch<["write", "keep", "beta", "decay"]>]> {
  let summary = "how much of each head's state is written, and how much is kept";
  let description = [{
    `beta = sigmoid(write)` and `decay = exp(rate * softplus(keep + bias))`, with a
    `bias` and a `rate` for each head.

    ```mlir
    %beta, %decay = tern.delta_gates %b, %a bias %d rate %r
        : tensor<?x6xf32>, tensor<6xf32>, tensor<6xf32>
    ```
  }];
  let arguments = (ins Tern_F32Rows:$write, Tern_F32Rows:$keep,
                       Tern_F32Vector:$bias, Tern_F32Vector:$rate);
  let results = (outs Tern_F32Rows:$beta, Tern_F32Rows:$decay);
  let assemblyFormat = [{
    $write `,` $keep `bias` $bias `rate` $rate attr-dict
    `:` type($write) `,` type($bias) `,` type($rate)
  }];
  let hasVerifier = 1;
}

def Tern_CausalConvOp : Tern_KernelOp<"causal_conv"> {
  let summary = "convolution of each feature over the last tokens, and SiLU";
  let description = [{
    With K taps, `c[t] = taps[0] * x[t-K+1] + ... + taps[K-1] * x[t]` of each feature
    by itself, from left to right, and the result is `silu(c)`. A sequence had zeros
    before its first token. The last K - 1 rows of x are kept in the state, at
    byte `at` of the layer's part: K - 1 rows of f32, the oldest first. Tokens of a
    sequence are taken in their order.

    ```mlir
    %c = tern.causal_conv(%x, %taps, %state[%layer]) at 0
        : (tensor<?x320xf32>, tensor<4x320xf32>, !tern.state<bytes = 32256, layers = 2>)
        -> tensor<?x320xf32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$input, Tern_RowsOf<[F32]>:$taps,
                       Tern_StateType:$state, Index:$layer, I64Attr:$offset,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $input `,` $taps `,` $state `[` $layer `]` `)` `at` $offset
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($input) `,` type($taps) `,` qualified(type($state)) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_DeltaRuleOp : Tern_KernelOp<"delta_rule"> {
  let summary = "one step of the gated delta rule for each token and head";
  let description = [{
    A head of `value` has a matrix S of f32 in the state, with a row for each feature
    of a key and a column for each of a value, 0 before a sequence's first token; the
    heads' matrices begin at byte `at` of the layer's part. For each token in order

    ```
    S      = S * decay
    u[j]   = beta * (value[j] - sum over i of key[i] * S[i][j])
    S[i]   = S[i] + key[i] * u
    result = sum over i of query[i] * S[i]
    ```

    and both sums go by rising i, from +0. Value head j reads key head j / (value heads
    / `key_heads`), or with `tiled` key head j mod `key_heads`. No column of S needs
    another one, and no order of tokens but their own gives the same bits.

    ```mlir
    %o = tern.delta_rule(%q, %k, %v, %beta, %decay, %state[%layer]) at 3840 key_heads 3
        : (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x3xf32>, tensor<?x3xf32>,
           !tern.state<bytes = 32256, layers = 2>) -> tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$query, Tern_RowsOf<[F32]>:$key,
                       Tern_RowsOf<[F32]>:$value, Tern_RowsOf<[F32]>:$beta,
                       Tern_RowsOf<[F32]>:$decay, Tern_StateType:$state,
                       Index:$layer, I64Attr:$offset, I64Attr:$key_heads,
                       UnitAttr:$tiled, Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $query `,` $key `,` $value `,` $beta `,` $decay `,` $state `[` $layer `]` `)`
    `at` $offset `key_heads` $key_heads (`tiled` $tiled^)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($query) `,` type($key) `,` type($value) `,` type($beta) `,`
    type($decay) `,` qualified(type($state)) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getValueHeads();
    /// Features of a head's key and of its value.
    int64_t getKeyDim();
    int64_t getValueDim();
  }];
}

#endif // TERN_RECURRENT_OPS_TD
