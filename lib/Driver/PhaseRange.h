//===- PhaseRange.h - From which phase to which -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DRIVER_PHASERANGE_H
#define TERN_LIB_DRIVER_PHASERANGE_H

#include "tern/Driver/Compile.h"

#include <vector>

namespace tern {

/// The phases that a compilation goes through; indices in getPhases().
struct PhaseRange {
  unsigned first = 0, last = 0;

  /// Of options that checkOptions accepts.
  explicit PhaseRange(const CompileOptions &options);

  /// True if machine code is made.
  bool reachesObject() const;
  /// Names of the files of CompileOptions::stages.
  std::vector<std::string> stageFiles(llvm::StringRef name) const;
};

/// "03-packed.mlir"
std::string stageFile(unsigned phase);

} // namespace tern

#endif // TERN_LIB_DRIVER_PHASERANGE_H
