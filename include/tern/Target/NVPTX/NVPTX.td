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
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface, ["storesSums", "getTotalType"]>]> {
  let mnemonic = "mma";
  let summary = "sums in the registers of mma.m16n8k32";
  let description = [{
    Reads `b2, rows, k:4:8, [n:8:1, k:4:32, k:2:4, n:2:8, k:4:1]`: tiles of 16 rows by
    128 columns, of which each lane of a warp loads 16 bytes. Field f of these four words
    is the first factor of the fth of four `mma` where it lies, moved by 2f bits. Of `bytes`
    it reads rows of int8, 32 columns of two rows in each lane. The second factor are codes
    as they lie in a row, of eight tokens for each `mma`. Tiles of 64 or 32 `columns`, for
    groups that are no larger, have 8 or 4 bytes in a lane, and two `mma` or one.

    With one token, fields have sums of their own and their factors come off in the end;
    with more, words are moved. Kernels of 64 tokens are those of a block of four
    warps, which takes four times as many `rows` and shares the codes.

    ```mlir
    #tern_nvptx.mma<tokens = 8>
    #tern_nvptx.mma<tokens = 64, rows = 32>
    ```
  }];
  let parameters = (ins "int64_t":$tokens, DefaultValuedParameter<"int64_t", "16">:$rows,
                        DefaultValuedParameter<"bool", "false">:$bytes,
                        DefaultValuedParameter<"int64_t", "128">:$columns);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::tern::Layout getLayout() const;
    /// Products of a tile of rows in a step, and bytes of its weights in a lane.
    int64_t countProducts() const { return getColumns() / 32; }
    int64_t getLaneBytes() const { return getColumns() / 8; }
    /// Products of tiles of 16 rows and eight tokens: along rows, along tokens.
    int64_t countRowTiles() const { return getRows() / 16; }
    int64_t countTokenTiles() const { return (getTokens() + 7) / 8; }
    /// Sums of a row and token in different registers.
    int64_t countFields() const {
      return getTokens() == 1 && !getBytes() && getColumns() == 128 ? 4 : 1;
    }
    /// True if warps of a block take other rows each, and share codes.
    bool isOfBlock() const { return getTokens() == 64; }
  }];
}

class TernNVPTX_Op<string mnemonic, list<Trait> traits = []>
    : Op<TernNVPTX_Dialect, mnemonic, traits>;

def TernNVPTX_MmaOp : TernNVPTX_Op<"mma", [AttrSizedOperandSegments,
    AllTypesMatch<["sums", "result"]>]> {
  let summary = "the products of a step's weights and codes, added to sums";
  let description = [{
    Weights and codes lie in memory: the tiles of a column of them, or rows of bytes; and
    rows of codes, of which `width` columns count. Of tokens that are not there, the last
    one stands in. Sums are in the order of the instruction: of a tile of rows, of eight
    tokens, of a field, of register and lane.

    ```mlir
    %s = tern_nvptx.mma #tern_nvptx.mma<tokens = 8> %w[%tile, %step, %c0], %codes[%token, %column]
      width 128 into %sums : memref<20x2x512xi8>, memref<?x256xi8>, vector<128xi32>
    ```
  }];
  let arguments = (ins TernNVPTX_MmaAttr:$kernel,
                       Arg<AnyMemRef, "", [MemRead]>:$weights, Variadic<Index>:$weightIndices,
                       Arg<AnyMemRef, "", [MemRead]>:$codes, Variadic<Index>:$codeIndices,
                       I64Attr:$width, AnyVectorOfNonZeroRank:$sums);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = [{
    $kernel $weights `[` $weightIndices `]` `,` $codes `[` $codeIndices `]` `width` $width
    `into` $sums attr-dict `:` type($weights) `,` type($codes) `,` type($sums)
  }];
}

//===----------------------------------------------------------------------===//
// Warps of a block
//===----------------------------------------------------------------------===//

