//===- lib/Import/Inventory.h - What must be in a checkpoint ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_INVENTORY_H
#define TERN_LIB_IMPORT_INVENTORY_H

#include "tern/Import/Checkpoint.h"

namespace tern {

/// Checks that the checkpoint has the tensors that its config asks for, with
/// dtypes and shapes as it implies, and no others.
llvm::Error checkInventory(const Checkpoint &checkpoint);

} // namespace tern

#endif // TERN_LIB_IMPORT_INVENTORY_H
