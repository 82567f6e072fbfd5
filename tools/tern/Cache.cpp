//===- Cache.cpp - tern cache, and where it is ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Cache.h"

#include "Commands.h"
#include "Console.h"
#include "Interrupt.h"

#include "tern/Driver/CachedProgram.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Chrono.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <chrono>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Where and how much
//===----------------------------------------------------------------------===//

Expected<std::string> tern::cacheDirectory() {
  SmallString<128> path;
  if (auto xdg = llvm::sys::Process::GetEnv("XDG_CACHE_HOME");
      xdg && llvm::sys::path::is_absolute(*xdg))
    path = *xdg;
  else if (llvm::sys::path::home_directory(path))
    llvm::sys::path::append(path, ".cache");
  else
    return failure(
        "there is no home directory to cache compiled models in; set "
        "XDG_CACHE_HOME");
  llvm::sys::path::append(path, "tern");
  return path.str().str();
}

static constexpr StringRef limitVariable = "TERN_CACHE_LIMIT";
static constexpr uint64_t defaultLimit = uint64_t(20) << 30;

static Expected<uint64_t> cacheLimit() {
  std::optional<std::string> text = llvm::sys::Process::GetEnv(limitVariable);
  if (!text || text->empty())
    return defaultLimit;
  if (std::optional<uint64_t> bytes = parseSize(*text))
    return *bytes;
  return failure(limitVariable + "='" + *text +
                 "' is not a size; examples are 500M and 20G");
}

static std::string inUnits(uint64_t bytes) {
  if (bytes < 1000000)
    return llvm::formatv("{0:F1} kB", bytes / 1e3).str();
  if (bytes < 1000000000)
    return llvm::formatv("{0:F1} MB", bytes / 1e6).str();
  return llvm::formatv("{0:F2} GB", bytes / 1e9).str();
}

Expected<std::string> tern::findOrCompile(const ModelInput &model,
                                          const ModelFlags &flags) {
  Console console(/*progress=*/true, /*verbose=*/false);
  return findOrCompile(model, flags, console);
}

Expected<std::string> tern::findOrCompile(const ModelInput &model,
                                          const ModelFlags &flags,
                                          CompileListener &listener) {
  Expected<ModelOptions> options = flags.options();
  if (!options)
    return options.takeError();
  Expected<uint64_t> limit = cacheLimit();
  if (!limit)
    return limit.takeError();
  Expected<std::string> directory = cacheDirectory();
  if (!directory)
    return directory.takeError();
  if (std::error_code code = llvm::sys::fs::create_directories(*directory))
    return failure("cannot make the cache directory " + *directory + ": " +
                   code.message());
  ProgramStore store(*directory, isProgram);
  return cachedProgram(model, *options, store, *limit, listener);
}

//===----------------------------------------------------------------------===//
// tern cache
//===----------------------------------------------------------------------===//

static std::string asDate(int64_t nanoseconds) {
  return llvm::formatv(
             "{0:%Y-%m-%d %H:%M}",
             llvm::sys::TimePoint<>(std::chrono::nanoseconds(nanoseconds)))
      .str();
}

static Expected<std::string> describePrograms(const ProgramStore &store) {
  Expected<uint64_t> limit = cacheLimit();
  if (!limit)
    return limit.takeError();
  std::string text;
  llvm::raw_string_ostream stream(text);
  uint64_t bytes = 0;
  std::vector<ProgramStore::Program> programs = store.list();
  for (const ProgramStore::Program &program : programs) {
    bytes += program.bytes;
    stream << llvm::formatv("{0}  {1,10}  {2}  {3}\n", asDate(program.used),
                            inUnits(program.bytes), program.name,
                            inOneLine(program.model));
  }
  stream << programs.size()
         << (programs.size() == 1 ? " program, " : " programs, ")
         << inUnits(bytes) << " of at most " << inUnits(*limit) << " in "
         << inOneLine(store.directory()) << "\n";
  return text;
}

static std::string clearPrograms(ProgramStore &store) {
  ProgramStore::Removed removed = store.clear();
  std::string text =
      llvm::formatv("removed {0} program{1}, {2}", removed.programs,
                    removed.programs == 1 ? "" : "s", inUnits(removed.bytes));
  if (removed.left)
    text += llvm::formatv("; left in {0}: {1} that tern run did not make",
                          inOneLine(store.directory()), removed.left);
  return text + "\n";
}

