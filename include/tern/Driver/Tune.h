//===- tern/Driver/Tune.h - Strategies for this machine ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All that tern tune does besides reading flags, and the files in which it
// keeps what it chose: one for each set of features of a CPU, rules for weights
// by their size and readers, of whatever model. docs/strategies.md.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DRIVER_TUNE_H
#define TERN_DRIVER_TUNE_H

#include "tern/Driver/Compile.h"
#include "tern/Tuning/FamilySpeeds.h"
#include "tern/Tuning/Tuner.h"

#include <string>
#include <vector>

namespace tern {

/// How long is measured, and with how many threads; 0: one per core.
struct TuneEffort {
  unsigned threads = 0;
  unsigned rounds = TrialOptions().rounds;
};

/// Measures the products of checkpoint `input` (CompileOptions::input) and
/// tells `report`, as long as attributes of the trials live. An error says that
/// the target is another machine, or is one of the import or the compiler.
llvm::Error tune(const ModelOptions &model, llvm::StringRef input,
                 const TuneEffort &effort, CompileListener &listener,
                 llvm::function_ref<void(const TuneResult &)> report);

/// Measures the numbers that the table of this machine's target has for its
/// family of CPUs, and tells `report` as above.
llvm::Error
tuneFamily(const ModelOptions &model, const TuneEffort &effort,
           llvm::function_ref<void(llvm::ArrayRef<EntrySpeed>)> report);

/// Writes the machine code of the table of any target, or of a layout of it, for
/// people and tools to look at.
llvm::Error writeFamily(const ModelOptions &model, llvm::StringRef layout,
                        llvm::StringRef output);

/// The file of the target that --target and --cpu choose, in `directory`.
llvm::Expected<std::string> findStrategiesFile(llvm::StringRef directory,
                                               llvm::StringRef target,
                                               llvm::StringRef cpu);

/// Its rules; none if there is no file. An error names the file.
llvm::Expected<std::vector<StrategyRule>>
readStrategiesFile(llvm::StringRef path);

/// Puts `rules` into it, in the place of those for the same weights.
llvm::Error keepStrategies(llvm::StringRef path,
                           llvm::ArrayRef<StrategyRule> rules);

} // namespace tern

#endif // TERN_DRIVER_TUNE_H
