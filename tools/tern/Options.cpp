//===- Options.cpp - Flags of a subcommand --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Options.h"

#include "llvm/ADT/StringExtras.h"

using namespace tern;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;

char UsageError::ID;

/// Where help starts in a line of --help.
static constexpr size_t helpColumn = 26;

static SmallVector<StringRef> split(StringRef text, StringRef separator) {
  SmallVector<StringRef> parts;
  text.split(parts, separator, -1, false);
  return parts;
}

void OptionTable::addSwitch(StringRef names, StringRef help, bool &value) {
  options.push_back(
      {names.str(), "", help.str(), false, [&value](StringRef, StringRef) {
         value = true;
         return Error::success();
       }});
}

void OptionTable::addText(StringRef names, StringRef argument, StringRef help,
                          std::string &value) {
  std::string choices = argument.contains('|') ? argument.str() : "";
  options.push_back(
      {names.str(), argument.str(), help.str(), false,
       [&value, choices](StringRef name, StringRef text) -> Error {
         if (!choices.empty() && !llvm::is_contained(split(choices, "|"), text))
           return llvm::make_error<UsageError>(
               name + " takes " + llvm::join(split(choices, "|"), ", ") +
               ", not '" + text + "'");
         value = text.str();
         return Error::success();
       }});
}

void OptionTable::addNumber(StringRef names, StringRef argument, StringRef help,
                            int64_t low, int64_t high,
                            std::optional<int64_t> &value) {
  options.push_back(
      {names.str(), argument.str(), help.str(), false,
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

void OptionTable::addHeading(StringRef title) {
  options.push_back({title.str(), "", "", true, nullptr});
}

bool OptionTable::isNamed(const Option &option, StringRef name) {
  return !option.heading && llvm::is_contained(split(option.names, ", "), name);
}

const OptionTable::Option *OptionTable::find(StringRef name) const {
  for (const Option &option : options)
    if (isNamed(option, name))
      return &option;
  return nullptr;
}

Expected<bool> OptionTable::take(ArrayRef<StringRef> arguments, size_t &index) {
  StringRef name = arguments[index], value;
  bool joined = name.starts_with("--") && name.contains('=');
  if (joined)
    std::tie(name, value) = name.split('=');
  const Option *option = find(name);
  if (!option)
    return false;
  if (option->argument.empty()) {
    if (joined)
      return llvm::make_error<UsageError>(name + " takes no value");
  } else if (!joined) {
    if (index + 1 == arguments.size())
      return llvm::make_error<UsageError>(
          name + " needs a value: " + option->argument);
    value = arguments[++index];
  }
  if (Error error = option->set(name, value))
    return std::move(error);
  return true;
}

Error OptionTable::parse(ArrayRef<StringRef> arguments,
                         std::vector<std::string> &positional) {
  bool flags = true;
  for (size_t i = 0; i < arguments.size(); ++i) {
    StringRef argument = arguments[i];
    if (flags && argument == "--") {
      flags = false;
      continue;
    }
    if (!flags || argument == "-" || !argument.starts_with("-")) {
      positional.push_back(argument.str());
      continue;
    }
    Expected<bool> taken = take(arguments, i);
    if (!taken)
      return taken.takeError();
    if (!*taken)
      return llvm::make_error<UsageError>("unknown flag '" + argument +
                                          "'; tern " + command() +
                                          " --help lists them");
  }
  return Error::success();
}

void OptionTable::printUsage(llvm::raw_ostream &stream) const {
  stream << "usage: tern " << usage << "\n";
}

Expected<bool> OptionTable::parseOrHelp(llvm::ArrayRef<StringRef> arguments,
                                        std::vector<std::string> &positional) {
  bool help = false;
  addSwitch("-h, --help", "this text", help);
  if (Error error = parse(arguments, positional))
    return std::move(error);
  if (help)
    printHelp(llvm::outs());
  return help;
}

void OptionTable::printHelp(llvm::raw_ostream &stream) const {
  printUsage(stream);
  stream << "\n" << summary << "\n";
  for (const Option &option : options) {
    if (option.heading) {
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
    SmallVector<StringRef> lines = split(option.help, "\n");
    stream << llvm::join(lines, "\n" + std::string(helpColumn, ' ')) << "\n";
  }
}
