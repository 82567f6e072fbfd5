//===- TernAttrs.td - Attributes ----------------------------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ATTRS_TD
#define TERN_ATTRS_TD

include "tern/Dialect/Tern/IR/TernDialect.td"
include "mlir/IR/TensorEncoding.td"

class Tern_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::tern";
  let genSpecializedAttr = 0;
}

//===----------------------------------------------------------------------===//
// Activation quantization
//===----------------------------------------------------------------------===//

def Tern_ActScheme : Tern_Enum<"ActScheme", "how a token's features become integers", [
    I32EnumAttrCase<"Int8AbsMax", 0, "int8_absmax">,
    I32EnumAttrCase<"Int4AbsMean", 1, "int4_absmean">,
    I32EnumAttrCase<"Fp4E2M1", 2, "fp4_e2m1">,
    I32EnumAttrCase<"Float32", 3, "f32">]>;

def Tern_ActQuantAttr : Tern_Attr<"ActQuant", "act_quant"> {
  let summary = "integers q and one factor s per token, or per token and block, x ~ q * s";
  let description = [{
    With g = max(max|x|, 1e-5) and b = max(mean|x|, 1e-5) over the n features of a
    token (BitNet a4.8, equations 3, 7 and 8):

    | scheme         | q                                              | s       |
    |----------------|------------------------------------------------|---------|
    | `int8_absmax`  | clip(rne(x * (127/g)), -128, 127)              | g/127   |
    | `int4_absmean` | clip(rne(x * (sqrt7/b)), -8, 7)                | b/sqrt7 |
    | `fp4_e2m1`     | sign * 2E, E in {0,.5,1,1.5,2,3,4,6} nearest to abs(x * (6/g)), ties to the even code | g/12 |

    With `block`, a row is cut into blocks of so many adjacent features, at least 4,
    and each has a factor of its own: g and b are over the features of a block.

    `f32` makes no integers: digits add and subtract the features themselves.

    ```mlir
    #tern.act_quant<int4_absmean>
    #tern.act_quant<int8_absmax, block = 128>
    ```
  }];
  let parameters = (ins EnumParameter<Tern_ActScheme>:$scheme,
                        DefaultValuedParameter<"int64_t", "0">:$block);
  let assemblyFormat = "`<` $scheme (`,` `block` `=` $block^)? `>`";
  let builders = [
    /// One factor per token.
    AttrBuilder<(ins "ActScheme":$scheme), [{
      return $_get($_ctxt, scheme, 0);
    }]>,
  ];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    bool isFloat() const { return getScheme() == ActScheme::Float32; }
    /// The lowest and the highest q; empty if there is none.
    ::llvm::ArrayRef<int64_t> getCodeRange() const;
    /// Blocks of a row of `features`; 0 if its factor is the token's, or there
    /// is none.
    int64_t getNumBlocks(int64_t features) const {
      return getBlock() ? features / getBlock() : 0;
    }
  }];
}

