//===- Help.cpp - tern help -----------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"

#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

const Command *tern::findCommand(StringRef name) {
  for (const Command &command : allCommands())
    if (command.name == name)
      return &command;
  return nullptr;
}

Error tern::unknownCommand(StringRef name) {
  if (name == "--version")
    return llvm::make_error<UsageError>("--version stands alone");
  if (name.starts_with("-"))
    return llvm::make_error<UsageError>(
        "flags come behind a command, as in tern run -m MODEL " + name +
        "; tern --help lists the commands");
  StringRef nearest;
  unsigned least = static_cast<unsigned>(name.size()) / 3 + 1;
  for (const Command &command : allCommands()) {
    unsigned distance = name.edit_distance(command.name);
    if (distance < least) {
      least = distance;
      nearest = command.name;
    }
  }
  return llvm::make_error<UsageError>(
      "unknown command '" + name + "'; " +
      (nearest.empty() ? std::string("tern --help lists them")
                       : "did you mean " + nearest.str() + "?"));
}

void tern::printHelp(llvm::raw_ostream &stream) {
  stream << "usage: tern COMMAND ...\n\n"
            "Compiles ternary language models to native programs.\n\n";
  for (const Command &command : allCommands())
    stream << llvm::formatv("  {0,-23} {1}\n",
                            (command.name + " " + command.arguments).str(),
                            command.summary);
  stream << R"(
MODEL is a Hugging Face directory (config.json, *.safetensors, tokenizer.json),
a folder models--ORG--NAME of Hugging Face's cache, or a GGUF file of any name.
@FILE stands for the arguments in FILE.
`tern COMMAND --help` lists the flags of a command.

  -h, --help              this text
  --version               versions of tern and LLVM
)";
}

static OptionTable makeTable() {
  return OptionTable("help [COMMAND]",
                     "Lists the commands, or the flags of one: tern help "
                     "compile is tern compile --help.");
}

void tern::describeHelp(TableReader read) { read(makeTable()); }

Expected<int> tern::helpMain(Arguments arguments) {
  OptionTable table = makeTable();
  std::vector<std::string> names;
  Expected<bool> isHelp = table.parseOrHelp(arguments, names);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  if (names.empty()) {
    printHelp(llvm::outs());
    return 0;
  }
  if (names.size() > 1)
    return llvm::make_error<UsageError>("tern help takes one COMMAND, but also "
                                        "got '" +
                                        names[1] + "'");
  const Command *command = findCommand(names.front());
  if (!command)
    return unknownCommand(names.front());
  command->describe(
      [](const OptionTable &table) { table.printHelp(llvm::outs()); });
  return 0;
}
