//===- InspectMatrices.h - tern inspect of ternary matrices -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_TERN_INSPECTMATRICES_H
#define TERN_TOOLS_TERN_INSPECTMATRICES_H

#include "Report.h"

#include "tern/Import/Checkpoint.h"

namespace tern {

/// A line for each projection and each ternary table of a checkpoint. Digits
/// are read, and what is wrong with them added to `problems`, unless it is
/// null.
void reportMatrices(const Checkpoint &checkpoint, llvm::Error *problems,
                    Report &report);

} // namespace tern

#endif // TERN_TOOLS_TERN_INSPECTMATRICES_H
