//===- LookupOps.td - Products by table lookup ---------------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All sums that a group of ternary digits can make of a few codes are computed
// once; a byte of weights is then the index of one. Each operation has a meaning
// in portable arithmetic (lib/Kernels/Lookups.cpp) and maps to few instructions
// of machines with permutes of bytes: VPERMI2B, VPSHUFB, TBL, i8x16.swizzle.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LOOKUP_OPS_TD
#define TERN_LOOKUP_OPS_TD

include "tern/Dialect/Tern/IR/TernAttrs.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

defvar Tern_Bytes = FixedVectorOfRankAndType<[1], [I8]>;
defvar Tern_Narrow = FixedVectorOfRankAndType<[1], [I8, I16]>;
defvar Tern_Words = FixedVectorOfRankAndType<[1], [I16]>;

def Tern_LookupTableAttr : Tern_Attr<"LookupTable", "lookup_table"> {
  let summary = "the sums a group of digits makes of codes of a proven range";
  let description = [{
    Entry m of the table of `digits` codes x is `bias` + sum over j of d_j x_j, where
    (d_j + 1) are the digits of m to base 3, lowest first: 3, 9, 27, 81 or 243
    entries. With `sign_magnitude` there are (3^digits + 1) / 2 entries, m is |v| for
    v = sum d_j 3^j, and a code is v as sign << 7 | |v|, the codec `s5`; a set sign
    negates the entry.

    No x_j lies outside of `codes`, so no sum is larger than digits * max|x|: what
    `tern.widen` proves its chunk by. A table is a vector of the next power of two
    entries; those without digits are `bias`.

    ```mlir
    #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude>
    #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 32>
    ```
  }];
  let parameters = (ins "int64_t":$digits, "int64_t":$minCode, "int64_t":$maxCode,
                        "int64_t":$bias, "bool":$signMagnitude);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Entries that digits make, and of the vector.
    int64_t getNumEntries() const;
    int64_t getSize() const;
    /// The largest |sum| of a group.
    int64_t getMaxSum() const;
    /// Digit `j` of entry `m`: -1, 0 or 1.
    int64_t getDigit(int64_t m, int64_t j) const;
  }];
}

def Tern_SplitCodesOp : Tern_Op<"split_codes", [
    Pure, AllTypesMatch<["codes", "high", "low"]>]> {
  let summary = "codes of a byte as 16 * high + low";
  let description = [{
    `high` lies in [-8, 8] and `low` in [-8, 7], so that tables of four and five
    digits fit bytes: a product is 16 times the one of the high codes plus the one
    of the low codes.

    ```mlir
    %high, %low = tern.split_codes %x : vector<5xi8>
    ```
  }];
  let arguments = (ins VectorOfNonZeroRankOf<[I8]>:$codes);
  let results = (outs VectorOfNonZeroRankOf<[I8]>:$high,
                      VectorOfNonZeroRankOf<[I8]>:$low);
  let assemblyFormat = "$codes attr-dict `:` type($codes)";
}

def Tern_BuildTableOp : Tern_Op<"build_table", [Pure]> {
  let summary = "all sums that digits make of a group of codes";
  let description = [{
    The table of one group of codes, or of each of several. Entries are bytes where
    the proven range lets them, or 16 bits.

    `magnitudes` is the sum of |x| of each group, which no sum of the group exceeds:
    smaller than the proven one for most data, and what the `bound` of `tern.widen`
    is made of.

    ```mlir
    %t = tern.build_table #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %x
        : vector<5xi8> -> vector<128xi8>
    %u, %m = tern.build_table #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 21> %y
        : vector<6x4xi8> -> vector<6x128xi8>, vector<6xi32>
    ```
  }];
  let arguments = (ins FixedVectorOfRankAndType<[1, 2], [I8]>:$codes,
                       Tern_LookupTableAttr:$lookup);
  let results = (outs FixedVectorOfRankAndType<[1, 2], [I8, I16]>:$table,
                      Optional<AnyType>:$magnitudes);
  let assemblyFormat = [{
    qualified($lookup) $codes attr-dict `:` type($codes) `->` type($table)
    (`,` type($magnitudes)^)?
  }];
  let hasVerifier = 1;
}

