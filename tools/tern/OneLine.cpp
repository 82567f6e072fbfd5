//===- OneLine.cpp - Messages that a terminal can show --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"

#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Unicode.h"
#include "llvm/Support/raw_ostream.h"

using namespace tern;
using llvm::StringRef;

/// Bytes at the beginning that are one character which moves no cursor and
/// turns no text around; 0 if there is none.
static size_t leadingCharacter(StringRef text) {
  const auto *at = reinterpret_cast<const llvm::UTF8 *>(text.begin());
  const auto *end = reinterpret_cast<const llvm::UTF8 *>(text.end());
  const llvm::UTF8 *next = at;
  llvm::UTF32 character;
  if (llvm::convertUTF8Sequence(&next, end, &character,
                                llvm::strictConversion) != llvm::conversionOK ||
      !llvm::sys::unicode::isPrintable(static_cast<int>(character)))
    return 0;
  return static_cast<size_t>(next - at);
}

std::string tern::inOneLine(StringRef message) {
  constexpr size_t most = 1000;
  std::string line;
  llvm::raw_string_ostream stream(line);
  for (StringRef rest = message.take_front(most); !rest.empty();) {
    size_t bytes = leadingCharacter(rest);
    if (bytes)
      stream << rest.take_front(bytes);
    else
      stream << llvm::format("\\x%02x", static_cast<uint8_t>(rest.front()));
    rest = rest.drop_front(std::max<size_t>(bytes, 1));
  }
  return message.size() > most ? line + "..." : line;
}
