//===- tern/.../StrategyRules.h - Wishes about layouts ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_TRANSFORMS_STRATEGYRULES_H
#define TERN_DIALECT_TERN_TRANSFORMS_STRATEGYRULES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace tern {

/// A wish of a user about some weights: those with a projection that `pattern`
/// (* and ? as in a shell) is, or is a part of.
struct StrategyRule {
  std::string pattern, layoutName;
  bool usesLists = true; ///< false: read all, whatever could be skipped
  /// How far ahead one token asks for weights, as `#tern.strategy` has it;
  /// none: as the target's table says.
  std::optional<int64_t> ahead = std::nullopt;
  /// The only weights that it is for, by their readers (WeightReaders::str);
  /// empty: all. There need be none.
  std::string weight = "";
  std::string why = ""; ///< for people
};

/// The rules of a file of strategies (docs/strategies.md), in its order; an
/// error names what is wrong.
llvm::Expected<std::vector<StrategyRule>>
parseStrategyFile(llvm::StringRef json);

/// The file that has these rules.
std::string printStrategyFile(llvm::ArrayRef<StrategyRule> rules);

/// "PATTERN=LAYOUT", with ":dense" after it for `usesLists` = false, ":ahead=N"
/// and "@WEIGHT", and back.
std::string printStrategyRule(const StrategyRule &rule);
llvm::Expected<StrategyRule> parseStrategyRule(llvm::StringRef text);

} // namespace tern

#endif // TERN_DIALECT_TERN_TRANSFORMS_STRATEGYRULES_H
