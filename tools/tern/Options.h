//===- Options.h - Flags of a subcommand ------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A table of flags that both reads the command line and prints --help, so the
// help is complete and exact. `-c 512`, `--context 512` and `--context=512` are
// the same.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_OPTIONS_H
#define TERN_TOOLS_OPTIONS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tern {

class OptionTable {
public:
  /// `usage` follows "usage: tern "; the first word is the subcommand.
  OptionTable(llvm::StringRef usage, llvm::StringRef summary)
      : usage(usage), summary(summary) {}

  /// `names` as help shows them: "-c, --context". `argument` is what help calls
  /// the value, e.g. "N", or "a|b|c" for a choice of just these.
  void addSwitch(llvm::StringRef names, llvm::StringRef help, bool &value);
  void addText(llvm::StringRef names, llvm::StringRef argument,
               llvm::StringRef help, std::string &value);
  void addNumber(llvm::StringRef names, llvm::StringRef argument,
                 llvm::StringRef help, int64_t low, int64_t high,
                 std::optional<int64_t> &value);
  /// A heading over the flags added from here on.
  void addHeading(llvm::StringRef title);

  /// Reads a whole command line; what is not a flag goes to `positional`.
  /// "--" ends the flags, "-" alone is positional.
  llvm::Error parse(llvm::ArrayRef<llvm::StringRef> arguments,
                    std::vector<std::string> &positional);

  /// The same with a flag for help; true if help was asked for and printed.
  llvm::Expected<bool> parseOrHelp(llvm::ArrayRef<llvm::StringRef> arguments,
                                   std::vector<std::string> &positional);

  /// Reads arguments[index] (and its value, moving `index` onto it) if it is a
  /// flag of this table; false if it is not.
  llvm::Expected<bool> take(llvm::ArrayRef<llvm::StringRef> arguments,
                            size_t &index);

  void printHelp(llvm::raw_ostream &stream) const;
  void printUsage(llvm::raw_ostream &stream) const;
  llvm::StringRef command() const {
    return llvm::StringRef(usage).split(" ").first;
  }

private:
  struct Option {
    std::string names, argument, help;
    bool heading = false;
    std::function<llvm::Error(llvm::StringRef name, llvm::StringRef value)> set;
  };
  const Option *find(llvm::StringRef name) const;
  static bool isNamed(const Option &option, llvm::StringRef name);

  std::string usage, summary;
  std::vector<Option> options;
};

/// A mistake on the command line: exit status 2, where other errors are 1.
class UsageError : public llvm::ErrorInfo<UsageError> {
public:
  static char ID;
  UsageError(const llvm::Twine &message) : message(message.str()) {}
  void log(llvm::raw_ostream &stream) const override { stream << message; }
  std::error_code convertToErrorCode() const override {
    return std::make_error_code(std::errc::invalid_argument);
  }

private:
  std::string message;
};

} // namespace tern

#endif // TERN_TOOLS_OPTIONS_H
