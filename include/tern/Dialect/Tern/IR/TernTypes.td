//===- TernTypes.td - Types -------------------------------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TYPES_TD
#define TERN_TYPES_TD

include "tern/Dialect/Tern/IR/TernDialect.td"

def Tern_TritType : Tern_Type<"Trit", "trit"> {
  let summary = "one ternary digit: -1, 0 or +1";
  let description = [{
    A digit has no width. How many share a byte, and in which order, is said by
    the `#tern.layout` of the tensor that holds them.
  }];
}

def Tern_KVCacheType : Tern_Type<"KVCache", "kv_cache"> {
  let summary = "handle to the key/value caches of the sequences of a call";
  let description = [{
    Keys and values of every layer, after RoPE, for up to `capacity` positions of
    each sequence. A value of this type stands for the caches of all tokens of a
    call: token `t` belongs to one sequence, and an operation that takes a cache
    and a token uses that sequence's.

    `bits` (3, 4, 8 or 16) is the width of a stored code; 16 stores f16 values.
    `bos_bits` is the width used for position 0. `q_bits` (8 or 4) is how a query
    is quantized against a cache narrower than 16 bits.

    ```mlir
    !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>
    ```

    A model with several kinds of layers has a cache for each kind that needs one,
    with that kind's layers, and all lie in one state. `tern-plan-state` then says
    where: `first_rows_at` and `blocks_at` are where this cache's first rows and its
    part of the first block begin in the state, `block_stride` is the bytes of all
    kinds' blocks. They are 0 where a cache has a state of its own.
  }];
  let parameters = (ins "int64_t":$layers, "int64_t":$heads,
                        "int64_t":$head_dim, "int64_t":$capacity,
                        "int64_t":$bits,
                        "int64_t":$bos_bits,
                        DefaultValuedParameter<"int64_t", "8">:$q_bits,
                        DefaultValuedParameter<"int64_t", "0">:$first_rows_at,
                        DefaultValuedParameter<"int64_t", "0">:$blocks_at,
                        DefaultValuedParameter<"int64_t", "0">:$block_stride);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Tern_StateType : Tern_Type<"State", "state"> {
  let summary = "handle to what a kind of layers keeps of each sequence, whatever its length";
  let description = [{
    `bytes` of each sequence, for all `layers` of the kind together, an equal part
    each, zero before its first token; `at` is where they begin in the sequence's state
    (`tern-plan-state`). As a cache, a value stands for those of all tokens of a
    call.

    ```mlir
    !tern.state<bytes = 4096, layers = 4>
    ```
  }];
  let parameters = (ins "int64_t":$bytes,
                        DefaultValuedParameter<"int64_t", "1">:$layers,
                        DefaultValuedParameter<"int64_t", "0">:$at);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getLayerBytes() const { return getBytes() / getLayers(); }
  }];
}

//===----------------------------------------------------------------------===//
// Types of operands
//===----------------------------------------------------------------------===//

// Activations, token first.
def Tern_F32Rows : 2DTensorOf<[F32]>;
def Tern_TokenIds : 1DTensorOf<[I32]>;
def Tern_F32Vector : 1DTensorOf<[F32]>;
// One scale, one per row of a weight, or one per row and group of columns.
def Tern_Scales : AnyTypeOf<[1DTensorOf<[F32]>, 2DTensorOf<[F16, F32]>]>;
def Tern_TritMatrix : 2DTensorOf<[Tern_TritType]>;
// Either form of a kernel operation's operand.
def Tern_Shaped : AnyTypeOf<[AnyRankedTensor, AnyMemRef]>;
class Tern_RowsOf<list<Type> types>
    : AnyTypeOf<[2DTensorOf<types>, MemRefRankOf<types, [2]>]>;
// The same, or rows cut into equal parts: [token][part][feature].
class Tern_CutRowsOf<list<Type> types>
    : AnyTypeOf<[2DTensorOf<types>, 3DTensorOf<types>,
                 MemRefRankOf<types, [2, 3]>]>;
class Tern_VectorOf<list<Type> types>
    : AnyTypeOf<[1DTensorOf<types>, MemRefRankOf<types, [1]>]>;

#endif // TERN_TYPES_TD
