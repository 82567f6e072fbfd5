//===- Tune.cpp - tern tune, and products alone ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tune.h"

#include "Cache.h"
#include "Commands.h"
#include "CompileFlags.h"

#include "tern/Driver/ModelInput.h"
#include "tern/Driver/Tune.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

static void printTime(const MeasuredProduct &product, llvm::raw_ostream &out) {
  const ProductTime &time = product.time;
  out << llvm::formatv("  {0,-38}", describeStrategy(product.trial));
  if (!time.isExact) {
    out << "other results than Generic's; never chosen\n";
    return;
  }
  out << llvm::formatv("{0,10:F1} us{1,8:F1} GB/s{2,9:F1} GMAC/s\n",
                       time.seconds * 1e6, time.bytes / time.seconds / 1e9,
                       time.products / time.seconds / 1e9);
}

static void printTimes(const TuneResult &result, llvm::raw_ostream &out) {
  std::string shape;
  for (const MeasuredProduct &product : result.products) {
    if (std::string next = product.trial.shape.str(); next != shape) {
      shape = next;
      out << shape << "  " << product.projections << "\n";
    }
    printTime(product, out);
  }
}

static void printRules(llvm::ArrayRef<StrategyRule> rules,
                       llvm::raw_ostream &out) {
  for (const StrategyRule &rule : rules)
    out << rule.layoutName << (rule.usesLists ? "" : ", no lists") << " for "
        << rule.why << "\n";
}

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

Error tern::measureKernels(const ModelOptions &model, const std::string &input,
                           unsigned threads, bool keeps, Console &console,
                           llvm::raw_ostream &out) {
  std::vector<StrategyRule> rules;
  Error error = tune(model, input, threads, console, [&](const TuneResult &r) {
    printTimes(r, out);
    rules = r.rules;
  });
  if (error || !keeps)
    return error;
  printRules(rules, out);
  Expected<std::string> directory = cacheDirectory();
  if (!directory)
    return directory.takeError();
  Expected<std::string> file =
      findStrategiesFile(*directory, model.target, model.cpu);
  if (!file)
    return file.takeError();
  if (Error keeping = keepStrategies(*file, rules))
    return keeping;
  out << "kept in " << *file << "\n";
  return Error::success();
}

Error tern::addKeptStrategies(StringRef target, StringRef cpu,
                              std::vector<std::string> &strategies) {
  Expected<std::string> directory = cacheDirectory();
  // Without a home nothing was kept.
  if (!directory) {
    llvm::consumeError(directory.takeError());
    return Error::success();
  }
  llvm::SmallString<128> folder(*directory);
  llvm::sys::path::append(folder, "strategies");
  if (!llvm::sys::fs::is_directory(folder))
    return Error::success();
  Expected<std::string> file = findStrategiesFile(*directory, target, cpu);
  if (!file)
    return file.takeError();
  Expected<std::vector<StrategyRule>> rules = readStrategiesFile(*file);
  if (!rules)
    return rules.takeError();
  for (const StrategyRule &rule : *rules)
    strategies.push_back(printStrategyRule(rule));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// tern tune
//===----------------------------------------------------------------------===//

namespace {
struct TuneFlags {
  ModelFlags model;
  std::optional<int64_t> threads;
};
} // namespace

static OptionTable makeTable(TuneFlags &flags) {
  OptionTable table(
      "tune MODEL [flags]",
      "Measures on this machine how each product of a model is computed best,\n"
      "alone and with weights that no cache holds, and keeps the choice beside "
      "the\nprograms of tern run (docs/strategies.md). Programs that are "
      "compiled later for this CPU\nuse it. Results stay the same bits.");
  table.addPositional("-m, --model", "MODEL");
  table.addNumber("-t, --threads", "N",
                  "threads that read weights at a time; default: one per core",
                  1, 4096, flags.threads);
  table.addHeading("The model");
  flags.model.addTo(table);
  return table;
}

void tern::describeTune(TableReader read) {
  TuneFlags flags;
  read(makeTable(flags));
}

Expected<int> tern::tuneMain(Arguments arguments) {
  TuneFlags flags;
  OptionTable table = makeTable(flags);
  std::vector<std::string> inputs;
  Expected<bool> isHelp = table.parseOrHelp(arguments, inputs);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  if (inputs.size() != 1)
    return llvm::make_error<UsageError>(
        inputs.empty()
            ? "tern tune needs a MODEL; see tern tune --help"
            : "tern tune takes one MODEL, but also got '" + inputs[1] + "'");
  Expected<ModelInput> input = identifyCheckpoint(inputs.front());
  if (!input)
    return input.takeError();
  Expected<ModelOptions> options = flags.model.options();
  if (!options)
    return options.takeError();
  options->import.name = symbolOf(input->name);
  Console console(/*progress=*/true, /*verbose=*/false);
  if (Error error =
          measureKernels(*options, input->path, flags.threads.value_or(0),
                         /*keeps=*/true, console, llvm::outs()))
    return std::move(error);
  return 0;
}
