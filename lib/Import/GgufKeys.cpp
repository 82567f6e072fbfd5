//===- lib/Import/GgufKeys.cpp - Metadata that is not followed ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"

using namespace llvm;

namespace tern {
namespace {

struct Entry {
  GlobPattern pattern;
  bool isKnown;
  std::optional<double> neutral;
  StringLiteral effect; ///< of other values
};

} // namespace

static const std::vector<Entry> &entries() {
  auto make = [](StringRef text, bool isKnown, std::optional<double> neutral,
                 StringLiteral effect) {
    return Entry{cantFail(GlobPattern::create(text)), isKnown, neutral, effect};
  };
  static const std::vector<Entry> table = {
#define READ(key) make(key, true, std::nullopt, ""),
#define IRRELEVANT(key, why) make(key, true, std::nullopt, ""),
#define UNKNOWN(key) make(key, false, std::nullopt, ""),
#define NEUTRAL(key, value, effect)                                            \
  make(key, true, double(value), StringLiteral(effect)),
#include "GgufKeys.def"
#undef READ
#undef IRRELEVANT
#undef UNKNOWN
#undef NEUTRAL
  };
  return table;
}

static bool hasValue(const GgufFile &file, StringRef key, double value) {
  Expected<std::optional<bool>> flag = file.flag(key);
  if (flag)
    return **flag == (value != 0);
  consumeError(flag.takeError());
  Expected<std::optional<double>> number = file.number(key);
  if (number)
    return **number == value;
  consumeError(number.takeError());
  return false;
}

std::vector<std::string> warnOfGgufKeys(const GgufFile &file) {
  constexpr size_t most = 4;
  std::vector<std::string> sentences;
  std::string architecture, unknown;
  if (auto name = file.string("general.architecture"); name && *name)
    architecture = (**name + ".").str();
  else
    consumeError(name.takeError());
  size_t count = 0;
  for (const auto &[key, value] : file.metadata()) {
    StringRef name = key;
    if (!architecture.empty() && name.starts_with(architecture))
      continue;
    const Entry *found = nullptr;
    for (const Entry &entry : entries())
      if (!found && entry.pattern.match(name))
        found = &entry;
    if (!found || !found->isKnown) {
      if (count++ < most)
        unknown +=
            ((unknown.empty() ? "'" : ", '") + name.take_front(60) + "'").str();
    } else if (found->neutral && !hasValue(file, name, *found->neutral)) {
      sentences.push_back(formatv("the metadata '{0}' is not followed; it {1}, "
                                  "so answers may differ",
                                  name, found->effect));
    }
  }
  if (count > most)
    unknown += " and " + std::to_string(count - most) + " more";
  if (count)
    sentences.push_back("tern does not know the metadata " + unknown +
                        ", so answers may differ");
  return sentences;
}

} // namespace tern
