//===- GroupLists.h - Lists of groups that are not zero ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_GROUPLISTS_H
#define TERN_LIB_CODEGEN_GROUPLISTS_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"

namespace tern {

/// Of a tile of columns, for each token and plane a list of the groups of four
/// codes that are not all zero: temporaries of tensors.
struct GroupLists {
  GroupLists(KernelBuilder &b, MicroKernelAttrInterface kernel,
             int64_t numLists);

  mlir::Value groups; ///< numbers from the tile's first group on
  mlir::Value steps;  ///< that the groups of a list are
  mlir::Value words;  ///< of a token: the codes of listed groups
};

/// Prepares the codes of step `step` of a list into `carried`.
using PrepareStep =
    llvm::function_ref<mlir::Value(mlir::Value list, mlir::Value step,
                                   mlir::Value codes, mlir::Value carried)>;

/// Reads the codes of step `step` of the tile: [1, columns of a step].
using ReadStep = llvm::function_ref<mlir::Value(mlir::Value step)>;

class GroupLister {
public:
  /// The lists of one token begin at number `list`.
  GroupLister(KernelBuilder &b, MicroKernelAttrInterface kernel,
              GroupLists lists, mlir::Value list);

  /// Adds steps `from` .. `to`.
  void add(mlir::Value from, mlir::Value to, ReadStep readCodes);
  /// Fills the last step of each list, then prepares all of them.
  mlir::Value finish(mlir::Value carried, PrepareStep prepare);

  const GroupLists &getLists() const { return lists; }

private:
  mlir::Value insert(mlir::Value number, mlir::Value into, mlir::Value row,
                     mlir::Value at);

  KernelBuilder &b;
  MicroKernelAttrInterface kernel;
  int64_t planes;
  GroupLists lists;
  mlir::Value list;
  llvm::SmallVector<mlir::Value> counts; ///< of groups, by plane
};

/// Lists groups of `tokens` tokens, to which `addSteps` adds those of one, and
/// prepares their steps into `carried`, which it returns.
mlir::Value
listGroups(KernelBuilder &b, MicroKernelAttrInterface kernel,
           mlir::Value tokens, mlir::Value carried, GroupLists &lists,
           llvm::function_ref<void(mlir::Value, GroupLister &)> addSteps,
           PrepareStep prepare);

} // namespace tern

#endif // TERN_LIB_CODEGEN_GROUPLISTS_H
