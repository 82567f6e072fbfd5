//===- MemoryBudget.h - What a device has room for --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DRIVER_MEMORYBUDGET_H
#define TERN_LIB_DRIVER_MEMORYBUDGET_H

#include "tern/Artifact/MemoryUse.h"
#include "tern/Driver/Compile.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tern {

struct MeasuredModel {
  ModelFacts facts;
  MemoryUse use;
};

/// Answers the model that other options would make.
using MeasureChoice =
    llvm::function_ref<llvm::Expected<MeasuredModel>(const CompileOptions &)>;

/// An error if `model` takes more than the options allow: by how much, its
/// parts, and the flags that would make it fit, each alone or else all at once,
/// as `measure` finds them.
llvm::Error checkBudget(const CompileOptions &options,
                        const MeasuredModel &model, MeasureChoice measure);

/// All that the object, the weights of `facts` and the texts take.
llvm::Expected<MemoryUse> measureMemory(const CompileOptions &options,
                                        const ModelFacts &facts,
                                        llvm::StringRef object,
                                        uint64_t tokenizerBytes,
                                        uint64_t generationBytes);

} // namespace tern

#endif // TERN_LIB_DRIVER_MEMORYBUDGET_H
