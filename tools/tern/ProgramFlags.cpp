//===- ProgramFlags.cpp - Flags of the programs tern makes ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramFlags.h"

#include "tern/Driver/OutputFiles.h"

#include "host/options.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace tern;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;

StringRef tern::programCommand(StringRef command, Arguments arguments) {
  uint32_t bit = host_options_command(command.str().c_str());
  for (StringRef argument : arguments)
    if (host_options_say_chat(argument.str().c_str(), bit))
      return "chat";
  return command;
}

static ArrayRef<host_flag> hostFlags() {
  size_t count;
  const host_flag *flags = host_flag_list(&count);
  return {flags, count};
}

static ArrayRef<host_spelling> hostSpellings() {
  size_t count;
  const host_spelling *spellings = host_spelling_list(&count);
  return {spellings, count};
}

/// Names as the table wants them, less those that it has already.
static std::string takeNames(StringRef names, llvm::StringSet<> &taken) {
  SmallVector<StringRef> parts, free;
  names.split(parts, " ", -1, false);
  for (StringRef name : parts)
    if (taken.insert(name).second)
      free.push_back(name);
  return llvm::join(free, " ");
}

/// How other programs spell `flag`.
static std::string otherSpellings(const host_flag &flag, uint32_t command,
                                  llvm::StringSet<> &taken) {
  std::string names;
  for (const host_spelling &spelling : hostSpellings())
    if (spelling.flag && (spelling.commands & command) &&
        (StringRef(spelling.flag) == flag.name ||
         (flag.alias && StringRef(spelling.flag) == flag.alias)))
      names += (names.empty() ? "" : " ") + takeNames(spelling.names, taken);
  return names;
}

static void addFlag(OptionTable &table, const host_flag &flag, uint32_t command,
                    llvm::StringSet<> &taken, ProgramFlags &program) {
  std::string names = flag.name;
  taken.insert(flag.name);
  if (flag.alias) {
    names += std::string(", ") + flag.alias;
    taken.insert(flag.alias);
  }
  bool isSwitch = flag.kind == FLAG_SWITCH;
  std::string name = flag.alias ? flag.alias : flag.name;
  CommandOption option = {
      names, isSwitch ? "" : flag.value, flag.help,
      [&program, isSwitch, name](StringRef, StringRef value) -> Error {
        program.given.push_back(name);
        if (!isSwitch)
          program.given.push_back(value.str());
        program.help |= name == "--help";
        return Error::success();
      }};
  option.spellings = otherSpellings(flag, command, taken);
  if (const char *bare = host_flag_bare(&flag))
    option.bare = bare;
  table.add(std::move(option));
}

/// A flag that is not shown; all it does is to be refused, or not.
static void addHidden(OptionTable &table, StringRef names, StringRef argument,
                      std::function<Error(StringRef, StringRef)> set) {
  if (names.empty())
    return;
  auto [first, others] = names.split(' ');
  CommandOption option = {first.str(), argument.str(), "", std::move(set)};
  option.spellings = others.str();
  option.isHidden = true;
  table.add(std::move(option));
}

static void addSpelling(OptionTable &table, const host_spelling &spelling,
                        llvm::StringSet<> &taken) {
  bool takesValue = spelling.value && *spelling.value;
  auto set = [&spelling](StringRef name, StringRef value) -> Error {
    bool isSo = spelling.value && !*spelling.value;
    if (isSo || host_spelling_allows(&spelling, value.str().c_str()))
      return Error::success();
    return llvm::make_error<UsageError>(name + ": " + spelling.reason);
  };
  addHidden(table, takeNames(spelling.names, taken), takesValue ? "VALUE" : "",
            set);
}

