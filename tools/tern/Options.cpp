//===- Options.cpp - Flags of a subcommand --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Options.h"

#include "FlagParser.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Option/Arg.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/Option.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/StringSaver.h"

#include <algorithm>

using namespace tern;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;

char UsageError::ID;

static SmallVector<StringRef> pieces(StringRef text, StringRef separator) {
  SmallVector<StringRef> parts;
  text.split(parts, separator, -1, false);
  return parts;
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

void OptionTable::addSwitch(StringRef names, StringRef help, bool &value) {
  add({names.str(), "", help.str(), [&value](StringRef, StringRef) {
         value = true;
         return Error::success();
       }});
}

void OptionTable::addText(StringRef names, StringRef argument, StringRef help,
                          std::string &value) {
  std::string choices = argument.contains('|') ? argument.str() : "";
  add({names.str(), argument.str(), help.str(),
       [&value, choices](StringRef name, StringRef text) -> Error {
         if (!choices.empty() &&
             !llvm::is_contained(pieces(choices, "|"), text))
           return llvm::make_error<UsageError>(
               name + " takes " + llvm::join(pieces(choices, "|"), ", ") +
               ", not '" + text + "'");
         value = text.str();
         return Error::success();
       }});
}

void OptionTable::addNumber(StringRef names, StringRef argument, StringRef help,
                            int64_t low, int64_t high,
                            std::optional<int64_t> &value) {
  add({names.str(), argument.str(), help.str(),
       [&value, low, high](StringRef name, StringRef text) -> Error {
         int64_t number;
         if (text.getAsInteger(10, number) || number < low || number > high)
           return llvm::make_error<UsageError>(
               name + " takes a whole number from " + llvm::Twine(low) +
               " to " + llvm::Twine(high) + ", not '" + text + "'");
         value = number;
         return Error::success();
       }});
}

void OptionTable::addSize(StringRef names, StringRef help,
                          std::optional<uint64_t> &value) {
  add({names.str(), "BYTES", help.str(),
       [&value](StringRef name, StringRef text) -> Error {
         value = parseSize(text);
         if (value)
           return Error::success();
         return llvm::make_error<UsageError>(
             name + " takes a number of bytes, with K, M or G behind it for " +
             "powers of 1024, not '" + text + "'");
       }});
}

std::optional<uint64_t> tern::parseSize(StringRef text) {
  text.consume_back_insensitive("B");
  text.consume_back_insensitive("i");
  unsigned shift = 0;
  for (auto [letter, bits] : {std::pair<StringRef, unsigned>{"K", 10},
                              {"M", 20},
                              {"G", 30},
                              {"T", 40}})
    if (text.consume_back_insensitive(letter)) {
      shift = bits;
      break;
    }
  uint64_t number;
  if (text.getAsInteger(10, number) || number > (UINT64_MAX >> shift))
    return std::nullopt;
  return number << shift;
}

void OptionTable::addPositional(StringRef names, StringRef argument) {
  add({names.str(), argument.str(),
       ("the same as " + argument + " without a flag").str(),
       [named = named](StringRef, StringRef text) {
         named->push_back(text.str());
         return Error::success();
       }});
}

void OptionTable::addHeading(StringRef title) {
  CommandOption heading = {title.str(), "", "", nullptr};
  heading.isHeading = true;
  add(std::move(heading));
}

SmallVector<StringRef> OptionTable::shownNames(const CommandOption &option) {
  return pieces(option.names, ", ");
}

SmallVector<StringRef> OptionTable::allNames(const CommandOption &option) {
  SmallVector<StringRef> names = shownNames(option);
  names.append(pieces(option.spellings, " "));
  return names;
}

SmallVector<StringRef> OptionTable::choices(const CommandOption &option) {
  SmallVector<StringRef> choices = pieces(option.argument, "|");
  if (choices.size() < 2)
    choices.clear();
  return choices;
}

//===----------------------------------------------------------------------===//
// Reading a command line
//===----------------------------------------------------------------------===//

/// Puts the arguments that a file contains behind `arguments`.
static Error readResponseFile(StringRef argument,
                              llvm::BumpPtrAllocator &allocator,
                              llvm::SmallVectorImpl<const char *> &arguments) {
  constexpr uint64_t most = 1 << 20;
  StringRef path = argument.drop_front();
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status))
    return llvm::make_error<UsageError>("cannot read the arguments in " + path +
                                        ": " + code.message());
  if (!llvm::sys::fs::is_regular_file(status) || status.getSize() > most)
    return llvm::make_error<UsageError>(
        "the arguments in " + path +
        " cannot be read: it must be a file of at most 1 MiB");
  SmallVector<const char *> words = {argument.data()};
  llvm::cl::ExpansionContext expansion(allocator,
                                       llvm::cl::TokenizeGNUCommandLine);
  if (Error error = expansion.expandResponseFiles(words))
    return llvm::make_error<UsageError>(llvm::toString(std::move(error)));
  arguments.append(words.begin(), words.end());
  return Error::success();
}

