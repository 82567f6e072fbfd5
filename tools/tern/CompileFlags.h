//===- CompileFlags.h - Flags that choose a model ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_COMPILEFLAGS_H
#define TERN_TOOLS_COMPILEFLAGS_H

#include "GgufFlags.h"
#include "Options.h"

#include "tern/Driver/Compile.h"

namespace tern {

/// ModelOptions as text; tern run takes these flags too.
struct ModelFlags {
  std::string target, cpu, head, embedding, activations, topK, kvBits, bosBits,
      qBits;
  std::string strategy;
  std::optional<int64_t> maxTokens;
  bool dense = false;
  bool few = false;
  GgufFlags gguf;

  void addTo(OptionTable &table);
  /// True if one of them was given.
  bool areGiven() const;
  /// A UsageError if a text has no meaning.
  llvm::Expected<ModelOptions> options() const;
};

struct CompileFlags {
  ModelFlags model;
  std::string output; ///< "-" is stdout
  std::string emit, name, chatTemplate, compileFrom, compileTo, saveStages;
  std::string compiler, sysroot, project;
  std::optional<int64_t> context, workers;
  std::optional<uint64_t> maxFlash, maxRam;
  bool report = false;
  bool tune = false;
  bool embedsWeights = false;
  bool hasGrammars = false;
  bool isStatic = false, remarks = false, verbose = false, quiet = false;
};

} // namespace tern

#endif // TERN_TOOLS_COMPILEFLAGS_H