def Tern_TopKAttr : Tern_Attr<"TopK", "top_k"> {
  let summary = "keep only the largest magnitudes of each token";
  let description = [{
    Keeps the `keep` features of largest magnitude of the unquantized row; of
    equal magnitudes the lower index wins, so every target keeps the same ones.

    ```mlir
    #tern.top_k<keep = 96>
    ```
  }];
  let parameters = (ins "int64_t":$keep);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Tern_GluKind : Tern_Enum<"GluKind", "activation of a gated linear unit", [
    I32EnumAttrCase<"ReLU2", 0, "relu2">,
    I32EnumAttrCase<"SiLU", 1, "silu">,
    I32EnumAttrCase<"Sigmoid", 2, "sigmoid">]>;
def Tern_GluKindAttr : EnumAttr<Tern_Dialect, Tern_GluKind, "glu_kind"> {
  let assemblyFormat = "`<` $value `>`";
}

def Tern_ReduceKind : Tern_Enum<"ReduceKind", "statistic of a row", [
    I32EnumAttrCase<"MaxAbs", 0, "max_abs">,
    I32EnumAttrCase<"SumAbs", 1, "sum_abs">,
    I32EnumAttrCase<"SumSquares", 2, "sum_squares">]>;
def Tern_ReduceKindAttr : EnumAttr<Tern_Dialect, Tern_ReduceKind, "reduce_kind"> {
  let assemblyFormat = "`<` $value `>`";
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

def Tern_WeightEncoding : Tern_Enum<"WeightEncoding", "what the bytes of a weight are made of", [
    I32EnumAttrCase<"Values", 0, "values">,         // as stored, or widened to the element type
    I32EnumAttrCase<"Digits", 1, "digits">,         // ternary digits in the type's layout
    I32EnumAttrCase<"Scale", 2, "scale">,           // alpha of a ternary tensor, f32
    I32EnumAttrCase<"IntegerRows", 3, "integer_rows">, // absmax codes of each row, i8, i6 or i4
    I32EnumAttrCase<"IntegerScales", 4, "integer_scales">, // the factors of those rows
    I32EnumAttrCase<"RopeCos", 5, "rope_cos">,      // cos(pos / theta^(2i/head_dim))
    I32EnumAttrCase<"RopeSin", 6, "rope_sin">,
    // Of codes of 8 bits, absmax of each row: code >> 2 as i6, code & 3 as i2, and
    // of a row the norm of 2 (code & 3) - 3, rounded up.
    I32EnumAttrCase<"UpperBits", 7, "upper_bits">,
    I32EnumAttrCase<"LowerBits", 8, "lower_bits">,
    I32EnumAttrCase<"LowerNorms", 9, "lower_norms">,
    I32EnumAttrCase<"OnePlus", 10, "one_plus">,     // 1 + x
    I32EnumAttrCase<"MinusExp", 11, "minus_exp">,   // -exp(x)
    I32EnumAttrCase<"Taps", 12, "taps">]>;          // of a convolution, a row for each tap
def Tern_WeightEncodingAttr
    : EnumAttr<Tern_Dialect, Tern_WeightEncoding, "weight_encoding"> {
  let assemblyFormat = "`<` $value `>`";
}

def Tern_LayoutAttr : Tern_Attr<"Layout", "layout", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding, ["verifyEncoding"]>]> {
  let summary = "byte order of a packed matrix";
  let description = [{
    The value of `tern::Layout` (tern/Packing/Layout.h). First comes the codec
    (tern/Packing/Codecs.def), which says how the digits of a word of one byte or
    more are stored. The matrix is cut into tiles; the last list says, outermost
    first, what walking through a tile's bytes walks through in the matrix, the
    part or list before it the same for the digits of a word. `n` are rows (output
    features), `k` columns (input features), `b` the bytes of a word; a part
    `n:16:1` is sixteen positions, one row apart. `rows` or `columns` is the axis
    whose tile index changes slowest. The text between the angle brackets is
    `tern::Layout::str()`, whose hash is the fingerprint.

    Sixteen rows in the lanes of a vector, four columns per lane:

    ```mlir
    tensor<2560x6912x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
    ```

    Five neighbouring columns in a byte, 512 rows after each other, and 24 such
    bytes of a row before the next rows:

    ```mlir
    tensor<2560x6912x!tern.trit, #tern.layout<s5, columns, k:5:1, [k:24:5, n:8:64, n:64:1]>>
    ```

    Integers of six bits, four in three bytes, which are 64 apart (`i4` and `u2` are
    two and four in a byte):

    ```mlir
    tensor<128256x2560xi6, #tern.layout<i6, rows, k:4:64, [b:3:1, k:64:1]>>
    ```
  }];
  let parameters = (ins "::tern::Layout":$layout);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes a matrix of `shape` ([rows, columns]) takes, padding included.
    int64_t getStorageBytes(::llvm::ArrayRef<int64_t> shape) const;
    /// The bytes of such a matrix: tensor<tiles x tiles x bytes of one x i8>, tiles
    /// along the outer axis first. A slice along either axis is a slice of the grid.
    ::mlir::RankedTensorType getGridType(::llvm::ArrayRef<int64_t> shape) const;
    /// Stable across compiler versions; part of every artifact's fingerprint.
    uint64_t getFingerprint() const;
  }];
}

//===----------------------------------------------------------------------===//
// Target
//===----------------------------------------------------------------------===//

def Tern_TargetAttr : Tern_Attr<"Target", "target"> {
  let summary = "the machine a module is compiled for";
  let description = [{
    Neutral passes ask it, and it asks the registered `tern::Target` that handles
    its triple: which layout for this weight, which kernels for this product.
    `features` is LLVM's comma separated list, complete for `cpu`.

    ```mlir
    #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2">
    ```
  }];
  let parameters = (ins StringRefParameter<"LLVM triple">:$triple,
                        StringRefParameter<"LLVM CPU name">:$cpu,
                        StringRefParameter<"LLVM features">:$features);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// True if `+feature` is in the list.
    bool hasFeature(::llvm::StringRef feature) const;
    /// The registered target for this triple; null if there is none.
    const ::tern::Target *getTarget() const;
    /// `tern.target` of the module `op` lies in; null if it has none.
    static TargetAttr lookup(::mlir::Operation *op);
  }];
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

def Tern_ModelAttr : Tern_Attr<"Model", "model"> {
  let summary = "sizes of a model that the artifact's header repeats";
  let description = [{
    ```mlir
    #tern.model<name = "bard", vocab = 1024, hidden = 192, layers = 5, max_context = 256>
    ```
  }];
  let parameters = (ins StringRefParameter<"symbol suffix">:$name,
                        "int64_t":$vocab, "int64_t":$hidden, "int64_t":$layers,
                        "int64_t":$max_context);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// `tern.model` of the module `op` lies in; null if it has none.
    static ModelAttr lookup(::mlir::Operation *op);
  }];
}

include "tern/Dialect/Tern/IR/MicroKernels.td"

#endif // TERN_ATTRS_TD
