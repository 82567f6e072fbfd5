//===- BestTokenOps.td - The best token without all logits -- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A head of int8 in two planes, code = 4 * upper + low with low of 0 to 3, of a
// token x. With l = 2 * low - 3, which is -3, -1, 1 or 3,
//
//   2 * (codes * x) = 8 * (upper * x) + 3 * sum(x) + l * x
//   |l * x| <= min(3 * sum |x|, |l| * |x|)
//
// so the sums of the upper plane alone bound those of all rows. All of it are
// integers but the two norms, and those are rounded up. f32(sum) and a product with
// a factor that is not negative are monotone: bounds of sums are bounds of logits.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_BEST_TOKEN_OPS_TD
#define TERN_BEST_TOKEN_OPS_TD

include "tern/Dialect/Tern/IR/KernelOps.td"

def Tern_BestTokenOp : Tern_Op<"best_token", [Pure]> {
  let summary = "the token with the largest logit";
  let description = [{
    For each token of `input` the index of the largest of the logits that
    `tern.lm_head` of the same operands has, the lowest of those that are equal; -1 if
    one of them is infinite or not a number. Not all of them are computed: `norms`
    has, for each row of the weight, the norm of 2 * low - 3, rounded up, which bounds
    what `low` can add. `tern-decompose-bitlinear` rewrites it into `tern.quantize`,
    products and, for each token, `tern.bound_rows`, `tern.candidate_rows` and
    `tern.best_row`.

    ```mlir
    %t = tern.best_token(%h, %w6, %w2) scales(%s) norms(%n)
        : (tensor<?x192xf32>, tensor<1024x192xi6>, tensor<1024x192xi2>,
           tensor<1024xf32>, tensor<1024xf32>) -> tensor<?xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$input, Tern_RowsOf<[I<6>]>:$weight,
                       Tern_RowsOf<[I<2>]>:$low, Tern_VectorOf<[F32]>:$scales,
                       Tern_VectorOf<[F32]>:$norms);
  let results = (outs Tern_VectorOf<[I32]>:$result);
  let assemblyFormat = [{
    `(` $input `,` $weight `,` $low `)` `scales` `(` $scales `)` `norms` `(` $norms `)`
    attr-dict `:` `(` type($input) `,` type($weight) `,` type($low) `,` type($scales) `,`
    type($norms) `)` `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tern_BoundRowsOp : Tern_KernelOp<"bound_rows"> {
  let summary = "bounds of all logits by the upper plane's sums";
  let description = [{
    Results are, of each row, a number that its logit does not exceed, and a list of
    one row: that with the largest number that its logit does not fall short of, the
    first of equals or any one. With `upper` the sums of the upper plane,
    `a = 8 * upper + 3 * sum(codes)` and
    `e = min(3 * sum |codes|, norm * |codes|, rounded up)`, the bounds are
    `f32((a + e) >> 1) * (factor * scale)` and `f32((a - e + 1) >> 1) * (factor *
    scale)`. Where the lower one is not finite the upper one is NaN.

    ```mlir
    %u, %i, %n = tern.bound_rows(%a, %q, %f, %s, %norms)
        : (tensor<1x1024xi32>, tensor<1x192xi8>, tensor<1xf32>, tensor<1024xf32>,
           tensor<1024xf32>) -> tensor<1x1024xf32>, tensor<1x1024xi32>, tensor<1xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[I32]>:$upper, Tern_RowsOf<[I8]>:$codes,
                       Tern_VectorOf<[F32]>:$factor, Tern_VectorOf<[F32]>:$scales,
                       Tern_VectorOf<[F32]>:$norms, Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $upper `,` $codes `,` $factor `,` $scales `,` $norms `)`
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($upper) `,` type($codes) `,` type($factor) `,` type($scales) `,`
    type($norms) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_CandidateRowsOp : Tern_KernelOp<"candidate_rows"> {
  let summary = "rows whose logits may be the largest";
  let description = [{
    Results are the indices, in rising order, of the rows whose `bounds` are not less
    than the logit of one row, the first of the list `first`, and how many there are.
    `upper` has the sums of the upper plane, `low` those of the lower one, at the
    first of the list at least. Rows with a bound of NaN are among them, and all rows
    if that logit is NaN. Entries from the count on are unspecified.

    ```mlir
    %i, %n = tern.candidate_rows(%u, %a, %l, %first, %f, %s)
        : (tensor<1x1024xf32>, tensor<1x1024xi32>, tensor<1x1024xi32>,
           tensor<1x1024xi32>, tensor<1xf32>, tensor<1024xf32>)
        -> tensor<1x1024xi32>, tensor<1xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$bounds, Tern_RowsOf<[I32]>:$upper,
                       Tern_RowsOf<[I32]>:$low, Tern_RowsOf<[I32]>:$first,
                       Tern_VectorOf<[F32]>:$factor, Tern_VectorOf<[F32]>:$scales,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $bounds `,` $upper `,` $low `,` $first `,` $factor `,` $scales `)`
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($bounds) `,` type($upper) `,` type($low) `,` type($first) `,`
    type($factor) `,` type($scales) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Tern_BestRowOp : Tern_KernelOp<"best_row"> {
  let summary = "the listed row with the largest logit";
  let description = [{
    `f32(4 * upper[n] + low[n]) * (factor * scale[n])` is the logit of a row n; the
    result is the first of the list whose logit is the largest, or -1 if one of them
    is infinite or not a number.

    ```mlir
    %t = tern.best_row(%a, %l, %i, %n, %f, %s)
        : (tensor<1x1024xi32>, tensor<1x1024xi32>, tensor<1x1024xi32>, tensor<1xi32>,
           tensor<1xf32>, tensor<1024xf32>) -> tensor<1xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[I32]>:$upper, Tern_RowsOf<[I32]>:$low,
                       Tern_RowsOf<[I32]>:$indices, Tern_VectorOf<[I32]>:$count,
                       Tern_VectorOf<[F32]>:$factor, Tern_VectorOf<[F32]>:$scales,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $upper `,` $low `,` $indices `,` $count `,` $factor `,` $scales `)`
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict
    `:` `(` type($upper) `,` type($low) `,` type($indices) `,` type($count) `,`
    type($factor) `,` type($scales) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

#endif // TERN_BEST_TOKEN_OPS_TD
