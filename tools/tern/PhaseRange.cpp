//===- PhaseRange.cpp - From which phase to which -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PhaseRange.h"

#include "tern/Pipelines/Phases.h"

#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

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

/// IR has made the choices of the import already.
static Error checkNoChoiceOfImport(const CompileFlags &flags) {
  const ModelFlags &model = flags.model;
  for (auto [name, given] :
       {std::pair<StringRef, bool>{"--activations", !model.activations.empty()},
        {"--topk", !model.topK.empty()},
        {"--kv-bits", !model.kvBits.empty()},
        {"--bos-bits", !model.bosBits.empty()},
        {"--q-bits", !model.qBits.empty()},
        {"--head", !model.head.empty()},
        {"--context", flags.context.has_value()}})
    if (given)
      return llvm::make_error<UsageError>(
          name + " is a choice about a checkpoint; the IR that --compile-from "
                 "takes has made it");
  return Error::success();
}

Expected<PhaseRange> PhaseRange::choose(const CompileFlags &flags) {
  PhaseRange range;
  unsigned object = getPhases().size() - 1;
  range.first = flags.compileFrom.empty() ? 0 : *findPhase(flags.compileFrom);
  range.last = flags.compileTo.empty() ? object : *findPhase(flags.compileTo);
  if (range.first >= object)
    return llvm::make_error<UsageError>(
        "--compile-from=object is not IR that can be compiled further");
  if (range.last < range.first)
    return llvm::make_error<UsageError>(
        "--compile-to=" + flags.compileTo +
        " comes before --compile-from=" + flags.compileFrom);
  bool weightsOnly = range.last == object && flags.emit == "weights";
  bool needsWeights =
      weightsOnly ||
      (range.last == object && (flags.emit == "exe" || flags.emit == "shared"));
  if (needsWeights && !flags.compileFrom.empty())
    return llvm::make_error<UsageError>(
        "IR does not contain the weights that --emit=" + flags.emit +
        " needs; --compile-from goes with --emit=obj, asm or llvm-ir");
  if (!flags.compileFrom.empty())
    if (Error error = checkNoChoiceOfImport(flags))
      return std::move(error);
  if (needsWeights && flags.output == "-")
    return llvm::make_error<UsageError>("--emit=" + flags.emit +
                                        " cannot be written to stdout");
  // Later phases say nothing about weights.
  if (weightsOnly)
    range.last = *findPhase("packed");
  return range;
}
