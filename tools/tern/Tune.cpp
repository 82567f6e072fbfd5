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
  out << llvm::formatv("{0,10:F1} us ±{1,3:F0} %{2,8:F1} GB/s{3,9:F1} GMAC/s\n",
                       time.seconds * 1e6, 100 * time.spread,
                       time.bytes / time.seconds / 1e9,
                       time.products / time.seconds / 1e9);
}

/// How much is read before a byte is read again.
static void printHead(const TuneResult &result, llvm::raw_ostream &out) {
  const CopySize &copies = result.copies;
  out << llvm::formatv("threads: {0}; copies of each weight: {1:F0} MB; all "
                       "caches: ",
                       result.threads, double(copies.bytes) / 1e6);
  if (copies.cacheBytes)
    out << llvm::formatv("{0:F0} MB", double(copies.cacheBytes) / 1e6);
  else
    out << "not known";
  if (copies.isLimited)
    out << "; there is no memory for more, so times may be those of a cache";
  out << "\n";
}

static void printTimes(const TuneResult &result, llvm::raw_ostream &out) {
  printHead(result, out);
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

static llvm::StringRef nameTokens(int64_t tokens) {
  return tokens == 1 ? "one token" : tokens <= kFewTokens ? "few" : "many";
}

/// Behind each number the table's.
static void printFamily(llvm::ArrayRef<EntrySpeed> speeds,
                        llvm::raw_ostream &out) {
  for (const EntrySpeed &speed : speeds) {
    const ProductShape &shape = speed.trial.shape;
    const KernelSpeed &table = speed.trial.strategy.speed;
    std::string codes =
        llvm::formatv("{0}..{1}", shape.codes.low, shape.codes.high);
    out << llvm::formatv("{0,-9} {1,-9} {2,-36} stall {3:F2} ({4:F2})", codes,
                         nameTokens(shape.tokens),
                         describeStrategy(speed.trial), speed.measured.stall,
                         table.stall);
    if (shape.tokens == 1)
      out << llvm::formatv(" reach {0}{1:F2} ({2:F2})",
                           speed.isReachKnown ? "" : ">", speed.measured.reach,
                           table.reach);
    out << llvm::formatv(" ±{0,2:F0} %{1,8:F1} GMAC/s{2,7:F1} GB/s\n",
                         100 * speed.spread, speed.cached / 1e9,
                         speed.bytes / 1e9);
  }
}

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

Error tern::measureKernels(const ModelOptions &model, const std::string &input,
                           const TuneEffort &effort, bool keeps,
                           Console &console, llvm::raw_ostream &out) {
  std::vector<StrategyRule> rules;
  Error error = tune(model, input, effort, console, [&](const TuneResult &r) {
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
  // Measurements are for one set of features.
  if (cpu.contains(','))
    return Error::success();
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
  std::optional<int64_t> threads, rounds;
  bool family = false;
  std::string output, layout;
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
  table.addNumber("-r, --repetitions", "N",
                  "rounds, each with a moment of every way; default: 10", 1,
                  1000, flags.rounds);
  table.addSwitch(
      "--family",
      "no MODEL: the numbers that the compiler's table has for this "
      "family of CPUs,\nmeasured, and in () as they are; for who "
      "changes the table",
      flags.family);
  table.addText("-o, --output", "OUT",
                "with --family: the machine code of the table of any --target, "
                "an object;\nnothing is measured",
                flags.output);
  table.addText("--layout", "NAME", "with --family -o: kernels of this layout",
                flags.layout);
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
  TuneEffort effort;
  effort.threads = flags.threads.value_or(effort.threads);
  effort.rounds = flags.rounds.value_or(effort.rounds);
  if (flags.family) {
    if (!inputs.empty())
      return llvm::make_error<UsageError>("--family takes no MODEL, but got '" +
                                          inputs.front() + "'");
    Expected<ModelOptions> options = flags.model.options();
    if (!options)
      return options.takeError();
    if (!flags.output.empty()) {
      if (Error error = writeFamily(*options, flags.layout, flags.output))
        return std::move(error);
      return 0;
    }
    if (Error error = tuneFamily(*options, effort, [](auto speeds) {
          printFamily(speeds, llvm::outs());
        }))
      return std::move(error);
    return 0;
  }
  if (!flags.output.empty() || !flags.layout.empty())
    return llvm::make_error<UsageError>(
        "-o and --layout are for tern tune --family, which then writes code "
        "instead of measuring");
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
  if (Error error = measureKernels(*options, input->path, effort,
                                   /*keeps=*/true, console, llvm::outs()))
    return std::move(error);
  return 0;
}
