//===- X86.td - Attributes of the x86-64 target ------------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_X86_X86_TD
#define TERN_TARGET_X86_X86_TD

include "tern/Dialect/Tern/IR/MicroKernelInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def TernX86_Dialect : Dialect {
  let name = "tern_x86";
  let cppNamespace = "::tern::x86";
  let summary = "Instructions of x86-64 that products are made of";
  let useDefaultAttributePrinterParser = 1;
}

def TernX86_Dot : I32EnumAttr<"Dot", "a dot product of bytes", [
    I32EnumAttrCase<"Vpmaddubsw256", 0, "vpmaddubsw_256">,
    I32EnumAttrCase<"Vpdpbusd256", 1, "vpdpbusd_256">,
    I32EnumAttrCase<"Vpdpbusd512", 2, "vpdpbusd_512">,
    I32EnumAttrCase<"Vpmaddubsw512", 3, "vpmaddubsw_512">]> {
  let cppNamespace = "::tern::x86";
  let genSpecializedAttr = 0;
}

def TernX86_DotAttr : AttrDef<TernX86_Dialect, "Dot",
    [DeclareAttrInterfaceMethods<DotProductAttrInterface,
        ["getNarrowSteps", "buildNarrow", "widen"]>]> {
  let mnemonic = "dot";
  let summary = "a dot product of bytes";
  let description = [{
    | name | features | |
    |---|---|---|
    | `vpmaddubsw_256` | avx2 | then vpmaddwd by ones; exact while a pair of products fits 16 bits, larger bytes are widened first |
    | `vpmaddubsw_512` | avx512bw | the same, twice as wide |
    | `vpdpbusd_256` | avxvnni, or avx512vnni and avx512vl | four products added to each 32 bit lane |
    | `vpdpbusd_512` | avx512vnni | the same, twice as wide |

    ```mlir
    #tern_x86.dot<vpdpbusd_512>
    ```
  }];
  let parameters = (ins EnumParameter<TernX86_Dot>:$value);
  let assemblyFormat = "`<` $value `>`";
}

def TernX86_TilesAttr : AttrDef<TernX86_Dialect, "Tiles",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface>]> {
  let mnemonic = "tiles";
  let summary = "sums in tile registers of AMX";
  let description = [{
    Reads the panel `b8, rows, k:1:1, [n:V:16, n:16:1, k:4:1]` of `#tern.unpacked_rows`,
    sixteen steps of it at a time: the bytes of a vector of rows, 64V apart, are the
    second factor of `tdpbsud` as it wants it, 16 rows of four columns; the first are
    16 `tokens` by 64 columns of codes as they lie in memory. So nothing is brought into
    another order, and sums come by token and row.

    `vectors` of the V vectors of the `panel`, from `first` on, times a sixteenth of
    `tokens` is how many tiles the sums take; the processor has eight tiles in all.

    ```mlir
    #tern_x86.tiles<panel = 4, first = 0, vectors = 2, tokens = 32>
    ```
  }];
  let parameters = (ins "int64_t":$panel, "int64_t":$first, "int64_t":$vectors,
                        "int64_t":$tokens);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def TernX86_GroupDotsAttr : AttrDef<TernX86_Dialect, "GroupDots",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface>]> {
  let mnemonic = "group_dots";
  let summary = "dot products with bytes of five digits";
  let description = [{
    Reads the layout of lookups, `s5, columns, k:5:1, [k:G:5, n:V:4L, n:4L:1]` with L the
    lanes of `dot`, for a few `tokens`, to which one unpacking of a byte is worth more
    than a lookup each: the bytes of four groups of columns are interleaved, so that a
    lane has those of one row, and become fields of two bits and a fifth digit
    (`splitBytes`). Codes are prepared: those of one digit of four groups follow each
    other.

    A step is four of the G `groups`, a multiple of four. Of the V `vectors` one, number
    `first`, has its sums in registers.

    ```mlir
    #tern_x86.group_dots<dot = <vpdpbusd_512>, vectors = 2, first = 0, groups = 48, tokens = 4>
    ```
  }];
  let parameters = (ins "::tern::x86::DotAttr":$dot, "int64_t":$vectors,
                        "int64_t":$first, "int64_t":$groups, "int64_t":$tokens);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // TERN_TARGET_X86_X86_TD
