//===- RISCV.td - Attributes of the RISC-V target ----------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_RISCV_RISCV_TD
#define TERN_TARGET_RISCV_RISCV_TD

include "tern/Dialect/Tern/IR/MicroKernelInterfaces.td"
include "mlir/IR/AttrTypeBase.td"

def TernRISCV_Dialect : Dialect {
  let name = "tern_riscv";
  let cppNamespace = "::tern::riscv";
  let summary = "Ways of RISC-V to make products";
  let useDefaultAttributePrinterParser = 1;
}

def TernRISCV_DotAttr : AttrDef<TernRISCV_Dialect, "Dot",
    [DeclareAttrInterfaceMethods<DotProductAttrInterface,
        ["broadcastsLanes", "hasSigned", "buildSigned", "hasUnsigned",
         "buildUnsigned"]>]> {
  let mnemonic = "dot";
  let summary = "a dot product of bytes by the extension V";
  let description = [{
    Eight lanes: VWMULSU, VWMUL or VWMULU make 32 products of 16 bits, VNSRL takes every
    other of them, and VWADD adds two.

    ```mlir
    #tern_riscv.dot
    ```
  }];
}

def TernRISCV_ByteRowsAttr : AttrDef<TernRISCV_Dialect, "ByteRows",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface>]> {
  let mnemonic = "byte_rows";
  let summary = "int8 weights times codes by the extension V";
  let description = [{
    Reads rows of int8, 32 columns of `rows` rows a step. VWMUL makes products of 16 bits,
    which VWADD adds to 32 sums of each row; these are added up in the end.

    ```mlir
    #tern_riscv.byte_rows<rows = 2>
    ```
  }];
  let parameters = (ins "int64_t":$rows);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def TernRISCV_WordRowsAttr : AttrDef<TernRISCV_Dialect, "WordRows",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface,
        ["getNarrowSteps", "getNarrowType", "buildNarrow", "widen"]>]> {
  let mnemonic = "word_rows";
  let summary = "a register has the sums of several rows";
  let description = [{
    For CPUs without vectors. Reads layouts `rows, k:4:1, [n:R:1]`: a word, a register of
    `word_bits`, has four digits of four or eight rows, R rows in all `words`. One
    multiplication by a code is for as many rows as there are lanes in the word:

    - codes of 4 `code_bits` take lanes of a byte, which hold the sums of eight columns.
      The word of these sums is added as it is, and its odd bytes once more in lanes of 16
      bits, so that those of the even ones are known in the end;
    - codes of 8 bits take lanes of 16 bits, of even and of odd rows.

    Lanes are parts of one number: one that is negative takes a unit from the next, which
    taking them apart gives back.

    ```mlir
    #tern_riscv.word_rows<word_bits = 32, words = 4, code_bits = 4>
    ```
  }];
  let parameters = (ins "int64_t":$word_bits, "int64_t":$words, "int64_t":$code_bits);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// A byte of each word is a row's.
    int64_t getRows() const { return getWords() * getWordBits() / 8; }
    ::tern::Layout getTileLayout() const;
  }];
}

def TernRISCV_TableRowsAttr : AttrDef<TernRISCV_Dialect, "TableRows",
    [DeclareAttrInterfaceMethods<MicroKernelAttrInterface>]> {
  let mnemonic = "table_rows";
  let summary = "four products of a row by a load";
  let description = [{
    For CPUs of 32 bits without vectors, of whose registers `word_rows` fills two lanes
    only where codes have 8 bits. Reads layouts `t4, columns, k:4:1, [k:G:4, n:R:1]` of
    G `groups` and R `rows`: a byte is the number of one of the 81 sums that the digits of
    four columns make of their codes. A group's table is made once for all rows.

    ```mlir
    #tern_riscv.table_rows<rows = 16, groups = 32>
    ```
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$groups);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::tern::Layout getTileLayout() const;
  }];
}

#endif // TERN_TARGET_RISCV_RISCV_TD
