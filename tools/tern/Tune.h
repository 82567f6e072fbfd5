//===- Tune.h - Products of a model, each alone -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_TUNE_H
#define TERN_TOOLS_TUNE_H

#include "Console.h"

#include "tern/Driver/Tune.h"

namespace tern {

/// Measures all strategies for the products of checkpoint `input`, with
/// `effort` and prints them, the fastest of each shape
/// first. With `keeps`, prints too what is chosen and keeps it in the cache's
/// folder.
llvm::Error measureKernels(const ModelOptions &model, const std::string &input,
                           const TuneEffort &effort, bool keeps,
                           Console &console, llvm::raw_ostream &out);

/// Adds to `strategies` the rules that were kept for this target, if any.
llvm::Error addKeptStrategies(llvm::StringRef target, llvm::StringRef cpu,
                              std::vector<std::string> &strategies);

} // namespace tern

#endif // TERN_TOOLS_TUNE_H