def TernNVPTX_EachWarpOp
    : TernNVPTX_Op<"each_warp", [SingleBlock, NoTerminator, RecursiveMemoryEffects]> {
  let summary = "the work of each warp of a block, which gets its number";
  let description = [{
    Around it all warps compute the same, and the first one writes: memory is the
    block's. Within it each warp writes for itself, and waits for no other one but at
    `tern_nvptx.barrier`, which all of them must come to. Behind it each sees what all
    have written. All of a kernel are of as many `warps`, which are the block's.

    ```mlir
    tern_nvptx.each_warp of 8 {
    ^bb0(%warp: index):
      ...
    }
    ```
  }];
  let arguments = (ins I64Attr:$warps);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`of` $warps attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def TernNVPTX_BarrierOp
    : TernNVPTX_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "all warps of the block come here, and see what all have written";
  let assemblyFormat = "attr-dict";
}

def TernNVPTX_SharedOp : TernNVPTX_Op<"shared", [MemoryEffects<[MemAlloc]>]> {
  let summary = "memory of a block, as much as the launch adds";
  let description = [{
    All of a kernel are the same memory. It is there besides allocations on the stack in
    memory space 3, which are a kernel's own and 48 KB at most together.

    ```mlir
    %m = tern_nvptx.shared : memref<65536xi8, 3>
    ```
  }];
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def TernNVPTX_CopyOp : TernNVPTX_Op<"copy", [AttrSizedOperandSegments]> {
  let summary = "rows of bytes on their way to shared memory";
  let description = [{
    `rows` rows of `width` bytes, 16 at a time, from one place to another; of them the
    first `count` are read, the others become zeros. Places and rows of both begin at
    multiples of 16 bytes. Threads of the block, or of the warp in
    `tern_nvptx.each_warp`, share the work. It is done when it was waited for.

    ```mlir
    tern_nvptx.copy %codes[%token, %column] to %stage[%c0, %c0] rows 64 width 128 count %n
      : memref<?x2560xi8>, memref<64x144xi8, 3>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$from, Variadic<Index>:$fromIndices,
                       Arg<AnyMemRef, "", [MemWrite]>:$to, Variadic<Index>:$toIndices,
                       I64Attr:$rows, I64Attr:$width, Index:$count);
  let assemblyFormat = [{
    $from `[` $fromIndices `]` `to` $to `[` $toIndices `]` `rows` $rows `width` $width
    `count` $count attr-dict `:` type($from) `,` type($to)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{ static constexpr int64_t kPiece = 16; }];
}

def TernNVPTX_CommitOp
    : TernNVPTX_Op<"commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "the copies since the last one are a group";
  let assemblyFormat = "attr-dict";
}

def TernNVPTX_WaitOp : TernNVPTX_Op<"wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "wait until all but the last `pending` groups of copies are there";
  let description = [{
    It is a barrier, too: of the block, or of the warp in `tern_nvptx.each_warp`.

    ```mlir
    tern_nvptx.wait 1
    ```
  }];
  let arguments = (ins I64Attr:$pending);
  let assemblyFormat = "$pending attr-dict";
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

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

def TernNVPTX_AppendOp : TernNVPTX_Op<"append"> {
  let summary = "a row of keys, or of values, to the cache, by one warp";
  let description = [{
    The row begins at column `column` of row `token` and is the kv head's whose parts of
    blocks begin at byte `head` of the state, and its first rows at `first`. With
    `shares` the warp has dimensions 32 i and up of those i that are `share` more than a
    multiple of it.

    ```mlir
    tern_nvptx.append %keys[%token, %column] into %state, %head, %first at %position share %share
        {cache = !tern.kv_cache<...>, key = true, shares = 1} : memref<?x64xf32>, memref<8192xi8>
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$rows,
                       Arg<AnyMemRef, "", [MemRead, MemWrite]>:$state, Index:$token,
                       Index:$column, Index:$head, Index:$first, Index:$position,
                       Index:$share, TypeAttr:$cache, BoolAttr:$key, I64Attr:$shares);
  let assemblyFormat = [{
    $rows `[` $token `,` $column `]` `into` $state `,` $head `,` $first `at` $position
    `share` $share attr-dict `:` type($rows) `,` type($state)
  }];
}

#endif // TERN_TARGET_NVPTX_NVPTX_TD
