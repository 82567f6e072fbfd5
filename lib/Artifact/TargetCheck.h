//===- TargetCheck.h - Machines that models can run on ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_ARTIFACT_TARGETCHECK_H
#define TERN_LIB_ARTIFACT_TARGETCHECK_H

#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"

namespace tern {

/// An error that says why no CPU of such machines runs models.
llvm::Error checkTriple(const llvm::Triple &triple);

/// A CPU of the architecture that has all instructions which models need; empty
/// if none is known here.
llvm::StringRef capableCpu(const llvm::Triple &triple);

} // namespace tern

#endif // TERN_LIB_ARTIFACT_TARGETCHECK_H
