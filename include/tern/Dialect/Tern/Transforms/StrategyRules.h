//===- tern/.../StrategyRules.h - Wishes about layouts ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_TRANSFORMS_STRATEGYRULES_H
#define TERN_DIALECT_TERN_TRANSFORMS_STRATEGYRULES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tern {

/// A wish of a user about some weights: those with a projection that `pattern`
/// (* and ? as in a shell) is, or is a part of.
struct StrategyRule {
  std::string pattern, layoutName;
  bool usesLists = true; ///< false: read all, whatever could be skipped
};

/// The rules of a file of strategies (docs/strategies.md), in its order; an
/// error names what is wrong.
llvm::Expected<std::vector<StrategyRule>>
parseStrategyFile(llvm::StringRef json);

/// "PATTERN=LAYOUT", with ":dense" after it for `usesLists` = false, and back.
std::string printStrategyRule(const StrategyRule &rule);
llvm::Expected<StrategyRule> parseStrategyRule(llvm::StringRef text);

} // namespace tern

#endif // TERN_DIALECT_TERN_TRANSFORMS_STRATEGYRULES_H