/// The value of a flag that stands without one; empty if it has to have one.
static StringRef bareValue(ArrayRef<CommandOption> options, StringRef flag,
                           ArrayRef<StringRef> behind) {
  for (const CommandOption &option : options)
    if (!option.bare.empty() &&
        llvm::is_contained(OptionTable::allNames(option), flag) &&
        (behind.empty() ||
         !llvm::is_contained(OptionTable::choices(option), behind.front())))
      return option.bare;
  return "";
}

/// A flag as the tables have it: in a long one '_' is '-', as in llama.cpp.
static std::string withDashes(StringRef argument) {
  std::string text = argument.str();
  if (argument.starts_with("--"))
    std::replace(text.begin(),
                 text.begin() +
                     static_cast<ptrdiff_t>(argument.split('=').first.size()),
                 '_', '-');
  return text;
}

/// Copies the arguments. An @FILE that is not the value of a flag becomes what
/// is in FILE, and a flag without a value gets the one it then has.
static Error expand(ArrayRef<StringRef> arguments,
                    ArrayRef<CommandOption> options, const FlagParser &parser,
                    llvm::StringSaver &saver,
                    llvm::SmallVectorImpl<const char *> &expanded) {
  bool isValue = false, hasEnded = false;
  for (auto [index, given] : llvm::enumerate(arguments)) {
    size_t next = expanded.size();
    StringRef argument =
        isValue || hasEnded ? given : saver.save(withDashes(given));
    StringRef bare =
        isValue || hasEnded
            ? ""
            : bareValue(options, argument, arguments.drop_front(index + 1));
    StringRef copy =
        bare.empty() ? saver.save(argument) : saver.save(argument + "=" + bare);
    if (!isValue && !hasEnded && argument.starts_with("@")) {
      if (Error error = readResponseFile(copy, saver.getAllocator(), expanded))
        return error;
    } else {
      expanded.push_back(copy.data());
    }
    for (; next < expanded.size(); ++next) {
      hasEnded |= !isValue && StringRef(expanded[next]) == "--";
      isValue = !isValue && parser.wantsValue(expanded[next]);
    }
  }
  return Error::success();
}

/// Why an argument is no flag.
Error OptionTable::refuse(const FlagParser &parser, StringRef argument) const {
  StringRef name = argument.split('=').first;
  for (const CommandOption &option : options) {
    if (option.isHeading || !llvm::is_contained(allNames(option), name))
      continue;
    // One that is refused in any case says why.
    if (option.isHidden)
      if (Error error = option.set(name, ""))
        return error;
    return llvm::make_error<UsageError>(
        name + (option.argument.empty()
                    ? " takes no value"
                    : " needs a value: " + option.argument));
  }
  std::string nearest = parser.nearest(argument);
  return llvm::make_error<UsageError>(
      "unknown flag '" + argument + "'; " +
      (nearest.empty() ? "tern " + command() + " --help lists them"
                       : "did you mean " + nearest + "?"));
}

