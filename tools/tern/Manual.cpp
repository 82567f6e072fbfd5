//===- Manual.cpp - tern manual -------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Manual pages for man(1), written from the tables of flags.
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "ProgramFlags.h"

#include "tern/Driver/OutputFiles.h"
#include "tern/host.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::raw_ostream;
using llvm::StringRef;

/// Text that roff takes as it is.
static std::string escaped(StringRef text) {
  std::string out;
  bool startsLine = true;
  for (char c : text) {
    // At the beginning of a line these would be requests.
    if (startsLine && (c == '.' || c == '\''))
      out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    startsLine = c == '\n';
  }
  return out;
}

static void printTitle(StringRef page, raw_ostream &out) {
  out << ".\\\" Written by: tern manual\n.TH " << page.upper()
      << " 1 \"\" \"tern " TERN_VERSION_TEXT "\" \"tern manual\"\n.nh\n.ad l\n";
}

static void printExitStatus(raw_ostream &out) {
  out << ".SH EXIT STATUS\n0: done. 1: failed. 2: wrong usage. 130: "
         "interrupted.\n";
}

static void printOption(const CommandOption &option, raw_ostream &out) {
  if (option.isHidden)
    return;
  if (option.isHeading) {
    out << ".SS " << escaped(option.names) << "\n";
    return;
  }
  out << ".TP\n\\fB" << escaped(option.names) << "\\fR";
  if (!option.argument.empty())
    out << " \\fI" << escaped(option.argument) << "\\fR";
  out << "\n";
  // Lines that are indented are a list.
  bool isList = StringRef(option.help).contains("\n  ");
  out << (isList ? ".nf\n" : "") << escaped(option.help) << "\n"
      << (isList ? ".fi\n" : "");
  if (!option.spellings.empty()) {
    llvm::SmallVector<StringRef> names = OptionTable::allNames(option);
    names.erase(names.begin(),
                names.begin() + static_cast<ptrdiff_t>(
                                    OptionTable::shownNames(option).size()));
    out << "Also: " << escaped(llvm::join(names, ", ")) << ".\n";
  }
}

static std::string commandPage(const Command &command) {
  std::string page;
  llvm::raw_string_ostream out(page);
  std::string name = "tern-" + command.name.str();
  command.describe([&](const OptionTable &table) {
    printTitle(name, out);
    out << ".SH NAME\n"
        << escaped(name) << " \\- " << escaped(command.summary)
        << "\n.SH SYNOPSIS\n.B tern " << escaped(table.getUsage())
        << "\n.SH DESCRIPTION\n"
        << escaped(table.getSummary()) << "\n.SH OPTIONS\n";
    for (const CommandOption &option : table.getOptions())
      printOption(option, out);
    out << ".TP\n\\fB\\-h, \\-\\-help\\fR\nthe same as text\n";
  });
  std::vector<RefusedFlag> refused = refusedFlags(command.name);
  if (!refused.empty())
    out << ".SH REFUSED FLAGS OF LLAMA.CPP\n";
  for (const RefusedFlag &flag : refused)
    out << ".TP\n\\fB" << escaped(flag.names) << "\\fR\n"
        << escaped(flag.reason) << "\n";
  printExitStatus(out);
  out << ".SH SEE ALSO\n.BR tern (1)\n";
  return page;
}

static std::string mainPage() {
  std::string page;
  llvm::raw_string_ostream out(page);
  printTitle("tern", out);
  out << ".SH NAME\ntern \\- compiles ternary language models to native "
         "programs\n.SH SYNOPSIS\n.B tern COMMAND ...\n.SH COMMANDS\n";
  for (const Command &command : allCommands())
    out << ".TP\n\\fB" << escaped(command.name) << "\\fR \\fI"
        << escaped(command.arguments) << "\\fR\n"
        << escaped(command.summary) << "\n";
  out << ".SH OPTIONS\n.TP\n\\fB\\-h, \\-\\-help\\fR\nthe commands\n.TP\n"
         "\\fB\\-\\-version\\fR\nversions of tern and "
         "LLVM\n.TP\n\\fB@FILE\\fR\n"
         "the arguments in FILE, as a shell would take them apart\n";
  printExitStatus(out);
  out << ".SH SEE ALSO\n";
  for (const Command &command : allCommands())
    out << ".BR tern\\-" << command.name << " (1)"
        << (&command == &allCommands().back() ? "\n" : ",\n");
  return page;
}

static OptionTable makeTable() {
  return OptionTable("manual DIR",
                     "Writes manual pages, tern.1 and one for each command, "
                     "into a directory.");
}

void tern::describeManual(TableReader read) { read(makeTable()); }

static Error writePage(StringRef directory, const llvm::Twine &name,
                       StringRef page) {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  return writeFile(path, page, {});
}

Expected<int> tern::manualMain(Arguments arguments) {
  OptionTable table = makeTable();
  std::vector<std::string> directories;
  Expected<bool> isHelp = table.parseOrHelp(arguments, directories);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  if (directories.size() != 1)
    return llvm::make_error<UsageError>(
        "tern manual takes one DIR; see tern manual --help");
  StringRef directory = directories.front();
  if (std::error_code code = llvm::sys::fs::create_directories(directory))
    return llvm::createStringError("cannot make " + directory + ": " +
                                   code.message());
  if (Error error = writePage(directory, "tern.1", mainPage()))
    return std::move(error);
  for (const Command &command : allCommands())
    if (Error error = writePage(directory, "tern-" + command.name + ".1",
                                commandPage(command)))
      return std::move(error);
  return 0;
}
