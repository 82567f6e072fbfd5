//===- AArch64.td - Attributes of the AArch64 target -------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_AARCH64_AARCH64_TD
#define TERN_TARGET_AARCH64_AARCH64_TD

include "tern/Dialect/Tern/IR/MicroKernelInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def TernAArch64_Dialect : Dialect {
  let name = "tern_aarch64";
  let cppNamespace = "::tern::aarch64";
  let summary = "Instructions of AArch64 that products are made of";
  let useDefaultAttributePrinterParser = 1;
}

def TernAArch64_Dot : I32EnumAttr<"Dot", "a dot product of bytes", [
    I32EnumAttrCase<"Smull", 0, "smull">,
    I32EnumAttrCase<"Sdot", 1, "sdot">,
    I32EnumAttrCase<"Usdot", 2, "usdot">]> {
  let cppNamespace = "::tern::aarch64";
  let genSpecializedAttr = 0;
}

def TernAArch64_DotAttr : AttrDef<TernAArch64_Dialect, "Dot",
    [DeclareAttrInterfaceMethods<DotProductAttrInterface,
        ["broadcastsLanes", "hasSigned", "buildSigned", "hasUnsigned", "buildUnsigned",
         "getNarrowSteps", "getNarrowLanes", "buildNarrow", "widen"]>]> {
  let mnemonic = "dot";
  let summary = "a dot product of bytes";
  let description = [{
    | name | features | |
    |---|---|---|
    | `smull` | neon | products of 16 bits, added in pairs; narrow sums are `smlal` into one word for each byte |
    | `sdot` | dotprod | four products of signed bytes added to each 32 bit lane, so unsigned ones up to 127 are taken as they are; `udot` for two unsigned bytes |
    | `usdot` | i8mm, dotprod | the same for any unsigned byte |

    ```mlir
    #tern_aarch64.dot<sdot>
    ```
  }];
  let parameters = (ins EnumParameter<TernAArch64_Dot>:$value);
  let assemblyFormat = "`<` $value `>`";
  let extraClassDeclaration = [{
    bool isPlain() const { return getValue() == Dot::Smull; }
  }];
}

def TernAArch64_MatrixRowsAttr : AttrDef<TernAArch64_Dialect, "MatrixRows",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface>]> {
  let mnemonic = "matrix_rows";
  let summary = "sums of two rows by two tokens in a register";
  let description = [{
    Reads layouts `rows, k:4:4, [n:V:4, n:4:1, k:4:1]` of `#tern.rows_in_lanes` with V =
    `of` by `smmla`, which multiplies two rows of eight columns by two tokens of as
    many. Digits of two neighbouring fields, a row in each lane, are zipped to two rows of
    eight columns; so are the codes of two tokens. So one weights file serves these kernels
    and those of dot products.

    `vectors` vectors of the tile are computed, from `first` on, which with an even number
    of `tokens` take vectors times tokens registers for their sums.

    ```mlir
    #tern_aarch64.matrix_rows<of = 4, first = 0, vectors = 2, tokens = 8>
    ```
  }];
  let parameters = (ins "int64_t":$of, "int64_t":$first, "int64_t":$vectors,
                        "int64_t":$tokens);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // TERN_TARGET_AARCH64_AARCH64_TD
