//===- EditorTest.cpp - Typing a line -------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Keys, the text they make and what is drawn of it, without a terminal. With
// one: test/Python/test_terminal.py.
//
//===----------------------------------------------------------------------===//

#include "../../runtime/src/host/editor.h"

#include "gtest/gtest.h"

#include <random>
#include <string>

namespace {

class Editor : public testing::Test {
protected:
  ~Editor() override { host_editor_close(&editor); }

  /// Types bytes, in parts of `part` bytes; what the last key asked for.
  host_edit type(const std::string &bytes, size_t part = SIZE_MAX) {
    host_edit last = EDIT_ON;
    for (size_t from = 0; from < bytes.size(); from += part) {
      std::string piece = bytes.substr(from, part);
      for (size_t at = 0, taken; at < piece.size(); at += taken) {
        const char *text;
        size_t count;
        host_key key = host_keys_next(&keys, piece.data() + at,
                                      piece.size() - at, &taken, &text, &count);
        last = host_editor_do(&editor, key, text, count);
      }
      if (part == SIZE_MAX)
        break;
    }
    EXPECT_LE(editor.cursor, editor.text.count);
    return last;
  }

  /// The text, with '|' where the cursor is.
  std::string text() const {
    std::string all(editor.text.at ? editor.text.at : "", editor.text.count);
    return all.insert(editor.cursor, "|");
  }

  /// The text after these keys on an empty line, however they are cut.
  std::string after(const std::string &bytes) {
    std::string whole;
    for (size_t part : {SIZE_MAX, size_t(1), size_t(3)}) {
      editor.text.count = editor.cursor = 0;
      type(bytes, part);
      if (part == SIZE_MAX)
        whole = text();
      EXPECT_EQ(text(), whole) << part;
    }
    return whole;
  }

  std::string enter(const std::string &bytes) {
    EXPECT_EQ(type(bytes + "\r"), EDIT_DONE);
    std::string all(editor.text.at ? editor.text.at : "", editor.text.count);
    host_editor_next(&editor);
    return all;
  }

  std::string draw(host_screen &screen) {
    host_bytes out = {};
    host_screen_draw(&screen, &editor, &out);
    std::string drawn(out.at, out.count);
    free(out.at);
    return drawn;
  }

