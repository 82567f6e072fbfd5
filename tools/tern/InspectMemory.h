//===- InspectMemory.h - Memory that a compiled model takes -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_INSPECTMEMORY_H
#define TERN_TOOLS_INSPECTMEMORY_H

#include "Report.h"

#include "tern/Artifact/MemoryUse.h"

namespace tern {

/// A line for flash and one for RAM; `memory` of the facts.
void reportMemory(const MemoryUse &use, Report &report);

} // namespace tern

#endif // TERN_TOOLS_INSPECTMEMORY_H
