//===- ChoiceOps.td - Tokens chosen from all logits --------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Operations of modules for devices. They have a header of their own, ChoiceOps.h.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CHOICE_OPS_TD
#define TERN_CHOICE_OPS_TD

include "tern/Dialect/Tern/IR/TernOps.td"

def Tern_TopLogitsOp : Tern_KernelOp<"top_logits"> {
  let summary = "the largest logits of parts of a row";
  let description = [{
    Each run of 32 values of a row belongs to one of `parts` parts, which take them in
    turn. Results are, for each part, its `each` largest values: pairs of a value's bits
    and its index in the row, larger values first, of equal ones the lower index. 0 and
    -0 are equal, and 0 in the result. Those that are infinite or not a number come first, as
    0x7fffffff. Where a part has no more values the index is -1.

    ```mlir
    %t = tern.top_logits(%logits) parts 32 each 8 : (tensor<?x1024xf32>) -> tensor<?x512xi32>
    ```
  }];
  let arguments = (ins Tern_RowsOf<[F32]>:$input, I64Attr:$parts, I64Attr:$each,
                       Variadic<Tern_Shaped>:$outs);
  let assemblyFormat = [{
    `(` $input `)` `parts` $parts `each` $each (`outs` `(` $outs^ `:` type($outs) `)`)?
    attr-dict `:` `(` type($input) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Values of a row that one part takes together.
    static constexpr int64_t kRun = 32;
    /// Those that a device gives for sampling: the parts are about as many as it
    /// has blocks, and most texts go on with one of so many.
    static constexpr int64_t kSampledParts = 256, kSampledEach = 8;
    static int64_t countRuns(int64_t columns) { return (columns + kRun - 1) / kRun; }
    static int64_t countSampledParts(int64_t columns) {
      return std::min(kSampledParts, countRuns(columns));
    }
  }];
}

def Tern_ArriveOp : Tern_Op<"arrive", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "true in the last one of the iterations that come here";
  let description = [{
    `count` iterations of a parallel loop come here for each of `groups` groups. The one
    that comes last sees what all of them have written before they came, so that it can
    go on with it alone, without another launch of the device. After it the group is as
    it was in the beginning.

    ```mlir
    %is_last = tern.arrive %row of 8 by 256
    ```
  }];
  let arguments = (ins Index:$group, I64Attr:$groups, I64Attr:$count);
  let results = (outs I1:$last);
  let assemblyFormat = "$group `of` $groups `by` $count attr-dict";
}

#endif // TERN_CHOICE_OPS_TD
