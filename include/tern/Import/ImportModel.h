//===- include/tern/Import/ImportModel.h - From a checkpoint to IR *- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Builds the form the phase `import` is named after: three functions and the
// names of the weights they read.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_IMPORTMODEL_H
#define TERN_IMPORT_IMPORTMODEL_H

#include "tern/Import/Checkpoint.h"
#include "tern/Import/Schemes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>
#include <string>

namespace tern {

/// How the rows of the head, or of the embedding, lie in the artifact.
enum class HeadRows {
  Stored = 0, ///< as the checkpoint has them: bf16, f16 or f32
  // Integers of so many bits, absmax of each row.
  Int4 = 4,
  Int6 = 6,
  Int8 = 8,
  /// Those of int8 in two planes, of 6 and of 2 bits.
  Int8Planes = 62,
};

/// A user's changes to a model; an absent one leaves it as the config says.
struct ImportOptions {
  /// Of the module and the exported symbol: letters, digits and '_'.
  std::string name = "model";
  SchemeOverrides schemes;
  std::optional<unsigned> kvBits;
  /// Absent while kvBits is given: the checkpoint's, or kvBits if that is wider
  /// or one of the two is 16.
  std::optional<unsigned> bosBits;
  std::optional<unsigned> qBits;
  HeadRows head = HeadRows::Stored;
  /// Of the embedding, Stored or Int8. A tied head that is not asked for
  /// otherwise is computed with the same integers.
  HeadRows embedding = HeadRows::Stored;
  /// At most the config's max_position_embeddings.
  std::optional<int64_t> context;
};

/// A module of `@embed(tokens) -> x`, `@layer(layer, x, positions, cache) ->
/// x`,
/// `@head(x) -> logits` on any number of tokens, with a head in planes also
/// `@best(x) -> token` on one, and a `tern.weight` for each thing they
/// read; it is verified. Reads no tensor.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(mlir::MLIRContext &context, const Checkpoint &checkpoint,
            const ImportOptions &options = {});

} // namespace tern

#endif // TERN_IMPORT_IMPORTMODEL_H