def Tern_LookupAddOp : Tern_Op<"lookup_add", [
    Pure, AllTypesMatch<["sums", "result"]>]> {
  let summary = "add looked-up group sums to narrow sums";
  let description = [{
    `result[l] = sums[l] + table[codes[l] mod size]`, modulo the width of the sums;
    with `sign_magnitude` the entry is negated where bit 7 of the code is set, which
    is then no part of the index. `size` is the length of the table.

    With `in_bounds` all indices are less than `size`, as those of valid weights are,
    and nobody has to mask codes: VPSHUFB, TBL and i8x16.swizzle, which look 16 bytes
    up, make zeros of some others. For an index that is not, any number is added.

    ```mlir
    %r = tern.lookup_add #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude>
        %sums, %table[%codes] : vector<64xi8>, vector<128xi8>, vector<64xi8>
    %s = tern.lookup_add #tern.lookup_table<digits = 2, codes = [-8, 8], bias = 16>
        %sums, %table[%codes] in_bounds : vector<32xi8>, vector<16xi8>, vector<32xi8>
    ```
  }];
  let arguments = (ins Tern_Narrow:$sums, Tern_Narrow:$table, Tern_Bytes:$codes,
                       Tern_LookupTableAttr:$lookup, UnitAttr:$in_bounds);
  let results = (outs Tern_Narrow:$result);
  let assemblyFormat = [{
    qualified($lookup) $sums `,` $table `[` $codes `]` (`in_bounds` $in_bounds^)? attr-dict
    `:` type($sums) `,` type($table) `,` type($codes)
  }];
  let hasVerifier = 1;
}

def Tern_WidenOp : Tern_Op<"widen", [
    Pure, AllTypesMatch<["wide", "result"]>]> {
  let summary = "add narrow sums to wide ones, before a narrow one overflows";
  let description = [{
    `result[l] = wide[l] + narrow[l]`, extended by the sign or, if `unsigned`, by
    zeros. A narrow sum was `start` (0 if absent) before a chunk of `chunk` groups
    was looked up and added; a wide one is read before more than `groups` groups
    are added.

    The verifier proves both: start + chunk * (bias +- m) fits the narrow type and
    the sum of all groups fits the wide one, m being the largest sum of a group
    that the table's codes can make. A larger chunk that is exact for some data only
    has a `bound`: an i32 that is at least the sum of |x| over the codes of each
    chunk (see `tern.build_table`). The operation is then in the first region of an
    `scf.if` whose condition compares that value with a constant, and the constant
    takes the place of chunk * m.

    ```mlir
    %w = tern.widen #five %narrow, %wide chunk 3 groups 1383 : vector<64xi8>, vector<64xi32>
    scf.if %fits { // arith.cmpi sle, %bound, %c126
      %v = tern.widen #four %n, %wide chunk 6 groups 1020 unsigned bound %bound
          : vector<64xi8>, vector<64xi32>
    }
    ```
  }];
  let arguments = (ins Tern_Narrow:$narrow,
                       FixedVectorOfRankAndType<[1], [I16, I32]>:$wide,
                       Tern_LookupTableAttr:$lookup,
                       I64Attr:$chunk, I64Attr:$groups,
                       DefaultValuedAttr<I64Attr, "0">:$start, UnitAttr:$is_unsigned,
                       Optional<I32>:$bound);
  let results = (outs FixedVectorOfRankAndType<[1], [I16, I32]>:$result);
  let assemblyFormat = [{
    qualified($lookup) $narrow `,` $wide `chunk` $chunk `groups` $groups (`start` $start^)?
    (`unsigned` $is_unsigned^)? (`bound` $bound^)? attr-dict
    `:` type($narrow) `,` type($wide)
  }];
  let hasVerifier = 1;
}

