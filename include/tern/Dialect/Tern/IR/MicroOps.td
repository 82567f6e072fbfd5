//===- MicroOps.td - The innermost step of a product ---------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_MICROOPS_TD
#define TERN_MICROOPS_TD

include "tern/Dialect/Tern/IR/MicroKernelInterfaces.td"
include "tern/Dialect/Tern/IR/TernAttrs.td"
include "tern/Dialect/Tern/IR/TernTypes.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tern_MicroOpBase<string mnemonic, list<Trait> traits = []>
    : Tern_Op<mnemonic, [Pure] # traits> {
  let results = (outs AnyVectorOfAnyRank:$result);
  let hasVerifier = 1;
}

def Tern_MicroBeginOp : Tern_MicroOpBase<"micro_begin"> {
  let summary = "sums of a micro kernel, all zero";
  let description = [{
    A kernel of prepared codes is told how many `steps` are to come: their biases add
    up to the sums' zero.

    ```mlir
    %acc = tern.micro_begin #kernel -> vector<1x2x4x16xi32>
    %acc = tern.micro_begin #kernel steps 171 -> vector<2x2x2x32xi16>
    ```
  }];
  let arguments = (ins MicroKernelAttrInterface:$kernel,
                       DefaultValuedAttr<I64Attr, "0">:$steps);
  let assemblyFormat = "$kernel (`steps` $steps^)? attr-dict `->` type($result)";
}

def Tern_MicroPrepareOp : Tern_MicroOpBase<"micro_prepare"> {
  let summary = "codes as the steps of a micro kernel take them";
  let description = [{
    Codes of one step, for all rows.

    ```mlir
    %tables = tern.micro_prepare #kernel %x : vector<1x15xi8> -> vector<3x2x128xi8>
    ```
  }];
  let arguments = (ins MicroKernelAttrInterface:$kernel, AnyVectorOfAnyRank:$codes);
  let assemblyFormat = "$kernel $codes attr-dict `:` type($codes) `->` type($result)";
}

def Tern_MicroOp : Tern_MicroOpBase<"micro", [AllTypesMatch<["fragment", "result"]>]> {
  let summary = "one step of a product";
  let description = [{
    Adds the products of some tokens' codes and some rows' weights to the sums that
    the micro kernel keeps. `projection` is the product's. Codes are as
    `tern.micro_prepare` makes them if the kernel wants that.

    ```mlir
    %next = tern.micro "q_proj" #kernel %x, %w into %acc
        : vector<1x16xi8>, vector<128xi8> into vector<2x4x16xi32>
    ```
  }];
  let arguments = (ins StrAttr:$projection, MicroKernelAttrInterface:$kernel,
                       AnyVectorOfAnyRank:$codes, AnyVectorOfAnyRank:$fragment,
                       Variadic<AnyVectorOfAnyRank>:$weights);
  let assemblyFormat = [{
    $projection $kernel $codes `,` $weights `into` $fragment attr-dict
    `:` type($codes) `,` type($weights) `into` type($fragment)
  }];
}

def Tern_MicroWidenOp : Tern_MicroOpBase<"micro_widen", [AllTypesMatch<["fragment", "result"]>]> {
  let summary = "narrow sums added to those of a micro kernel";
  let description = [{
    Some kernels have sums of fewer bits for some steps (`getNarrowSteps`), whose
    `tern.micro` take and give those.

    ```mlir
    %next = tern.micro_widen #kernel %narrow into %acc
        : vector<2x4x16xi16> into vector<2x4x8xi32>
    ```
  }];
  let arguments = (ins MicroKernelAttrInterface:$kernel, AnyVectorOfAnyRank:$narrow,
                       AnyVectorOfAnyRank:$fragment);
  let assemblyFormat = [{
    $kernel $narrow `into` $fragment attr-dict
    `:` type($narrow) `into` type($fragment)
  }];
}

def Tern_MicroFinishOp : Tern_MicroOpBase<"micro_finish"> {
  let summary = "the sums of a micro kernel, by token and row";
  let description = [{
    ```mlir
    %sums = tern.micro_finish #kernel %acc : vector<1x2x4x16xi32> -> vector<1x32xi32>
    ```
  }];
  let arguments = (ins MicroKernelAttrInterface:$kernel, AnyVectorOfAnyRank:$fragment);
  let assemblyFormat = "$kernel $fragment attr-dict `:` type($fragment) `->` type($result)";
}

