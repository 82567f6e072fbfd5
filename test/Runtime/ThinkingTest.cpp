//===- ThinkingTest.cpp - Thoughts before an answer -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

extern "C" {
#include "show_thoughts.h"
}

#include "gtest/gtest.h"

#include <string>

namespace {

/// An answer whose added tokens are the parts between U+00AB and U+00BB.
struct Answer {
  std::string text, marks;

  Answer(const std::string &written) {
    bool isToken = false;
    for (size_t i = 0; i < written.size(); ++i) {
      if (written.compare(i, 2, "\u00AB") == 0 ||
          written.compare(i, 2, "\u00BB") == 0) {
        isToken = written.compare(i, 2, "\u00AB") == 0;
        ++i;
        continue;
      }
      text += written[i];
      marks += isToken ? 'o' : '#';
    }
  }
};

enum { Plain = 0, Hidden = 1, Dim = 2 };

/// The text that is shown, however the answer is cut.
std::string shown(const std::string &written, int how) {
  Answer answer(written);
  std::string whole;
  for (size_t piece : {answer.text.size() + 1, size_t(1), size_t(2), size_t(3),
                       size_t(5), size_t(8)}) {
    std::string out(20 * answer.text.size() + 64, '?');
    out.resize(show_thoughts(answer.text.data(), answer.marks.data(),
                             answer.text.size(), piece, how == Hidden,
                             how == Dim, out.data(), out.size()));
    // Dim text is ended with each piece and begun again.
    const std::string seam = "\x1b[22m\x1b[2m";
    for (size_t at; (at = out.find(seam)) != out.npos;)
      out.erase(at, seam.size());
    if (piece > answer.text.size())
      whole = out;
    EXPECT_EQ(out, whole) << written << " in pieces of " << piece;
  }
  return whole;
}

TEST(Thinking, IsHidden) {
  const std::pair<const char *, const char *> cases[] = {
      {"", ""},
      {"yes", "yes"},
      {"<think>\nhm\n</think>\n\nyes\n", "yes\n"},
      {"\n\n<think>hm</think>yes", "yes"},
      {"\u00AB<think>\u00BBhm\u00AB</think>\u00BB\n\nyes", "yes"},
      {"<think>\n\n</think>\n\n  yes", "  yes"},
      {"<think>never done", ""},
      {"<think>a<b</thin </think</think>c", "c"},
      {"<think>a <think> b</think>c</think>d", "c</think>d"},
      // Empty lines are dropped where a thought may begin, and only there.
      {"<think>a</think>\n\n<think>b</think>\n\nc\n\nd", "c\n\nd"},
      // Beginnings of tags that are none.
      {"<", "<"},
      {"<thin", "<thin"},
      {"<<think>a", "<<think>a"},
      {"<thing>", "<thing>"},
      {"<think>a</thin", ""},
      // Letters of an answer open no thought; a token does.
      {"The tag <think> opens.", "The tag <think> opens."},
      {"So\u00AB<think>\u00BBhm</think> yes", "So yes"},
      {"So\u00AB<th\u00BBink>hm", "So<think>hm"},
      // Behind a thought they may again.
      {"So\u00AB<think>\u00BBa</think><think>b</think> yes", "So yes"},
      {"So \u00AB<tool_call>\u00BBx", "So <tool_call>x"},
  };
  for (auto [written, expected] : cases)
    EXPECT_EQ(shown(written, Hidden), expected) << written;
}

TEST(Thinking, IsPlain) {
  for (const char *written : {"", "yes", "\n<think>\nhm\n</think>\n\nyes\n",
                              "<thin", "<think>a</th", "a<think>b</think>"})
    EXPECT_EQ(shown(written, Plain), written);
}

TEST(Thinking, IsDim) {
  EXPECT_EQ(shown("<think>\nhm</think>\n\nyes <b>", Dim),
            "\x1b[2m<think>\nhm</think>\x1b[22m\n\nyes <b>");
  EXPECT_EQ(shown("<think>cut o", Dim), "\x1b[2m<think>cut o\x1b[22m");
  EXPECT_EQ(shown("yes</think>", Dim), "yes</think>");
  EXPECT_EQ(shown("a\u00AB<think>\u00BBb</think>c", Dim),
            "a\x1b[2m<think>b</think>\x1b[22mc");
}

TEST(Thinking, OpenedByTheTemplate) {
  struct Case {
    const char *text, *marks;
    size_t bytes;
  };
  const Case cases[] = {
      {"a:\n<think>\n", "...........", 8},
      {"<think>", ".......", 7},
      {"<think> \n\t", "..........", 10},
      {"<think></think>\n", "................", 0},
      {"a:", "..", 0},
      {"", "", 0},
      {"hink>", ".....", 0},
      // Somebody wrote it, all or in part.
      {"a<think>", ".#######", 0},
      {"<think>\n", ".......#", 0},
      {"<think>", "......#", 0},
  };
  for (const Case &c : cases)
    EXPECT_EQ(find_opening(c.text, c.marks, std::string(c.text).size()),
              c.bytes)
        << c.text;
}

TEST(Thinking, CallsOfTools) {
  const std::pair<std::string, unsigned> cases[] = {
      {"", 0},
      {"<tool_call>\n{}\n</tool_call>", 1},
      {"a<tool_call></tool_call>\n<tool_call></tool_call>", 2},
      {"<think>a <tool_call> would do</think>\n\n<tool_call>", 1},
      {"<think><tool_call></think>no", 0},
      {"<tool_cal", 0},
  };
  for (const auto &[text, count] : cases)
    EXPECT_EQ(count_calls(text.data(), text.size()), count) << text;
}

} // namespace