def Tern_WidenWordsOp : Tern_Op<"widen_words", [
    Pure, AllTypesMatch<["total", "odd", "new_total", "new_odd"]>]> {
  let summary = "add bytes to sums of 16 bits, two to a word";
  let description = [{
    The bytes are read as half as many words, even lanes being the low bytes:
    `new_total = total + word` and `new_odd = odd + (word >> 8)`, modulo 2^16. Three
    operations of a machine for all bytes; `tern.join_words` separates the lanes in
    the end.

    Bytes are unsigned here: `start`, `chunk` and `bound` are proved as by
    `tern.widen` with `unsigned`. The sum of `groups` groups fits 16 bits with a
    sign, so that it can be told from its remainder modulo 2^16.

    ```mlir
    %t2, %o2 = tern.widen_words #five %narrow, %t, %o chunk 3 groups 819 start 128
        : vector<64xi8>, vector<32xi16>
    ```
  }];
  let arguments = (ins Tern_Bytes:$narrow, Tern_Words:$total, Tern_Words:$odd,
                       Tern_LookupTableAttr:$lookup,
                       I64Attr:$chunk, I64Attr:$groups,
                       DefaultValuedAttr<I64Attr, "0">:$start,
                       Optional<I32>:$bound);
  let results = (outs Tern_Words:$new_total, Tern_Words:$new_odd);
  let assemblyFormat = [{
    qualified($lookup) $narrow `,` $total `,` $odd `chunk` $chunk `groups` $groups
    (`start` $start^)? (`bound` $bound^)? attr-dict
    `:` type($narrow) `,` type($total)
  }];
  let hasVerifier = 1;
}

def Tern_JoinWordsOp : Tern_Op<"join_words", [
    Pure, AllTypesMatch<["total", "odd"]>]> {
  let summary = "the sums of tern.widen_words, lane by lane";
  let description = [{
    `result[2i] = total[i] - (odd[i] << 8)` and `result[2i + 1] = odd[i]`, modulo
    2^16. These are the sums plus what starts and biases have added, which is a
    number that the kernel knows and subtracts in 16 bits.

    ```mlir
    %sums = tern.join_words %total, %odd : vector<32xi16> -> vector<64xi16>
    ```
  }];
  let arguments = (ins Tern_Words:$total, Tern_Words:$odd);
  let results = (outs Tern_Words:$result);
  let assemblyFormat = [{
    $total `,` $odd attr-dict `:` type($total) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tern_GatherNumbersOp : Tern_Op<"gather_numbers", [Pure]> {
  let summary = "the numbers that the words of a codec hold";
  let description = [{
    Bytes of a word lie in vectors of their own, a word in each lane. The numbers of
    `codec`, whose bits may be scattered over the word, become bytes: indices of
    `tern.lookup_add`.

    ```mlir
    %n = tern.gather_numbers %words "t3p5" : vector<5x16xi8> -> vector<8x16xi8>
    ```
  }];
  let arguments = (ins FixedVectorOfRankAndType<[2], [I8]>:$words, StrAttr:$codec);
  let results = (outs FixedVectorOfRankAndType<[2], [I8]>:$result);
  let assemblyFormat = "$words $codec attr-dict `:` type($words) `->` type($result)";
  let hasVerifier = 1;
}

def Tern_RecodeOp : Tern_Op<"recode", [Pure]> {
  let summary = "digits of one codec as bytes of another, in the cache";
  let description = [{
    Some bytes of each row (a lane each), one vector after the other along the
    columns, become bytes of another codec of the same digits. Bytes of `from` are
    taken in units whose digits are a whole number of bytes of `to`.

    The order of columns in a unit changes so that little has to move: the first
    digits of each byte become bytes of their own, and those left over the last
    bytes. `getColumnOrder` says which column each digit of the result is; the codes
    that it is multiplied by have to be brought into that order. For s5 to t4 it is
    0-3, 5-8, 10-13, 15-18 and 4, 9, 14, 19.

    ```mlir
    %t4 = tern.recode %s5 "s5" to "t4" : vector<4x64xi8> -> vector<5x64xi8>
    ```
  }];
  let arguments = (ins FixedVectorOfRankAndType<[2], [I8]>:$source,
                       StrAttr:$from, StrAttr:$to);
  let results = (outs FixedVectorOfRankAndType<[2], [I8]>:$result);
  let assemblyFormat = [{
    $source $from `to` $to attr-dict `:` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// For each digit of a unit of `to`, its column in the unit of `from`.
    static ::llvm::SmallVector<int64_t> getColumnOrder(const ::tern::Codec &from,
                                                       const ::tern::Codec &to);
    /// Bytes of `from` in a unit.
    static int64_t getUnitBytes(const ::tern::Codec &from, const ::tern::Codec &to);
  }];
}

#endif // TERN_LOOKUP_OPS_TD
