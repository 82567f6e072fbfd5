//===- Report.h - What tern inspect says ------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_REPORT_H
#define TERN_TOOLS_REPORT_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace tern {

/// Facts, said once for people, in lines, and for programs, as one JSON object
/// (docs/inspect.md).
class Report {
public:
  /// A line of the text as it grows; it ends with this object.
  class Line {
  public:
    Line(Report &report, llvm::json::Object &facts)
        : report(report), facts(facts) {}
    ~Line() { report.text += '\n'; }

    /// A fact: `key` of the object, and in the text `words`, where {} stands
    /// for the value. Strings may come from a file nobody vouches for.
    Line &put(llvm::StringRef key, llvm::json::Value value,
              llvm::StringRef words = "{}");
    /// A fact that the text does not say, or says in other words.
    Line &note(llvm::StringRef key, llvm::json::Value value);
    Line &say(const llvm::Twine &words);
    /// Continues in the column that is `width` wide.
    Line &column(size_t width, llvm::StringRef key, llvm::json::Value value);

  private:
    Report &report;
    llvm::json::Object &facts;
  };

  /// Begins a line: what it is about, and room up to the value.
  Line line(llvm::StringRef label, llvm::json::Object &facts);
  Line line(llvm::StringRef label) { return line(label, facts); }
  void heading(llvm::StringRef words) { text += "\n" + words.str() + "\n"; }
  void blank() { text += '\n'; }

  /// Adds what is wrong to the list, one line for each; the answer is the same
  /// problems.
  llvm::Error list(llvm::Error problems);

  void print(llvm::raw_ostream &out, bool asJson);

  llvm::json::Object facts;

private:
  std::string text;
};

} // namespace tern

#endif // TERN_TOOLS_REPORT_H
