//===- InspectWeights.h - tern inspect of a checkpoint's tensors -*- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_INSPECTWEIGHTS_H
#define TERN_TOOLS_INSPECTWEIGHTS_H

#include "Report.h"

#include "tern/Import/Checkpoint.h"

namespace tern {

/// Says how weights are stored, and as which types.
void reportWeights(const Checkpoint &checkpoint, Report &report);

/// Reads everything that tern compile reads, but ternary matrices, so that what
/// it would refuse shows; says what is not as a reader would expect it.
llvm::Error checkTensors(const Checkpoint &checkpoint, Report &report);

} // namespace tern

#endif // TERN_TOOLS_INSPECTWEIGHTS_H
