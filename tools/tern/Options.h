//===- Options.h - Flags of a subcommand ------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A table of flags: one record each. Reading a command line (by LLVM's option
// library), --help, completion and manual pages all go by it. `-c 512`,
// `--context 512` and `--context=512` are the same; @FILE stands for the
// arguments in FILE.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_OPTIONS_H
#define TERN_TOOLS_OPTIONS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tern {

/// A record of the table.
struct CommandOption {
  std::string names;    ///< as help shows them: "-c, --context"
  std::string argument; ///< what help calls the value; empty: there is none
  std::string help;
  std::function<llvm::Error(llvm::StringRef name, llvm::StringRef value)> set;
  /// Further names, with blanks between, that are taken but not shown.
  std::string spellings = "";
  /// The value if none is given, which only one of choices may be.
  std::string bare = "";
  bool isHeading = false; ///< `names` is a title
  bool isHidden = false;  ///< taken or refused, but not shown
};

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
  /// A number of bytes, as parseSize reads it.
  void addSize(llvm::StringRef names, llvm::StringRef help,
               std::optional<uint64_t> &value);
  /// A flag for what may also be given without one.
  void addPositional(llvm::StringRef names, llvm::StringRef argument);
  void add(CommandOption option) { options.push_back(std::move(option)); }
  /// A heading over the flags added from here on.
  void addHeading(llvm::StringRef title);

  /// Reads a whole command line; what is not a flag goes to `positional`.
  /// "--" ends the flags, "-" alone is positional.
  llvm::Error parse(llvm::ArrayRef<llvm::StringRef> arguments,
                    std::vector<std::string> &positional);

  /// The same, and --help: true if help was asked for and printed.
  llvm::Expected<bool> parseOrHelp(llvm::ArrayRef<llvm::StringRef> arguments,
                                   std::vector<std::string> &positional);

  void printHelp(llvm::raw_ostream &stream) const;
  void printUsage(llvm::raw_ostream &stream) const;
  llvm::StringRef command() const {
    return llvm::StringRef(usage).split(" ").first;
  }
  llvm::StringRef getUsage() const { return usage; }
  llvm::StringRef getSummary() const { return summary; }
  /// In the order of help.
  llvm::ArrayRef<CommandOption> getOptions() const { return options; }

  /// The names that help shows, and all.
  static llvm::SmallVector<llvm::StringRef> shownNames(const CommandOption &);
  static llvm::SmallVector<llvm::StringRef> allNames(const CommandOption &);
  /// The values that an option takes, if its argument is "a|b|c".
  static llvm::SmallVector<llvm::StringRef> choices(const CommandOption &);

private:
  llvm::Error refuse(const class FlagParser &parser,
                     llvm::StringRef argument) const;

  std::string usage, summary;
  std::vector<CommandOption> options;
  /// By flags of addPositional; shared, as a table may be moved.
  std::shared_ptr<std::vector<std::string>> named =
      std::make_shared<std::vector<std::string>>();
};

/// Bytes, or a number with K, M, G or T behind it; absent if it is no size.
std::optional<uint64_t> parseSize(llvm::StringRef text);

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
