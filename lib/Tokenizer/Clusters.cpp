//===- Clusters.cpp - What a reader takes for one character ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Unicode's extended grapheme clusters (UAX 29, table 1c) as a pattern.
//
//===----------------------------------------------------------------------===//

#include "Regex.h"

#include <utf8proc.h>

#include <map>

namespace tern {
namespace {

template <typename... Children>
Regex group(RegexNode::Kind kind, Children... children) {
  auto node = std::make_unique<RegexNode>();
  node->kind = kind;
  (node->children.push_back(std::move(children)), ...);
  return node;
}

template <typename... Children> Regex sequence(Children... children) {
  return group(RegexNode::Sequence, std::move(children)...);
}

template <typename... Children> Regex choice(Children... children) {
  return group(RegexNode::Choice, std::move(children)...);
}

Regex atLeast(uint32_t least, Regex inner) {
  Regex node = group(RegexNode::Repeat, std::move(inner));
  node->least = least;
  node->most = unlimited;
  return node;
}

/// Code points by Grapheme_Cluster_Break, with Extended_Pictographic.
const std::map<int, CharacterSet> &breakClasses() {
  static const std::map<int, CharacterSet> classes = [] {
    std::map<int, CharacterSet> found;
    uint32_t first = 0;
    auto classOf = [](uint32_t code) {
      return int(utf8proc_get_property(utf8proc_int32_t(code))->boundclass);
    };
    for (uint32_t code = 1; code <= endOfText; ++code)
      if (code == endOfText || classOf(code) != classOf(first)) {
        found[classOf(first)].add(first, code - 1);
        first = code;
      }
    return found;
  }();
  return classes;
}

template <typename... Classes> CharacterSet setOf(Classes... classes) {
  CharacterSet set;
  for (int one : {int(classes)...})
    if (auto found = breakClasses().find(one); found != breakClasses().end())
      set.add(found->second);
  return set;
}

template <typename... Classes> Regex any(Classes... classes) {
  return characterRegex(setOf(classes...));
}

Regex syllable() {
  const auto l = UTF8PROC_BOUNDCLASS_L, v = UTF8PROC_BOUNDCLASS_V,
             t = UTF8PROC_BOUNDCLASS_T, lv = UTF8PROC_BOUNDCLASS_LV,
             lvt = UTF8PROC_BOUNDCLASS_LVT;
  return choice(
      sequence(atLeast(0, any(l)),
               choice(atLeast(1, any(v)), sequence(any(lv), atLeast(0, any(v))),
                      any(lvt)),
               atLeast(0, any(t))),
      atLeast(1, any(l)), atLeast(1, any(t)));
}

Regex pictures() {
  const auto picture = UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
  return sequence(
      any(picture),
      atLeast(0, sequence(atLeast(0, any(UTF8PROC_BOUNDCLASS_EXTEND)),
                          any(UTF8PROC_BOUNDCLASS_ZWJ), any(picture))));
}

} // namespace

Regex clusterRegex() {
  const CharacterSet controls =
      setOf(UTF8PROC_BOUNDCLASS_CONTROL, UTF8PROC_BOUNDCLASS_CR,
            UTF8PROC_BOUNDCLASS_LF);
  const auto region = UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR;
  return choice(
      literalRegex("\r\n"), characterRegex(controls),
      sequence(
          atLeast(0, any(UTF8PROC_BOUNDCLASS_PREPEND)),
          choice(syllable(), sequence(any(region), any(region)), pictures(),
                 characterRegex(controls.complement())),
          atLeast(0, any(UTF8PROC_BOUNDCLASS_EXTEND, UTF8PROC_BOUNDCLASS_ZWJ,
                         UTF8PROC_BOUNDCLASS_SPACINGMARK))));
}

} // namespace tern
