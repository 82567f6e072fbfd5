//===- StepBuilder.h - What is done to text ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_STEPBUILDER_H
#define TERN_LIB_TOKENIZER_STEPBUILDER_H

#include "Automaton.h"
#include "Charsmap.h"

#include "tern/Tokenizer/TokenizerCompiler.h"

namespace tern {

/// U+2581, which stands for a space in the vocabularies of SentencePiece.
constexpr const char *spaceMark = "\u2581";

/// `text` with every occurrence of `from` replaced.
std::string replaceAll(std::string text, const std::string &from,
                       const std::string &to);

enum class Form { NFD, NFC, NFKD, NFKC };

/// Collects the steps of a tokenizer.
///
/// Where a tokenizer turns spaces into marks, we turn marks into spaces, in the
/// text and in the vocabulary: the tokens are the same, text does not grow, and
/// tokens are what they decode to. Steps that would notice are refused from
/// there on.
class StepBuilder {
public:
  StepBuilder(TokenizerDescription &out, std::string &error)
      : out(out), error(error) {}

  void form(Form form);
  void lowercase();
  void strip(bool left, bool right, const std::string &where);
  /// Only spaces, and not those that were marked.
  void stripSpaces(bool left, bool right);
  /// `evenToNothing`: where the steps before it left nothing of a text.
  void prepend(const std::string &text, bool evenToNothing = false);
  /// The rules of a file. `byCluster`: as Hugging Face applies them.
  void charsmap(const Charsmap &rules, bool byCluster);
  void replace(const std::string &pattern, bool isRegex,
               const std::string &content, const std::string &where);
  void markSpaces();
  void late();
  /// Sets a space before a text that has none.
  void prefixSpace(bool onlyFirst);
  void split(Regex regex, uint32_t behavior, bool inverted,
             const std::string &where);
  void splitAt(const std::string &pattern, bool isRegex, uint32_t behavior,
               bool inverted, const std::string &where);
  void bytes();
  /// Compiles the patterns of all steps.
  void finish();

  bool marksSpaces() const { return marked; }
  bool hasBytes() const { return seesBytes; }

private:
  TokenizerDescription::Step &add(uint32_t kind) {
    out.steps.push_back({});
    out.steps.back().kind = kind;
    return out.steps.back();
  }
  uint32_t addPattern(Regex regex, const std::string &where);
  /// A pattern as it is after spaces were marked; nullopt when it cannot match.
  Regex parse(const std::string &pattern, bool isRegex,
              const std::string &where, bool &never);
  void fail(const std::string &what) {
    if (error.empty())
      error = what;
  }

  TokenizerDescription &out;
  std::string &error;
  PatternCompiler compiler;
  std::vector<std::string> places; ///< where each pattern stood
  bool marked = false, seesBytes = false;
};

/// Tables of utf8proc's as words of steps: what characters become.
void addLowercaseStep(TokenizerDescription &out);
void addFormStep(TokenizerDescription &out, Form form);

} // namespace tern

#endif // TERN_LIB_TOKENIZER_STEPBUILDER_H