  host_editor editor = {};
  host_keys keys = {};
};

TEST_F(Editor, Moves) {
  EXPECT_EQ(after("abc\x1b[D\x1b[D"), "a|bc");
  EXPECT_EQ(after("abc\x1b[D\x1b[D\x1b[C\x02\x06\x06\x06"), "abc|");
  EXPECT_EQ(after("abc\x01"), "|abc");
  EXPECT_EQ(after("abc\x1b[H\x1b[D"), "|abc");
  EXPECT_EQ(after("abc\x1bOD\x1bOH\x1bOC"), "a|bc");
  EXPECT_EQ(after("abc\x1b[1~\x1b[4~\x1b[7~\x1b[8~"), "abc|");
  EXPECT_EQ(after("abc\x1b[H\x1b[F\x1b[C"), "abc|");
  EXPECT_EQ(after("one two-three\x1b"
                  "b"),
            "one two-|three");
  EXPECT_EQ(after("one two-three\x1b[1;5D\x1b[1;3D\x1b[5D"), "|one two-three");
  EXPECT_EQ(after("one two\x01\x1b"
                  "f\x1b[1;5C"),
            "one two|");
  EXPECT_EQ(after("one two\x01\x1bOc"), "one| two");
}

TEST_F(Editor, Removes) {
  EXPECT_EQ(after("abc\x7f\x08"), "a|");
  EXPECT_EQ(after("\x7f\x1b[3~x"), "x|");
  EXPECT_EQ(after("abc\x01\x1b[3~\x04"), "|c");
  EXPECT_EQ(after("one two \x17"), "one |");
  EXPECT_EQ(after("one two-three\x17"), "one |");
  EXPECT_EQ(after("one two-three\x1b\x7f"), "one two-|");
  EXPECT_EQ(after("one two\x01\x1b"
                  "d"),
            "| two");
  EXPECT_EQ(after("one two\x01\x1b[3;5~"), "| two");
  EXPECT_EQ(after("one two\x1b"
                  "b\x0b"),
            "one |");
  EXPECT_EQ(after("one two\x1b"
                  "b\x15"),
            "|two");
  EXPECT_EQ(type("\x15"), EDIT_ON);
}

TEST_F(Editor, InsertsWhatWasCut) {
  EXPECT_EQ(after("one two\x17\x17\x19\x19"), "one twoone two|");
  EXPECT_EQ(after("one two\x01\x1b"
                  "d\x1b"
                  "d.\x19"),
            ".one two|");
  // Only what is cut in one go is one.
  EXPECT_EQ(after("one two\x17x\x17\x19"), "one x|");
  EXPECT_EQ(after("ab cd\x17\x15\x19"), "ab cd|");
}

TEST_F(Editor, Swaps) {
  EXPECT_EQ(after("ab\x14"), "ba|");
  EXPECT_EQ(after("abc\x02\x14"), "acb|");
  EXPECT_EQ(after("a\x14"), "a|");
  EXPECT_EQ(after("\x14"), "|");
  EXPECT_EQ(after("日b\x14"), "b日|");
}

/// One press, one character as readers see it.
TEST_F(Editor, Characters) {
  EXPECT_EQ(after("日本\x7f"), "日|");
  EXPECT_EQ(after("xe\u0301\u0323\x7f"), "x|");
  EXPECT_EQ(after("x\U0001F468\u200D\U0001F469\u200D\U0001F467\x7f"), "x|");
  EXPECT_EQ(after("x\U0001F44D\U0001F3FD\x7f"), "x|");
  EXPECT_EQ(after("🇩🇪🇫🇷\x7f"), "🇩🇪|");
  EXPECT_EQ(after("❤️\x02x"), "x|❤️");
  EXPECT_EQ(after("a\xFF\xC3\x7f"), "a\xFF|");
  EXPECT_EQ(after("\u0301\x7f"), "|");
  EXPECT_EQ(host_width('a'), 1);
  EXPECT_EQ(host_width(0x301), 0);
  EXPECT_EQ(host_width(0x65E5), 2);
  EXPECT_EQ(host_width(0x1F600), 2);
  EXPECT_EQ(host_width(0x20000), 2);
  EXPECT_EQ(host_width(0x200D), 0);
  EXPECT_EQ(host_width(0xFFFD), 1);
}

TEST_F(Editor, Lines) {
  EXPECT_EQ(enter("one"), "one");
  EXPECT_EQ(type("one\\\r"), EDIT_ON);
  EXPECT_EQ(text(), "one\n|");
  EXPECT_EQ(enter("two\x1b\rthree"), "one\ntwo\nthree");
  // Keys of lines stay in theirs.
  EXPECT_EQ(after("one\x1b\rtwo\x01x\x05y"), "one\nxtwoy|");
  EXPECT_EQ(after("one\x1b\rtwo\x15"), "one\n|");
  EXPECT_EQ(after("one\x1b\rtwo\x1b[A"), "one|\ntwo");
  EXPECT_EQ(after("one\x1b\rto\x1b[A\x1b[D\x1b[B"), "one\nt|o");
  EXPECT_EQ(after("x\x1b\rtwo\x1b[A"), "x|\ntwo");
  EXPECT_EQ(after("日\x1b\rab\x1b[A"), "|日\nab");
}

TEST_F(Editor, Asks) {
  EXPECT_EQ(type("\x03"), EDIT_INTERRUPTED);
  EXPECT_EQ(type("\x04"), EDIT_ENDED);
  EXPECT_EQ(type("x\x04"), EDIT_ON);
  EXPECT_EQ(type("\x0c"), EDIT_CLEARED);
  EXPECT_EQ(type("\x1a"), EDIT_SUSPENDED);
  EXPECT_EQ(type("\n"), EDIT_DONE);
}

TEST_F(Editor, History) {
  EXPECT_EQ(after("\x1b[A\x1b[Bx"), "x|");
  editor.text.count = editor.cursor = 0;
  for (const char *line : {"first", "second", "second", ""})
    enter(line);
  EXPECT_EQ(enter("\x1b[A"), "second");
  EXPECT_EQ(enter("\x1b[A\x10"), "first");
  type("draft\x1b[A\x1b[A\x1b[A\x1b[A");
  EXPECT_EQ(text(), "first|");
  type("!\x0e\x0e\x0e\x0e\x0e");
  EXPECT_EQ(text(), "draft|");
  type("\x15");
  for (size_t i = 0; i < HOST_HISTORY + 10; ++i)
    enter("line " + std::to_string(i));
  EXPECT_EQ(editor.history_count, HOST_HISTORY);
  type("\x1b[A");
  EXPECT_EQ(text(), "line " + std::to_string(HOST_HISTORY + 9) + "|");
}

TEST_F(Editor, Pastes) {
  EXPECT_EQ(after("a\x1b[200~b\rc\r\nd\ne\x03\x1b[A\x1b[20\x1b[201~f"),
            "ab\nc\nd\ne\x03\x1b[A\x1b[20f|");
  EXPECT_EQ(after("\x1b[200~\x1b[201~x"), "x|");
  EXPECT_EQ(after("\x1b[200~\x1b\x1b[201~x"), "\x1bx|");
  std::string large(100000, 'x');
  type("\x15\x1b[200~" + large + "\x1b[201~");
  EXPECT_EQ(editor.text.count, large.size());
}

/// Keys that nobody knows do nothing, and none takes the next with it.
TEST_F(Editor, UnknownKeys) {
  for (const char *key : {"\x1b[99~", "\x1b[1;9R", "\x1bOP", "\x1b[[A",
                          "\x1b[Z", "\x1bx", "\x1b[I", "\x1b\x1b[3~", "\x1c",
                          "\x1b[?1;2c", "\x1b[38;5;1u", "\x1b[\x1b[2~"})
    EXPECT_EQ(after(std::string("a") + key + "b"), "ab|") << key + 1;
  EXPECT_EQ(after("a\x1b[" + std::string(200, '1') + "~b").substr(0, 1), "a");
}

TEST_F(Editor, Draws) {
  host_screen screen = {10, 5, 0, 0, 0, 0, 0};
  type("abc");
  EXPECT_EQ(draw(screen), "\r\x1b[J> abc\r\x1b[5C");
  type("\x01");
  EXPECT_EQ(draw(screen), "\r\x1b[2C\x1b[Jabc\r\x1b[2C");
  type("\x05");
  EXPECT_EQ(draw(screen), "\r\x1b[2C\x1b[Jabc\r\x1b[5C");
  // Text at the end is sent alone. The terminal wraps; behind a full row it has
  // to be told.
  type("defgh");
  EXPECT_EQ(draw(screen), "defgh \r");
  EXPECT_EQ(screen.cursor, 1u);
  EXPECT_EQ(draw(screen), "");
  type("i");
  EXPECT_EQ(draw(screen), "i");
  type("j\x01");
  EXPECT_EQ(draw(screen), "\x1b[1A\r\x1b[2C\x1b[Jabcdefghij\x1b[1A\r\x1b[2C");
  // A wide character that finds one column is on the next row.
  type("\x0b"
       "1234567日");
  EXPECT_EQ(draw(screen), "\r\x1b[2C\x1b[J1234567日\r\x1b[2C");
  EXPECT_EQ(screen.cursor, 1u);
  // A mark goes with its character.
  type("\x15");
  EXPECT_EQ(draw(screen), "\x1b[1A\r\x1b[2C\x1b[J\r\x1b[2C");
  type("e");
  EXPECT_EQ(draw(screen), "e");
  type("\u0301");
  EXPECT_EQ(draw(screen), "\r\x1b[2C\x1b[Je\u0301\r\x1b[3C");
  type("\x15");
  draw(screen);
  type("a\x1b\r\tb\x01\x03");
  EXPECT_EQ(draw(screen), "\r\x1b[2C\x1b[Ja\r\n.     b\r\x1b[2C");
  // More rows than there are.
  type("\x1b[A\x01\x0b\x1b[3~\x0b" + std::string(60, 'x'));
  std::string drawn = draw(screen);
  EXPECT_EQ(screen.cursor, 4u);
  EXPECT_EQ(drawn.find("> "), std::string::npos);
  type("\x01");
  drawn = draw(screen);
  EXPECT_EQ(screen.cursor, 0u);
  EXPECT_NE(drawn.find("> xxx"), std::string::npos);
  host_screen_resize(&screen, &editor, 8, 3);
  EXPECT_EQ(screen.cursor, 0u);
}

TEST_F(Editor, Leaves) {
  host_screen screen = {10, 5, 0, 0, 0, 0, 0};
  auto leave = [&] {
    host_bytes out = {};
    host_screen_leave(&screen, &editor, "^C", &out);
    std::string drawn(out.at, out.count);
    free(out.at);
    return drawn;
  };
  draw(screen);
  type("abc");
  EXPECT_EQ(leave(), "abc^C\r\n");
  draw(screen);
  EXPECT_EQ(leave(), "^C\r\n");
  type("\x01");
  draw(screen);
  EXPECT_EQ(leave(), "\r\x1b[2C\x1b[Jabc^C\r\n");
  // All rows, so that they are found above.
  type("\x15> " + std::string(98, 'y'));
  draw(screen);
  EXPECT_EQ(leave(), "\x1b[4A\r\x1b[J> > " + std::string(98, 'y') + "^C\r\n");
}

TEST_F(Editor, DrawsColors) {
  host_screen screen = {40, 5, 1, 0, 0, 0, 0};
  type("a");
  EXPECT_EQ(draw(screen),
            "\r\x1b[J\x1b[1;32m> \x1b[0m\x1b[1ma\x1b[0m\r\x1b[3C");
  type("b");
  EXPECT_EQ(draw(screen), "\x1b[1mb\x1b[0m");
  // Control characters have no effect.
  type("\x15\x1b[200~\x1b[2J\x7f\x1b[201~");
  EXPECT_NE(draw(screen).find("\x1b[1m^[[2J^?\x1b[0m"), std::string::npos);
}

/// Nothing that comes from a terminal breaks anything.
TEST_F(Editor, AnyBytes) {
  std::mt19937 random(7);
  const std::string likely =
      "\x1b[~0125;ABCDHFObfd\x01\x02\x03\x04\x05\x06\x08\x0b\x0e"
      "\x10\x14\x15\x17\x19\x7f\r\n\t\\ ax日e\u0301🇩";
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    for (int i = 0; i < 200; ++i)
      bytes += random() % 8 ? likely[random() % likely.size()] : char(random());
    type(bytes, 1 + random() % 50);
    host_screen screen = {};
    screen.columns = uint32_t(random() % 30);
    screen.rows = uint32_t(random() % 6);
    screen.color = 1;
    for (int i = 0; i < 3; ++i) {
      draw(screen);
      EXPECT_LT(screen.cursor, 24u);
      host_screen_resize(&screen, &editor, uint32_t(random() % 90),
                         uint32_t(random() % 9));
    }
    if (random() % 4 == 0)
      host_editor_next(&editor);
  }
}

} // namespace
