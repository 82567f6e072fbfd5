//===- PhaseRange.h - From which phase to which -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_PHASERANGE_H
#define TERN_TOOLS_PHASERANGE_H

#include "Compilation.h"

namespace tern {

/// The phases that a command line asks for; indices in getPhases().
struct PhaseRange {
  unsigned first = 0, last = 0;

  /// A UsageError if the flags contradict each other.
  static llvm::Expected<PhaseRange> choose(const CompileFlags &flags);

  /// True if machine code is made.
  bool reachesObject() const;
  /// Names of the files of --save-stages.
  std::vector<std::string> stageFiles(llvm::StringRef name) const;
};

/// "03-packed.mlir"
std::string stageFile(unsigned phase);

} // namespace tern

#endif // TERN_TOOLS_PHASERANGE_H
