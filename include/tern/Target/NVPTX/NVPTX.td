//===- NVPTX.td - Products in tensor cores of NVIDIA -------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_NVPTX_NVPTX_TD
#define TERN_TARGET_NVPTX_NVPTX_TD

include "tern/Dialect/Tern/IR/MicroKernelInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def TernNVPTX_Dialect : Dialect {
  let name = "tern_nvptx";
  let cppNamespace = "::tern::nvptx";
  let summary = "Steps of products that a warp does";
  let useDefaultAttributePrinterParser = 1;
}

def TernNVPTX_MmaAttr : AttrDef<TernNVPTX_Dialect, "Mma",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface>]> {
  let mnemonic = "mma";
  let summary = "sums in the registers of mma.m16n8k32";
  let description = [{
    Reads `b2, rows, k:4:8, [n:8:1, k:4:32, k:2:4, n:2:8, k:4:1]`: a tile of 16 rows by
    128 columns, of which each lane of a warp loads 16 bytes. Field f of these four words
    is the first factor of the fth of four `mma` where it lies, moved by 2f bits, which
    come off the sums in the end. The second factor are codes as they lie in a row, of
    eight tokens; with one of `tokens` the others are zeros.

    ```mlir
    #tern_nvptx.mma<tokens = 8>
    ```
  }];
  let parameters = (ins "int64_t":$tokens);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    static ::tern::Layout getLayout();
  }];
}

class TernNVPTX_Op<string mnemonic, list<Trait> traits = []>
    : Op<TernNVPTX_Dialect, mnemonic, traits>;

def TernNVPTX_ReadCodesOp : TernNVPTX_Op<"read_codes"> {
  let summary = "codes of eight tokens and 128 columns, and zeros for those that are not there";
  let description = [{
    `tokens` rows from the place on, and `width` columns of them.

    ```mlir
    %b = tern_nvptx.read_codes %codes[%token, %column] tokens 1 width 64 : memref<1x192xi8>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$codes,
                       Variadic<Index>:$indices, I64Attr:$tokens, I64Attr:$width);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = [{
    $codes `[` $indices `]` `tokens` $tokens `width` $width attr-dict `:`
    type($codes) `,` type($result)
  }];
}

def TernNVPTX_MmaOp : TernNVPTX_Op<"mma", [Pure, AllTypesMatch<["sums", "result"]>]> {
  let summary = "four products of a tile's fields and codes, added to sums";
  let description = [{
    Sums are of field, then of lane and register, as the instruction has them.

    ```mlir
    %s = tern_nvptx.mma %tile, %codes, %sums : vector<512xi8>, vector<8x128xi8>, vector<512xi32>
    ```
  }];
  let arguments = (ins AnyVectorOfNonZeroRank:$tile, AnyVectorOfNonZeroRank:$codes,
                       AnyVectorOfNonZeroRank:$sums);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = [{
    $tile `,` $codes `,` $sums attr-dict `:` type($tile) `,` type($codes) `,` type($sums)
  }];
}

def TernNVPTX_FinishSumsOp : TernNVPTX_Op<"finish_sums", [Pure]> {
  let summary = "sums of fields to sums by token and row";
  let description = [{
    ```mlir
    %o = tern_nvptx.finish_sums %sums : vector<512xi32> -> vector<8x16xi32>
    ```
  }];
  let arguments = (ins AnyVectorOfNonZeroRank:$sums);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = "$sums attr-dict `:` type($sums) `->` type($result)";
}

def TernNVPTX_AttendOp : TernNVPTX_Op<"attend"> {
  let summary = "attention of the query rows that share a kv head, by the warps of a block";
  let description = [{
    Rows are `at_once` heads of each of up to `tile` tokens that follow each other in a
    sequence: heads from column `column` of row `token` of the query on. Of these,
    `tokens` and `heads` are there; the first token sees `seen` positions. The head's
    parts of blocks begin at byte `head` of the state, its first rows at `first`.

    A `part` of it is all, or what one of three launches does of a long sequence: `scores`
    of `share`'s tiles of positions, `weights` of row `share`, `values` of group
    `share` of 16 dimensions. All warps of a block do it together, and meet before and
    behind it; the memories in `uses` are what they exchange (AttentionShape.h).

    ```mlir
    tern_nvptx.attend %q, %out, %state, %head, %first row %token, %column, %tokens, %heads, %seen
        share %share uses(%e, %p : memref<8x260xf32>, memref<8x320xi8>)
        {at_once = 4, cache = !tern.kv_cache<...>, part = "all", tile = 2}
        : memref<?x256xf32>, memref<?x256xf32>, memref<8192xi8>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$query,
                       Arg<AnyMemRef, "", [MemWrite]>:$out,
                       Arg<AnyMemRef, "", [MemRead]>:$state,
                       Index:$head, Index:$first, Index:$token, Index:$column, Index:$tokens,
                       Index:$heads, Index:$seen, Index:$share,
                       Arg<Variadic<AnyMemRef>, "", [MemRead, MemWrite]>:$uses,
                       TypeAttr:$cache, I64Attr:$tile, I64Attr:$at_once, StrAttr:$part);
  let assemblyFormat = [{
    $query `,` $out `,` $state `,` $head `,` $first `row` $token `,` $column `,` $tokens
    `,` $heads `,` $seen `share` $share `uses` `(` $uses `:` type($uses) `)` attr-dict
    `:` type($query) `,` type($out) `,` type($state)
  }];
}

#endif // TERN_TARGET_NVPTX_NVPTX_TD
