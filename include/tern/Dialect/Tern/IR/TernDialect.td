//===- TernDialect.td - The dialect and its base classes ------ -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TD
#define TERN_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Tern_Dialect : Dialect {
  let name = "tern";
  let cppNamespace = "::tern";
  let summary = "Ternary-weight language models, from layers to kernels";
  let description = [{
    Values are logical: a `tensor<NxKx!tern.trit>` is a matrix of digits, not
    bytes. Bytes appear once, when `tern-select-strategies` attaches a
    `#tern.layout` to a weight's type and makes its values grids of bytes; nothing
    after that pass changes it.

    *Model operations* (`tern.bitlinear`, `tern.attention`, ...) are what
    importers make and what fusion looks at; they work on tensors only.
    *Kernel operations* (`tern.quantize`, `tern.matmul`, ...) are what they
    decompose into. A kernel operation has a tensor form, with results, and a
    buffer form, with `outs` instead; bufferization turns one into the other.
    `tern.matmul` is destination passing: it names its destination in both forms.

    The first dimension of an activation is always the token.

    Printed modules begin with aliases of layouts (`#rows_in_lanes`,
    `#contiguous_rows`, `#contiguous_columns`, after the kernels that read them), of
    `#target` and `#model`, and of the cache's type, `!kv_cache`.
    `--mlir-print-local-scope` prints all of them in place.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasNonDefaultDestructor = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    /// Targets are registered by tools (tern/InitAll.h); the dialect owns them.
    void registerTarget(std::unique_ptr<Target> target);
    /// The first registered target that handles `attr`'s triple, or null.
    const Target *lookupTarget(TargetAttr attr) const;

    /// Names of the module attributes that the pipeline passes along.
    static constexpr llvm::StringLiteral kTargetAttr = "tern.target";
    static constexpr llvm::StringLiteral kModelAttr = "tern.model";
    static constexpr llvm::StringLiteral kSchemesAttr = "tern.schemes";
    static constexpr llvm::StringLiteral kMaxTokensAttr = "tern.max_tokens";
    static constexpr llvm::StringLiteral kLayerStrideAttr = "tern.layer_stride";
    static constexpr llvm::StringLiteral kWeightsBytesAttr = "tern.weights_bytes";
    static constexpr llvm::StringLiteral kWeightsIdAttr = "tern.weights_id";
    static constexpr llvm::StringLiteral kScratchBytesAttr = "tern.scratch_bytes";
    static constexpr llvm::StringLiteral kWorkerBytesAttr = "tern.scratch_worker_bytes";
    static constexpr llvm::StringLiteral kProjectionsAttr = "tern.projections";
    static constexpr llvm::StringLiteral kStatesAttr = "tern.states";
    static constexpr llvm::StringLiteral kLayerKindsAttr = "tern.layer_kinds";

    void registerAttributes();
    void registerTypes();
    void registerAliases();

  private:
    llvm::SmallVector<std::unique_ptr<Target>> targets;

  public:
  }];
}

class Tern_Type<string name, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<Tern_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

class Tern_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Tern_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

class Tern_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tern_Dialect, mnemonic, traits>;

#endif // TERN_DIALECT_TD
