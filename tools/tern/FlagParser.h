//===- FlagParser.h - LLVM's options, made at run time ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An llvm::opt::OptTable is usually written by TableGen. Half of tern's flags
// are those of the programs it makes, which have a table of their own in C, so
// this one is made of both when it is needed.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_FLAGPARSER_H
#define TERN_TOOLS_FLAGPARSER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Option/OptTable.h"

#include <string>
#include <vector>

namespace tern {

/// A flag as the parser sees it.
struct ParsedFlag {
  /// With their dashes; all but the first are aliases.
  llvm::SmallVector<llvm::StringRef> spellings;
  bool takesValue;
  bool isSuggested; ///< to someone who mistyped a flag
};

/// The names that the table refers to; made before it.
class FlagNames {
protected:
  explicit FlagNames(llvm::ArrayRef<ParsedFlag> flags);
  void add(llvm::StringRef spelling, llvm::StringRef end, size_t flag,
           unsigned char kind, bool isSuggested);
  llvm::StringTable::Offset store(llvm::StringRef prefix, llvm::StringRef name);

  // A StringTable wants an array.
  char characters[1 << 15] = {};
  size_t used = 1; ///< the empty string is at 0
  std::vector<llvm::StringTable::Offset> prefixes;
  std::vector<llvm::opt::OptTable::Info> infos;
  std::vector<size_t> flagOfInfo;
  llvm::StringTable names;
};

class FlagParser : private FlagNames, public llvm::opt::GenericOptTable {
public:
  explicit FlagParser(llvm::ArrayRef<ParsedFlag> flags);
  FlagParser(const FlagParser &) = delete;

  /// The index of the flag that an argument was parsed as.
  size_t flagOf(const llvm::opt::Arg &arg) const;
  /// True if the argument behind `text` is its value.
  bool wantsValue(llvm::StringRef text) const;
  /// The flag that is spelled nearest to `text`; empty if none is near.
  std::string nearest(llvm::StringRef text) const;
};

} // namespace tern

#endif // TERN_TOOLS_FLAGPARSER_H
