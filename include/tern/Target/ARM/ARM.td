//===- ARM.td - Attributes of the 32-bit ARM target --------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_ARM_ARM_TD
#define TERN_TARGET_ARM_ARM_TD

include "tern/Dialect/Tern/IR/MicroKernelInterfaces.td"
include "mlir/IR/AttrTypeBase.td"

def TernARM_Dialect : Dialect {
  let name = "tern_arm";
  let cppNamespace = "::tern::arm";
  let summary = "Instructions of 32-bit ARM that products are made of";
  let useDefaultAttributePrinterParser = 1;
}

def TernARM_DotAttr : AttrDef<TernARM_Dialect, "Dot",
    [DeclareAttrInterfaceMethods<DotProductAttrInterface>]> {
  let mnemonic = "dot";
  let summary = "a dot product of four bytes";
  let description = [{
    One lane: UXTB16 and SXTB16 make half words of every other byte, and SMLAD adds the
    products of two each.

    ```mlir
    #tern_arm.dot
    ```
  }];
}

def TernARM_PairedRowsAttr : AttrDef<TernARM_Dialect, "PairedRows",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface,
        ["getRowOffsets", "getNarrowSteps", "getNarrowType", "buildNarrow",
         "widen"]>]> {
  let mnemonic = "paired_rows";
  let summary = "four products of digits by one SMLAD";
  let description = [{
    Reads layouts `p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [n:P:2, b:4:1]` for P
    `pairs` of rows. A word rotated and masked is two half words of two rows each,
    `(a + 1) + 2^14 b`, which SMLAD multiplies by the codes of two columns and adds: A
    + 2^14 B, exact while A fits 14 bits: over 32 columns for codes of 8 `code_bits`,
    over 512 for codes of 4. Such narrow sums are then taken apart. SXTB16 makes half
    words of every other code in four, hence the layout's order of columns. A step
    takes `tiles` of eight columns.

    `rolling` sums are not taken apart before the end: after each step the low 14 bits
    say by how much A has grown, and B has the other 18, enough for 1023 columns of
    codes of 8 bits. Codes of `prepared` steps, all there are, are made half words once
    for all rows; of 0, by each row.

    ```mlir
    #tern_arm.paired_rows<pairs = 4, tiles = 2, code_bits = 4>
    #tern_arm.paired_rows<pairs = 4, tiles = 4, code_bits = 8, rolling = true, prepared = 6>
    ```
  }];
  let parameters = (ins "int64_t":$pairs, "int64_t":$tiles, "int64_t":$code_bits,
                        DefaultValuedParameter<"bool", "false">:$rolling,
                        DefaultValuedParameter<"int64_t", "0">:$prepared);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def TernARM_ByteRowsAttr : AttrDef<TernARM_Dialect, "ByteRows",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface>]> {
  let mnemonic = "byte_rows";
  let summary = "two products of int8 weights by one SMLAD";
  let description = [{
    Reads rows of int8, four columns of `rows` rows a step. SXTB16 makes half words of
    weights and codes alike. Codes of `prepared` steps, of sixteen columns, are made half
    words once for all rows.

    ```mlir
    #tern_arm.byte_rows<rows = 4>
    #tern_arm.byte_rows<rows = 4, prepared = 12>
    ```
  }];
  let parameters = (ins "int64_t":$rows,
                        DefaultValuedParameter<"int64_t", "0">:$prepared);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def TernARM_VectorRowsAttr : AttrDef<TernARM_Dialect, "VectorRows",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface>]> {
  let mnemonic = "vector_rows";
  let summary = "sixteen products of digits by one VMLADAVA";
  let description = [{
    Reads layouts `b2, rows, k:4:16, [n:R:1, k:16:1]` for R `rows`: a vector is 64
    columns of a row. VMLADAVA adds the sixteen products of two vectors of signed
    bytes to one register, so three of the four fields of a byte stay in place, and
    have sums of their own; the highest, no signed byte there, is shifted down.

    ```mlir
    #tern_arm.vector_rows<rows = 2>
    ```
  }];
  let parameters = (ins "int64_t":$rows);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // TERN_TARGET_ARM_ARM_TD
