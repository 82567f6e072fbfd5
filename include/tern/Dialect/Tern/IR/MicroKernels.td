//===- MicroKernels.td - Kernels of register size ------------ -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_MICROKERNELS_TD
#define TERN_MICROKERNELS_TD

include "tern/Dialect/Tern/IR/MicroKernelInterfaces.td"
include "tern/Dialect/Tern/IR/TernDialect.td"
include "mlir/IR/AttrTypeBase.td"

//===----------------------------------------------------------------------===//
// Kernels that every target may use
//===----------------------------------------------------------------------===//

def Tern_ScalarDotAttr : Tern_Attr<"ScalarDot", "scalar_dot"> {
  let summary = "the dot product of a machine without vectors";
  let description = [{
    One lane: four multiplications of widened bytes and additions.

    ```mlir
    #tern.scalar_dot
    ```
  }];
}

class Tern_MicroKernel<string name, string mnemonic>
    : Tern_Attr<name, mnemonic> {
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Tern_RowsInLanesAttr : Tern_MicroKernel<"RowsInLanes", "rows_in_lanes"> {
  let summary = "a lane holds the sum of one row";
  let description = [{
    Reads layouts `rows, k:4:4, [n:V:L, n:L:1, k:4:1]` for V `vectors` and the L
    lanes of the dot product: no horizontal additions, one stream of weights. Four
    codes are broadcast to all lanes. For one token digits stay where they are in
    the byte, each of the four fields has its own sums, which are shifted once in
    the end; for more, digits are unpacked once for all tokens.

    With a `tile` of more vectors V than that, it computes `vectors` of them, from
    `first` on, which leaves registers for the sums of more tokens.

    ```mlir
    #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 8>
    #tern.rows_in_lanes<dot = #tern_aarch64.dot<sdot>, vectors = 2, tokens = 8, first = 2, tile = 4>
    ```
  }];
  let parameters = (ins "::tern::DotProductAttrInterface":$dot,
                        "int64_t":$vectors, "int64_t":$tokens,
                        DefaultValuedParameter<"int64_t", "0">:$first,
                        DefaultValuedParameter<"int64_t", "0">:$tile);
  let builders = [
    AttrBuilder<(ins "::tern::DotProductAttrInterface":$dot,
                     "int64_t":$vectors, "int64_t":$tokens), [{
      return $_get($_ctxt, dot, vectors, tokens, 0, 0);
    }]>];
  let extraClassDeclaration = [{
    /// The vectors V of the layout.
    int64_t getTileVectors() const { return getTile() ? getTile() : getVectors(); }
  }];
}

def Tern_UnpackedRowsAttr : Tern_MicroKernel<"UnpackedRows", "unpacked_rows"> {
  let summary = "a lane holds the sum of one row, a byte one digit";
  let description = [{
    Reads layouts `b8, rows, k:1:1, [n:V:L, n:L:1, k:4:1]` for V `vectors` and the L lanes
    of the dot product, which `tern.repack` makes of others once for many tokens. A
    step loads V vectors and has V dot products for each token, so `vectors` times
    `tokens` is as many as registers hold the sums of.

    ```mlir
    #tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 4, tokens = 6>
    ```
  }];
  let parameters = (ins "::tern::DotProductAttrInterface":$dot,
                        "int64_t":$vectors, "int64_t":$tokens);
}

def Tern_NarrowRowsAttr : Tern_MicroKernel<"NarrowRows", "narrow_rows"> {
  let summary = "a lane holds the sum of one row in 16 bits";
  let description = [{
    Reads layouts `rows, k:4:1, [n:R:1]` for R `rows`: a byte has four digits of one row. A
    step takes the four fields of a vector of bytes one after the other and multiplies each
    by a code, a scalar: for machines whose vectors are as long as they like, and which
    have no dot product of bytes. Products are added to sums of 16 bits over 128 columns,
    as many as those hold the sums of for any codes, and then to sums of 32.

    ```mlir
    #tern.narrow_rows<rows = 32, tokens = 4>
    ```
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$tokens);
  let extraClassDeclaration = [{
    /// Of the tiles of a step.
    ::tern::Layout getTileLayout() const;
  }];
}

def Tern_ContiguousRowsAttr : Tern_MicroKernel<"ContiguousRows", "contiguous_rows"> {
  let summary = "lanes run along a row of digits";
  let description = [{
    Reads layouts `rows, k:4:4L, [k:4L:1]` for the L lanes of the dot product, so a
    row that is not needed is not read, at the price of one horizontal sum per row.
    With 5 `digits` a byte it reads `s5, rows, k:5:4L, [k:4L:1]`, whose bytes two
    lookups make fields of two bits of: a fifth less to read.

    ```mlir
    #tern.contiguous_rows<dot = #tern_x86.dot<vpdpbusd_512>, rows = 4, tokens = 4>
    #tern.contiguous_rows<dot = #tern_x86.dot<vpdpbusd_512>, rows = 1, tokens = 1, digits = 5>
    ```
  }];
  let parameters = (ins "::tern::DotProductAttrInterface":$dot,
                        "int64_t":$rows, "int64_t":$tokens,
                        DefaultValuedParameter<"int64_t", "4">:$digits);
}

def Tern_IntegerRowsAttr : Tern_MicroKernel<"IntegerRows", "integer_rows"> {
  let summary = "lanes run along a row of integers";
  let description = [{
    Integers of 8 `bits` are rows of bytes; those of 6, 4 and 2 have the layouts `i6,
    rows, k:4:4L, [b:3:1, k:4L:1]`, `i4, rows, k:2:4L, [k:4L:1]` and `u2, rows,
    k:4:4L, [k:4L:1]` for the L lanes of the dot product. They are taken as
    w + 2^(bits - 1), so the sums are too large by so many times the sum of the codes;
    those of two bits are not negative and are taken as they are, those of 8 bits if the
    dot product multiplies signed bytes. A step takes `vectors` vectors of
    integers of each row, each with sums of its own, so that no addition waits for
    the one before; with a layout, as many as a word has integers.

    ```mlir
    #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_512>, bits = 6, rows = 1, tokens = 1, vectors = 4>
    ```
  }];
  let parameters = (ins "::tern::DotProductAttrInterface":$dot, "int64_t":$bits,
                        "int64_t":$rows, "int64_t":$tokens, "int64_t":$vectors);
}

def Tern_ContiguousColumnsAttr
    : Tern_MicroKernel<"ContiguousColumns", "contiguous_columns"> {
  let summary = "four columns at a time, rows in lanes";
  let description = [{
    Reads layouts `columns, n:4:4L, [n:L/4:4, n:4:L, n:4:1]` for the L lanes of the
    dot product. A step takes four columns, adjacent or not: their bytes are
    interleaved, so that a lane holds the digits of one row. The 16L rows of a
    vector are four quarters of L rows in each of the four fields of a byte;
    `quarters` of them, from `first` on, are computed, for as many tokens as
    registers allow. Fields belong to different rows, so each has its own sums.
    With 5 `digits` a byte it reads `s5, columns, n:5:4L, [n:L/4:4, n:4:L, n:4:1]`:
    interleaved bytes become fields of two bits by two lookups, and a vector has 20L
    rows.

    ```mlir
    #tern.contiguous_columns<dot = #tern_x86.dot<vpdpbusd_512>, first = 0, quarters = 4, tokens = 1>
    ```
  }];
  let parameters = (ins "::tern::DotProductAttrInterface":$dot,
                        "int64_t":$first, "int64_t":$quarters, "int64_t":$tokens,
                        DefaultValuedParameter<"int64_t", "4">:$digits);
}

def Tern_LookupGroupsAttr : Tern_MicroKernel<"LookupGroups", "lookup_groups"> {
  let summary = "a byte of the weight is the index of a sum";
  let description = [{
    Codes are prepared: the sums that the digits of a number make of as many codes are
    a table of 128 or 16 bytes, which a number of the weight is the index of, for all
    rows. The tables of G `groups` of columns, a byte of a row each, stay in the cache
    while all rows are looked up in them, for up to `tokens` tokens.

    A step is as many groups as a byte holds the sums of. Codes from -8 to 8
    take one table for a number, one of the `planes`; others are 16 h + l and take two.
    Bytes are added to words by `tern.widen_words`, so a fragment holds as many groups
    as 16 bits hold the sums of.

    For the V `vectors` and L `lanes`, layouts of some codecs are read:

    * `s5`, the default: `s5, columns, k:5:1, [k:G:5, n:V:L, n:L:1]`. Groups of five
      columns, stored in 1.6 bits a digit: for weights that are read from memory.
    * `t4`: `t4, rows, k:4:1, [k:3:4, n:V:L, n:L:1]`. Groups of four; no entry has to be
      negated. `tern.repack` makes it of others for many tokens, with as many vectors
      as registers hold the sums of.
    * `t2`: `t2, columns, k:4:1, [k:G:4, n:V:L, n:L:1]`. Two numbers of two digits in a
      byte, for machines that permute 16 bytes.
    * `n2`: `n2, rows, k:2:1, [k:6:2, n:V:L, n:L:1]`. One such number in a byte;
      `tern.repack` makes it for many tokens.

    ```mlir
    #tern.lookup_groups<lanes = 64, vectors = 2, groups = 24, planes = 2, tokens = 16>
    #tern.lookup_groups<lanes = 64, vectors = 8, groups = 36, planes = 1, tokens = 32, codec = "t4">
    #tern.lookup_groups<lanes = 32, vectors = 4, groups = 144, planes = 1, tokens = 32, codec = "n2">
    ```
  }];
  let parameters = (ins "int64_t":$lanes, "int64_t":$vectors, "int64_t":$groups,
                        "int64_t":$planes, "int64_t":$tokens,
                        StringRefParameter<"of the digits", "\"s5\"">:$codec);
  let builders = [
    AttrBuilder<(ins "int64_t":$lanes, "int64_t":$vectors, "int64_t":$groups,
                     "int64_t":$planes, "int64_t":$tokens), [{
      return $_get($_ctxt, lanes, vectors, groups, planes, tokens, "s5");
    }]>];
  let extraClassDeclaration = [{
    /// Of the tiles of steps that it reads.
    ::tern::Layout getTileLayout() const;
    /// Groups of a step.
    int64_t getStepGroups() const;
  }];
}

def Tern_LookupWordsAttr : Tern_MicroKernel<"LookupWords", "lookup_words"> {
  let summary = "numbers in a word of the weight are indices of sums";
  let description = [{
    Codes are prepared: the sums that three digits make of as many codes are a table of
    32 bytes, the eight tables of 24 columns as many as a word of codec `t3p5` has
    numbers. Layouts `t3p5, columns, k:24:1, [k:G:24, n:V:L, b:5:1, n:L:1]` are read
    for G `groups`, V `vectors` and L `lanes`.

    A step is one word of each row. Where a tile has one group, its tables stay in
    registers while all rows stream by and the sums of 16 bits come from the cache; with
    more, sums stay and tables come. Codes from -8 to 8 take one table for a number, one
    of the `planes`; others are 16 h + l and take two.

    ```mlir
    #tern.lookup_words<lanes = 16, vectors = 1, groups = 1, planes = 1, tokens = 16>
    ```
  }];
  let parameters = (ins "int64_t":$lanes, "int64_t":$vectors, "int64_t":$groups,
                        "int64_t":$planes, "int64_t":$tokens);
  let extraClassDeclaration = [{
    /// Of the tiles of steps that it reads.
    ::tern::Layout getTileLayout() const;
  }];
}

def Tern_ListedGroupsAttr : Tern_MicroKernel<"ListedGroups", "listed_groups"> {
  let summary = "lookups of those groups whose codes are not all zero";
  let description = [{
    Reads layouts `t4, rows, k:4:1, [n:V:L, n:L:1]` for V `vectors` and L `lanes`, a
    panel that `tern.repack` makes. For each token, plane and `groups` groups of four
    columns, those with a code that is not zero are listed, and only they have tables
    and are looked up, three in a step: for many tokens of codes of which most are zero.

    Codes of int8 are 16 h + l, two `planes` that are summed one after the other, so
    that each has all registers and a list of its own: large codes are few. The bias of
    the entries is added once for each step, so a fragment counts its steps.

    ```mlir
    #tern.listed_groups<lanes = 64, vectors = 8, groups = 36, planes = 2, tokens = 32>
    ```
  }];
  let parameters = (ins "int64_t":$lanes, "int64_t":$vectors, "int64_t":$groups,
                        "int64_t":$planes, "int64_t":$tokens);
  let extraClassDeclaration = [{
    /// Of the tiles of a group that it reads.
    ::tern::Layout getTileLayout() const;
  }];
}

def Tern_DigitByDigitAttr : Tern_MicroKernel<"DigitByDigit", "digit_by_digit"> {
  let summary = "one digit after the other";
  let description = [{
    A step is one tile of the layout, a byte or a few, whose digits are taken one by
    one: a multiplication and an addition for each and for each token, on scalars. For
    targets without vectors, and the meaning of all other kernels.

    ```mlir
    #tern.digit_by_digit<layout = #tern.layout<b2, rows, k:4:1, []>, tokens = 1>
    ```
  }];
  let parameters = (ins "::tern::LayoutAttr":$layout, "int64_t":$tokens);
}

def Tern_Int8ByInt8Attr : Tern_MicroKernel<"Int8ByInt8", "int8_by_int8"> {
  let summary = "one int8 weight after the other";
  let description = [{
    A step is one weight of an int8 row and one code of each token.

    ```mlir
    #tern.int8_by_int8<tokens = 1>
    ```
  }];
  let parameters = (ins "int64_t":$tokens);
}

//===----------------------------------------------------------------------===//
// Strategies
//===----------------------------------------------------------------------===//

def Tern_StrategyAttr : Tern_Attr<"Strategy", "strategy"> {
  let summary = "how a product is to be computed";
  let description = [{
    `kernels` are micro kernels for falling numbers of tokens: each takes as many
    tokens as it can, the next one those that are left; the last one takes one.
    `units` is how many units of rows (tiles of the layout, or rows) one iteration of
    the parallel loop takes. `prefetch` is how far ahead weights are asked for: rows of
    a list, steps over listed columns, otherwise bytes; 0 for nothing.

    With a `panel`, a layout, a worker repacks the rows of a tile of it, all their
    columns, before its first token, and kernels read that: for many tokens. Kernels
    of prepared codes have the whole weight repacked before.

    ```mlir
    #tern.strategy<[#tern.int8_by_int8<tokens = 1>], units = 1, prefetch = 0>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$kernels,
                        "int64_t":$units, "int64_t":$prefetch,
                        OptionalParameter<"::tern::LayoutAttr">:$panel);
  let assemblyFormat =
      "`<` `[` $kernels `]` `,` struct($units, $prefetch, $panel) `>`";
  let builders = [
    AttrBuilder<(ins "::llvm::ArrayRef<::mlir::Attribute>":$kernels,
                     "int64_t":$units, "int64_t":$prefetch), [{
      return $_get($_ctxt, kernels, units, prefetch, LayoutAttr());
    }]>];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The kernel of number `i`.
    MicroKernelAttrInterface getKernel(unsigned i) const;
  }];
}

#endif // TERN_MICROKERNELS_TD
