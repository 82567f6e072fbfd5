//===- LayerKinds.h - Kinds of layers and their order -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model whose layers are all alike has one function, `layer`. One that
// alternates has a function `layer.KIND` for each kind, and says their order in
// `tern.layer_kinds`, a pattern that repeats:
//
//   tern.layer_kinds = ["layer.attention", "layer.recurrent"]
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_IR_LAYERKINDS_H
#define TERN_DIALECT_TERN_IR_LAYERKINDS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

namespace tern {

class LayerKinds {
public:
  /// Those of a module with `tern.model`.
  static LayerKinds of(mlir::ModuleOp module);

  /// The kind that the function named `name` belongs to: "layer.a" of
  /// "layer.a.decode", whose body has a name of its own once tokens are
  /// specialized. Empty if it is no layer's.
  llvm::StringRef kindOf(llvm::StringRef name) const;

  /// Names in the order in which kinds come first.
  llvm::ArrayRef<llvm::StringRef> names() const { return kinds; }
  unsigned numberOf(llvm::StringRef kind) const;

  struct Layer {
    unsigned kind;
    int64_t index; ///< among the layers of its kind
  };
  llvm::ArrayRef<Layer> layers() const { return all; }

  /// Layers of a kind.
  int64_t count(unsigned kind) const { return counts[kind]; }

private:
  llvm::SmallVector<llvm::StringRef> kinds;
  llvm::SmallVector<int64_t> counts;
  llvm::SmallVector<Layer> all;
};

} // namespace tern

#endif // TERN_DIALECT_TERN_IR_LAYERKINDS_H
