//===- FlagParser.cpp - LLVM's options, made at run time ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FlagParser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Option/Arg.h"
#include "llvm/Option/Option.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/OptionStrCmp.h"

#include <cstring>

using namespace tern;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::opt::Option;

// Places in the table of prefixes: none, "-" and "--". Each is a count and that
// many strings.
static constexpr unsigned noPrefix = 0, oneDash = 1, twoDashes = 3;

static StringRef dashes(StringRef spelling) {
  return spelling.starts_with("--") ? "--" : "-";
}

llvm::StringTable::Offset FlagNames::store(StringRef prefix, StringRef name) {
  size_t offset = used;
  used += prefix.size() + name.size() + 1;
  if (used > sizeof(characters))
    llvm::report_fatal_error("the names of all flags are too long");
  std::memcpy(characters + offset, prefix.data(), prefix.size());
  std::memcpy(characters + offset + prefix.size(), name.data(), name.size());
  return static_cast<unsigned>(offset);
}

void FlagNames::add(StringRef spelling, StringRef end, size_t flag,
                    unsigned char kind, bool isSuggested) {
  llvm::opt::OptTable::Info info = {};
  bool isFlag = kind != Option::InputClass && kind != Option::UnknownClass;
  info.PrefixesOffset = !isFlag                        ? noPrefix
                        : dashes(spelling).size() == 1 ? oneDash
                                                       : twoDashes;
  info.PrefixedNameOffset = store(spelling, end);
  info.Kind = kind;
  info.Flags = isSuggested ? 0 : llvm::opt::HelpHidden;
  info.Visibility = llvm::opt::DefaultVis;
  infos.push_back(info);
  flagOfInfo.push_back(flag);
}

FlagNames::FlagNames(ArrayRef<ParsedFlag> flags) : names(characters) {
  prefixes = {0, 1, store("-", ""), 1, store("--", "")};
  add("<input>", "", 0, Option::InputClass, false);
  add("<unknown>", "", 0, Option::UnknownClass, false);
  struct Spelling {
    StringRef text, end;
    size_t flag;
    StringRef name() const { return text.drop_front(dashes(text).size()); }
  };
  std::vector<Spelling> spellings;
  for (auto [index, flag] : llvm::enumerate(flags))
    for (StringRef text : flag.spellings) {
      spellings.push_back({text, "", index});
      if (flag.takesValue)
        spellings.push_back({text, "=", index});
    }
  // The order in which OptTable searches: longer names before their beginnings.
  llvm::sort(spellings, [](const Spelling &a, const Spelling &b) {
    int order = llvm::StrCmpOptionName((a.name() + a.end).str(),
                                       (b.name() + b.end).str());
    return order ? order < 0 : a.text.size() < b.text.size();
  });
  for (const Spelling &spelling : spellings) {
    const ParsedFlag &flag = flags[spelling.flag];
    add(spelling.text, spelling.end, spelling.flag,
        !flag.takesValue       ? Option::FlagClass
        : spelling.end.empty() ? Option::SeparateClass
                               : Option::JoinedClass,
        flag.isSuggested);
  }
  // Identities are places; an alias names the place of the first spelling.
  std::vector<unsigned short> first(flags.size());
  for (auto [index, spelling] : llvm::enumerate(spellings))
    if (spelling.end.empty() &&
        spelling.text == flags[spelling.flag].spellings.front())
      first[spelling.flag] = static_cast<unsigned short>(index + 3);
  for (auto [index, info] : llvm::enumerate(infos)) {
    info.ID = static_cast<unsigned>(index + 1);
    if (index >= 2 && first[flagOfInfo[index]] != info.ID)
      info.AliasID = first[flagOfInfo[index]];
  }
}

FlagParser::FlagParser(ArrayRef<ParsedFlag> flags)
    : FlagNames(flags), GenericOptTable(names, prefixes, infos) {}

size_t FlagParser::flagOf(const llvm::opt::Arg &arg) const {
  return flagOfInfo[arg.getOption().getID() - 1];
}

bool FlagParser::wantsValue(StringRef text) const {
  return llvm::any_of(infos, [&](const Info &info) {
    return info.Kind == Option::SeparateClass &&
           info.getPrefixedName(names) == text;
  });
}

std::string FlagParser::nearest(StringRef text) const {
  StringRef name = text.split('=').first;
  std::string found;
  unsigned far = static_cast<unsigned>(name.size()) / 3 + 1;
  if (findNearest(name, found, /*FlagsToInclude=*/0u,
                  /*FlagsToExclude=*/llvm::opt::HelpHidden,
                  /*MinimumLength=*/2, /*MaximumDistance=*/far - 1) >= far)
    return "";
  return StringRef(found).split('=').first.str();
}