void ProgramFlags::addTo(OptionTable &table, StringRef command) {
  uint32_t bit = host_options_command(command.str().c_str());
  llvm::StringSet<> taken;
  for (const CommandOption &option : table.getOptions())
    for (StringRef name : OptionTable::allNames(option))
      taken.insert(name);
  for (const host_flag &flag : hostFlags())
    if (flag.commands & bit)
      addFlag(table, flag, bit, taken, *this);
  for (const host_spelling &spelling : hostSpellings())
    if (!spelling.flag && (spelling.commands & bit))
      addSpelling(table, spelling, taken);
  // Those of the other commands.
  auto addOther = [&](StringRef names, uint32_t commands) {
    addHidden(table, takeNames(names, taken), "",
              [commands, command](StringRef name, StringRef) -> Error {
                const host_command *other = host_commands;
                while (!(other->bit & commands))
                  ++other;
                return llvm::make_error<UsageError>(
                    "tern " + command + " has no flag '" + name +
                    "', but tern " + other->name + " has");
              });
  };
  for (const host_flag &flag : hostFlags())
    for (const char *name : {flag.name, flag.alias})
      addOther(name ? name : "", flag.commands);
  for (const host_spelling &spelling : hostSpellings())
    if (spelling.flag)
      addOther(spelling.names, spelling.commands);
}

/// The options that these flags are to the program; they point into `strings`.
static Error readOptions(StringRef command, ArrayRef<std::string> given,
                         std::vector<std::string> &strings,
                         host_options &options) {
  strings = {"tern", command.str()};
  strings.insert(strings.end(), given.begin(), given.end());
  std::vector<char *> pointers;
  for (std::string &string : strings)
    pointers.push_back(string.data());
  tern_error error = {};
  if (host_options_parse(&options, static_cast<int>(pointers.size()),
                         pointers.data(), &error) != 0 ||
      host_options_check(&options, &error) != 0)
    return llvm::make_error<UsageError>(error.text);
  return Error::success();
}

Error ProgramFlags::check(StringRef command) const {
  std::vector<std::string> strings;
  host_options options;
  return readOptions(command, given, strings, options);
}

Expected<std::vector<unsigned>> ProgramFlags::getThreads() const {
  std::vector<std::string> strings;
  host_options options;
  if (Error error = readOptions("bench", given, strings, options))
    return std::move(error);
  std::vector<unsigned> counts;
  SmallVector<StringRef> words;
  StringRef(options.thread_list ? options.thread_list : "")
      .split(words, ',', -1, /*KeepEmpty=*/false);
  for (StringRef word : words)
    if (word.getAsInteger(10, counts.emplace_back()) || !counts.back() ||
        counts.back() > TERN_MAX_WORKERS)
      return llvm::make_error<UsageError>(
          "-t takes numbers from 1 to " + std::to_string(TERN_MAX_WORKERS) +
          " with commas between them, but got '" + options.thread_list + "'");
  return counts;
}

std::optional<unsigned> ProgramFlags::getRepetitions() const {
  auto found = llvm::find(given, "--repetitions");
  unsigned count;
  if (found == given.end() || StringRef(*++found).getAsInteger(10, count))
    return std::nullopt;
  return count;
}

Error ProgramFlags::checkOutputs(StringRef command,
                                 const InputFiles &inputs) const {
  std::vector<std::string> strings;
  host_options options;
  if (Error error = readOptions(command, given, strings, options))
    return error;
  for (const char *output : {options.logits_file, options.hidden_file,
                             options.kl ? nullptr : options.kl_base})
    if (output && StringRef(output) != "-")
      if (Error error = checkWritable(output, inputs))
        return error;
  return Error::success();
}

std::vector<RefusedFlag> tern::refusedFlags(StringRef command) {
  uint32_t bit = host_options_command(command.str().c_str());
  std::vector<RefusedFlag> refused;
  refused.reserve(hostSpellings().size());
  for (const host_spelling &spelling : hostSpellings())
    if ((spelling.commands & bit) && !spelling.flag &&
        !(spelling.value && !*spelling.value))
      refused.push_back(
          {llvm::join(llvm::split(spelling.names, ' '), ", "),
           spelling.reason + (spelling.value ? std::string("; ") +
                                                   spelling.value + " is taken"
                                             : "")});
  return refused;
}