def Tern_MicroScaleOp : Tern_Op<"micro_scale", [AttrSizedOperandSegments,
    AllTypesMatch<["total", "result"]>, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "the sums of a group of columns, scaled and added to those before";
  let description = [{
    For each token t and row n of the kernel, of the sums of group j,
    `total + (f32(sum - codeSums[t][j]) * scales[n][j]) * factors[t][j / groups_per_factor]`,
    without factors `total + f32(sum - codeSums[t][j]) * scales[n][j]`. Scales lie in a
    matrix, or behind the digits of tiles in `layout`. Kernels that store sums have it.

    ```mlir
    %t = tern.micro_scale #kernel %acc into %total group %j less %codeSums : tensor<?x2xi32>
        scales %w : tensor<1x2x544xi8>
          in <b2, rows, k:4:8, [k:1:128, n:8:1, k:4:32, k:2:4, n:2:8, k:4:1], f16>
        : vector<128xi32> into vector<128xf32>
    ```
  }];
  let arguments = (ins MicroKernelAttrInterface:$kernel, AnyVectorOfAnyRank:$fragment,
                       AnyVectorOfAnyRank:$total, Index:$group,
                       Optional<Tern_Shaped>:$codeSums, Tern_Shaped:$scales,
                       Optional<Tern_Shaped>:$factors,
                       OptionalAttr<Tern_LayoutAttr>:$layout,
                       DefaultValuedAttr<I64Attr, "1">:$groups_per_factor);
  let results = (outs AnyVectorOfAnyRank:$result);
  let assemblyFormat = [{
    $kernel $fragment `into` $total `group` $group (`less` $codeSums^ `:` type($codeSums))?
    `scales` $scales `:` type($scales) (`in` $layout^)?
    (`factors` $factors^ `:` type($factors) `of` $groups_per_factor)? attr-dict
    `:` type($fragment) `into` type($total)
  }];
  let hasVerifier = 1;
}

def Tern_MicroStoreOp : Tern_Op<"micro_store", [AttrSizedOperandSegments, SingleBlock,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "the sums of a micro kernel to memory, by way of an operation on them";
  let description = [{
    For each token and row that `init` has, the body gets the sum, less the code sums of
    its token, and the elements of `inputs` that `maps` name. A fragment may have tokens
    behind those of `init`, and may be the scaled sums of groups. Kernels say that they want
    it (`storesSums`).

    ```mlir
    %r = tern.micro_store #kernel %acc : vector<128xi32> less %codeSums : tensor<?x1xi32>
        ins(%x : tensor<?x16xf32>) outs(%init : tensor<?x16xf32>) maps [#by_token_and_row] {
    ^bb0(%sum: i32, %residual: f32):
      ...
      tern.yield %y : f32
    } -> tensor<?x16xf32>
    ```
  }];
  let arguments = (ins MicroKernelAttrInterface:$kernel, AnyVectorOfAnyRank:$fragment,
                       Optional<Tern_Shaped>:$codeSums, Variadic<Tern_Shaped>:$inputs,
                       Tern_Shaped:$init, AffineMapArrayAttr:$maps);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $kernel $fragment `:` type($fragment) (`less` $codeSums^ `:` type($codeSums))?
    (`ins` `(` $inputs^ `:` type($inputs) `)`)? `outs` `(` $init `:` type($init) `)`
    `maps` $maps attr-dict-with-keyword $body (`->` type($result)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    YieldOp getYield();
  }];
}

def Tern_YieldOp : Tern_Op<"yield", [Pure, Terminator, ParentOneOf<["MicroStoreOp"]>]> {
  let summary = "an element of a result";
  let description = [{
    ```mlir
    tern.yield %y : f32
    ```
  }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Tern_PrefetchOp : Tern_Op<"prefetch", [
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "ask for bytes of a weight that will be read soon";
  let description = [{
    `bytes` bytes from the element at `indices` on. Nothing depends on it.

    ```mlir
    tern.prefetch %w[%row, %c0, %c0] bytes 640 : tensor<512x10x64xi8>
    ```
  }];
  let arguments = (ins Tern_Shaped:$weight, Variadic<Index>:$indices, I64Attr:$bytes);
  let assemblyFormat = [{
    $weight `[` $indices `]` `bytes` $bytes attr-dict `:` type($weight)
  }];
}

#endif // TERN_MICROOPS_TD
