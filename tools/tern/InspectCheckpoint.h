//===- InspectCheckpoint.h - tern inspect of checkpoints --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_INSPECTCHECKPOINT_H
#define TERN_TOOLS_INSPECTCHECKPOINT_H

#include "Report.h"

#include "tern/Import/GgufModel.h"

namespace tern {

struct CheckpointInspection {
  GgufOptions gguf;
  bool readsAll = false;     ///< every tensor, as tern compile does
  bool listsTensors = false; ///< by name
};

/// Says what is in a directory or a GGUF file, and what would be refused; that
/// is the answer too.
llvm::Error inspectCheckpoint(llvm::StringRef path,
                              const CheckpointInspection &options,
                              Report &report);

} // namespace tern

#endif // TERN_TOOLS_INSPECTCHECKPOINT_H
