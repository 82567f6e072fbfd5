//===- InspectArtifact.h - tern inspect of compiled models ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_INSPECTARTIFACT_H
#define TERN_TOOLS_INSPECTARTIFACT_H

#include "Report.h"

namespace tern {

/// Says what is in a program, library, object or .weights file.
/// `verifies` compares it with its checksums.
llvm::Error inspectArtifact(const std::string &path, bool verifies,
                            Report &report);

} // namespace tern

#endif // TERN_TOOLS_INSPECTARTIFACT_H