/// Of the folder or, if a model is named, of its program.
static Expected<std::string> describePath(ProgramStore &store,
                                          llvm::ArrayRef<std::string> models,
                                          const ModelFlags &flags) {
  if (models.empty())
    return store.directory().str();
  Expected<ModelInput> model = identifyCheckpoint(models.front());
  if (!model)
    return model.takeError();
  Expected<ModelOptions> options = flags.options();
  if (!options)
    return options.takeError();
  Expected<std::string> name = programName(*model, *options, store);
  if (!name)
    return name.takeError();
  SmallString<128> path(store.directory());
  llvm::sys::path::append(path, *name);
  return path.str().str();
}

namespace {

/// Lines for a program that waits, such as libtern.
class StepLines : public Console {
public:
  StepLines() : Console(/*progress=*/false, /*verbose=*/false) {}

  void step(StringRef name) override { say("step " + inOneLine(name)); }
  void weights(uint64_t done, uint64_t total) override {
    auto now = std::chrono::steady_clock::now();
    if (done < total && now < next)
      return;
    next = now + std::chrono::milliseconds(100);
    say(llvm::formatv("weights {0} {1}", done, total).str());
  }

private:
  static void say(const std::string &line) {
    llvm::outs() << line << "\n";
    llvm::outs().flush();
  }

  std::chrono::steady_clock::time_point next;
};

} // namespace

static Expected<std::string> addProgram(StringRef path, const ModelFlags &flags,
                                        bool asSteps) {
  Expected<ModelInput> model = identifyCheckpoint(path);
  if (!model)
    return model.takeError();
  if (!asSteps)
    return findOrCompile(*model, flags);
  endWithReader();
  StepLines lines;
  Expected<std::string> program = findOrCompile(*model, flags, lines);
  if (!program)
    return program;
  return "program " + *program;
}

static Expected<std::string> clearOrDescribe(StringRef action,
                                             ProgramStore &store,
                                             llvm::ArrayRef<std::string> words,
                                             const ModelFlags &flags) {
  if (action == "list")
    return describePrograms(store);
  if (action == "clear")
    return clearPrograms(store);
  Expected<std::string> path = describePath(store, words.drop_front(), flags);
  if (!path)
    return path;
  return *path + "\n";
}

static OptionTable makeTable(ModelFlags &flags, bool &asSteps) {
  OptionTable table(
      "cache list|clear|path|add [MODEL [flags]]",
      "Programs that tern run, chat, ppl and bench keep.\n"
      "  list    with their sizes and models, the last one used first\n"
      "  clear   removes them and nothing else\n"
      "  path    prints their folder, or where the program of MODEL is or "
      "would be\n\n"
      "The folder is XDG_CACHE_HOME/tern or ~/.cache/tern. When all programs\n"
      "have more bytes than TERN_CACHE_LIMIT says (default: 20G), those not\n"
      "used for the longest go.");
  table.addHeading("With path MODEL and add MODEL");
  table.addPositional("-m, --model", "MODEL");
  table.addSwitch(
      "--steps", "add: a line for each step, before \"program PATH\"", asSteps);
  flags.addTo(table);
  return table;
}

void tern::describeCache(TableReader read) {
  ModelFlags flags;
  bool asSteps = false;
  read(makeTable(flags, asSteps));
}

Expected<int> tern::cacheMain(Arguments arguments) {
  ModelFlags flags;
  bool asSteps = false;
  OptionTable table = makeTable(flags, asSteps);
  std::vector<std::string> words;
  Expected<bool> isHelp = table.parseOrHelp(arguments, words);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  std::string action = words.empty() ? "" : words[0];
  bool isAdd = action == "add", takesModel = isAdd || action == "path";
  if (!llvm::is_contained({"list", "clear", "path", "add"}, action) ||
      words.size() > (takesModel ? 2 : 1))
    return llvm::make_error<UsageError>(
        "tern cache takes list, clear, path or add" +
        (words.empty() ? "" : ", not '" + llvm::join(words, " ") + "'"));
  if (isAdd && words.size() == 1)
    return llvm::make_error<UsageError>(
        "tern cache add needs a MODEL; list, clear and path do not");
  if ((words.size() == 1 && flags.areGiven()) || (asSteps && !isAdd))
    return llvm::make_error<UsageError>(
        "tern cache list, clear and path take flags of the compiler only with "
        "path MODEL, and --steps with add MODEL");
  if (isAdd) {
    Expected<std::string> program = addProgram(words[1], flags, asSteps);
    if (!program)
      return program.takeError();
    llvm::outs() << *program << "\n";
    return 0;
  }
  Expected<std::string> directory = cacheDirectory();
  if (!directory)
    return directory.takeError();
  ProgramStore store(*directory, isProgram);
  Expected<std::string> text = clearOrDescribe(action, store, words, flags);
  if (!text)
    return text.takeError();
  llvm::outs() << *text;
  return 0;
}