Error OptionTable::parse(ArrayRef<StringRef> arguments,
                         std::vector<std::string> &positional) {
  std::vector<ParsedFlag> flags;
  std::vector<const CommandOption *> optionOf;
  for (const CommandOption &option : options)
    if (!option.isHeading) {
      flags.push_back(
          {allNames(option), !option.argument.empty(), !option.isHidden});
      optionOf.push_back(&option);
    }
  FlagParser parser(flags);
  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver saver(allocator);
  SmallVector<const char *> expanded;
  if (Error error = expand(arguments, options, parser, saver, expanded))
    return error;
  llvm::opt::InputArgList list(expanded.begin(), expanded.end());
  bool hasEnded = false;
  for (unsigned i = 0; i < expanded.size();) {
    StringRef argument = expanded[i];
    if (hasEnded || !argument.starts_with("-") || argument == "-") {
      positional.push_back(argument.str());
      ++i;
      continue;
    }
    if (argument == "--") {
      hasEnded = true;
      ++i;
      continue;
    }
    std::unique_ptr<llvm::opt::Arg> arg = parser.ParseOneArg(list, i);
    if (!arg || arg->getOption().getKind() == llvm::opt::Option::UnknownClass)
      return refuse(parser, argument);
    const CommandOption &option = *optionOf[parser.flagOf(*arg)];
    if (Error error = option.set(argument.split('=').first,
                                 arg->getNumValues() ? arg->getValue() : ""))
      return error;
  }
  positional.insert(positional.begin(), named->begin(), named->end());
  return Error::success();
}

Expected<bool> OptionTable::parseOrHelp(ArrayRef<StringRef> arguments,
                                        std::vector<std::string> &positional) {
  bool help = false;
  addSwitch("-h, --help", "this text", help);
  if (Error error = parse(arguments, positional))
    return std::move(error);
  if (help)
    printHelp(llvm::outs());
  return help;
}

//===----------------------------------------------------------------------===//
// Help
//===----------------------------------------------------------------------===//

/// Where help starts in a line of --help, and where lines end.
static constexpr size_t helpColumn = 26, lastColumn = 80;

/// Where a line of a list goes on: under its second column, or its first word.
static size_t hangingIndent(StringRef line) {
  size_t word = line.find_first_not_of(' ');
  if (word == 0 || word == StringRef::npos)
    return 0;
  size_t gap = line.find("  ", word);
  return gap == StringRef::npos ? word : line.find_first_not_of(' ', gap);
}

/// Lines that are too long are broken between words.
static void printWrapped(StringRef text, size_t column,
                         llvm::raw_ostream &stream) {
  for (auto [index, line] : llvm::enumerate(pieces(text, "\n"))) {
    size_t indent = index ? column : 0, room = lastColumn - column;
    size_t hanging = hangingIndent(line);
    while (line.size() > room) {
      size_t end = line.rfind(' ', room + 1);
      if (end == StringRef::npos || end == 0)
        break;
      stream.indent(indent) << line.take_front(end).rtrim(' ') << "\n";
      line = line.drop_front(end + 1);
      indent = column + hanging;
      room = lastColumn - indent;
    }
    stream.indent(indent) << line << "\n";
  }
}

void OptionTable::printUsage(llvm::raw_ostream &stream) const {
  stream << "usage: tern " << usage << "\n";
}

void OptionTable::printHelp(llvm::raw_ostream &stream) const {
  printUsage(stream);
  stream << "\n";
  printWrapped(summary, 0, stream);
  for (const CommandOption &option : options) {
    if (option.isHidden)
      continue;
    if (option.isHeading) {
      stream << "\n" << option.names << ":\n";
      continue;
    }
    std::string left = "  ";
    left += option.names;
    if (!option.argument.empty())
      left += " " + option.argument;
    stream << left;
    if (left.size() + 2 > helpColumn)
      stream << "\n" << std::string(helpColumn, ' ');
    else
      stream << std::string(helpColumn - left.size(), ' ');
    printWrapped(option.help, helpColumn, stream);
  }
}
