//===- lib/Import/ImportPlan.h - Options over config ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_IMPORTPLAN_H
#define TERN_LIB_IMPORT_IMPORTPLAN_H

#include "tern/Import/ImportModel.h"

namespace tern {

/// The model that will be, where options stand in the place of the config.
struct ImportPlan {
  ModelConfig config;
  int64_t context; ///< positions
};

/// An error if the checkpoint cannot be what the options ask for.
llvm::Expected<ImportPlan> makeImportPlan(const Checkpoint &checkpoint,
                                          const ImportOptions &options);

} // namespace tern

#endif // TERN_LIB_IMPORT_IMPORTPLAN_H
