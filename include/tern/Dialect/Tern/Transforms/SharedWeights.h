//===- tern/.../SharedWeights.h - One weight, several CPUs ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A program may have versions of its code for several CPUs and weights once.
// Each version is compiled by itself, from the same module, and chooses the
// layouts for all of them: so they choose the same.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_TRANSFORMS_SHAREDWEIGHTS_H
#define TERN_DIALECT_TERN_TRANSFORMS_SHAREDWEIGHTS_H

#include "tern/Dialect/Tern/Transforms/WeightReaders.h"

namespace tern {

/// Of a module, the targets of all versions if there are several; `tern.target`
/// is one of them. Of layouts that are as good the first one's counts.
inline constexpr llvm::StringLiteral kVersionTargetsAttr =
    "tern.version_targets";
/// The name of this version, as --cpu has it: "x86-64-v4+avx512vnni".
inline constexpr llvm::StringLiteral kVersionNameAttr = "tern.version_name";

/// The targets of all versions: `tern.target` alone if there is one.
llvm::SmallVector<TargetAttr> getVersionTargets(mlir::ModuleOp module);

/// The products of one weight in all versions.
class SharedWeight {
public:
  SharedWeight(mlir::ModuleOp module, mlir::RankedTensorType type,
               llvm::ArrayRef<MatmulOp> products);

  /// Those of the module's own version.
  const WeightReaders &own() const { return readers[ownIndex]; }

  /// Plans of the own version as WeightReaders::plan has them, for each layout
  /// that one of the versions would choose from: the one that is best for all
  /// comes first.
  std::vector<Plan> plan(ListUse lists) const;

  /// As WeightReaders::getReasonAgainst, of the first version with a reason.
  std::string getReasonAgainst(llvm::StringRef layoutName, ListUse lists) const;

  /// The plan that the own version would have alone, if its layout is not that
  /// of `plan`.
  std::optional<Plan> findOwnChoice(const Plan &plan, ListUse lists) const;

private:
  llvm::SmallVector<WeightReaders, 1> readers;
  size_t ownIndex = 0;
};

} // namespace tern

#endif // TERN_DIALECT_TERN_TRANSFORMS_SHAREDWEIGHTS_H
