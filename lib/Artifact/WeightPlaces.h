//===- lib/Artifact/WeightPlaces.h - Where weights lie ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_ARTIFACT_WEIGHTPLACES_H
#define TERN_LIB_ARTIFACT_WEIGHTPLACES_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Import/Checkpoint.h"

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// The bytes of the weights section that the weight of one layer fills.
struct WeightPlace {
  WeightOp weight;
  int64_t layer;
  uint64_t offset, bytes;

  mlir::RankedTensorType type() const;
  /// Names of the tensors it is made of.
  llvm::SmallVector<std::string> sources() const;
};

struct WeightPlaces {
  std::vector<WeightPlace> places; ///< by rising offset
  uint64_t bytes;                  ///< of the section
};

/// Of all weights of the module. An error if one leaves the section or lies on
/// another.
llvm::Expected<WeightPlaces> placeWeights(mlir::ModuleOp module,
                                          const ModelConfig &config);

llvm::Error weightError(WeightOp weight, const llvm::Twine &message);

} // namespace tern

#endif // TERN_LIB_ARTIFACT_WEIGHTPLACES_H
