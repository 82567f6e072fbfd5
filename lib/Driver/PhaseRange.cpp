//===- PhaseRange.cpp - From which phase to which -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PhaseRange.h"

#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::StringRef;

PhaseRange::PhaseRange(const CompileOptions &options)
    : first(options.inputPhase.value_or(0)), last(getPhases().size() - 1) {
  if (options.form == OutputForm::IR)
    last = options.outputPhase;
  // Later phases say nothing about weights.
  if (options.form == OutputForm::Weights)
    last = *findPhase("packed");
}

std::string tern::stageFile(unsigned phase) {
  return llvm::formatv("{0}{1}-{2}.mlir", phase < 10 ? "0" : "", phase,
                       getPhases()[phase].name)
      .str();
}

bool PhaseRange::reachesObject() const {
  return last + 1 == getPhases().size();
}

std::vector<std::string> PhaseRange::stageFiles(StringRef name) const {
  std::vector<std::string> files;
  for (unsigned phase = first; phase <= last; ++phase)
    if (phase + 1 < getPhases().size())
      files.push_back(stageFile(phase));
  if (reachesObject())
    for (StringRef suffix : {".ll", ".s", ".o"})
      files.push_back((name + suffix).str());
  return files;
}
