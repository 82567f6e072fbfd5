//===- Completion.cpp - tern completion -----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Scripts that complete a command line of tern in a shell. They are written
// from the tables of flags and run nothing.
//
//===----------------------------------------------------------------------===//

#include "Commands.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace tern;
using llvm::Expected;
using llvm::raw_ostream;
using llvm::SmallVector;
using llvm::StringRef;

namespace {

/// A flag, as completion sees it.
struct Completed {
  SmallVector<StringRef> names, choices;
  bool takesValue;
  bool takesFile;
  std::string help; ///< the first clause, in one line
};

} // namespace

/// True if what help calls `argument` is a path.
static bool isPath(StringRef argument) {
  for (StringRef word : {"FILE", "OUT", "DIR", "MODEL", "SCHEME"})
    if (argument.contains(word))
      return true;
  return false;
}

static std::string firstClause(StringRef help) {
  std::string line = help.take_until([](char c) { return c == ';'; }).str();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

static std::vector<Completed> completed(const OptionTable &table) {
  std::vector<Completed> flags;
  for (const CommandOption &option : table.getOptions())
    if (!option.isHeading && !option.isHidden)
      flags.push_back({OptionTable::shownNames(option),
                       OptionTable::choices(option), !option.argument.empty(),
                       isPath(option.argument), firstClause(option.help)});
  return flags;
}

/// In single quotes of a shell.
static std::string quoted(StringRef text) {
  std::string out = "'";
  for (char c : text)
    out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

static std::string commandNames() {
  return llvm::join(llvm::map_range(allCommands(),
                                    [](const Command &command) {
                                      return command.name.str();
                                    }),
                    " ");
}

//===----------------------------------------------------------------------===//
// bash
//===----------------------------------------------------------------------===//

/// The words that may follow a command that takes no file.
static std::string otherWords(const Command &command) {
  if (command.arguments == "[COMMAND]")
    return commandNames();
  if (command.arguments == "SHELL")
    return "bash fish zsh";
  SmallVector<StringRef> words;
  command.arguments.split(words, '|');
  return words.size() > 1 ? llvm::join(words, " ") : "";
}

static void printBashCommand(const Command &command, const OptionTable &table,
                             raw_ostream &out) {
  std::string names, choices;
  SmallVector<StringRef> files, texts;
  for (const Completed &flag : completed(table)) {
    for (StringRef name : flag.names)
      names += (names.empty() ? "" : " ") + name.str();
    if (!flag.choices.empty())
      choices += "    " + llvm::join(flag.names, "|") + ") words=\"" +
                 llvm::join(flag.choices, " ") + "\" ;;\n";
    else if (flag.takesFile)
      files.append(flag.names);
    else if (flag.takesValue)
      texts.append(flag.names);
  }
  std::string words = otherWords(command);
  out << "  " << command.name << ")\n    flags=\"" << names << "\"\n";
  if (!words.empty())
    out << "    words=\"" << words << "\"\n";
  out << "    case $flag in\n" << choices;
  if (!files.empty())
    out << "    " << llvm::join(files, "|") << ") words= ;;\n";
  if (!texts.empty())
    out << "    " << llvm::join(texts, "|") << ") return ;;\n";
  out << "    *) plain=1 ;;\n    esac ;;\n";
}

static void printBash(raw_ostream &out) {
  out << R"(# bash completion of tern; written by: tern completion bash
_tern() {
  local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]}
  local flags= words= plain= line
  # bash makes words of --flag=value: a flag, =, a value.
  if [[ $word == = ]]; then
    word=
  elif [[ $flag == = ]]; then
    flag=${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W ")"
      << commandNames() << R"( --help --version" -- "$word"))
    return
  fi
  case ${COMP_WORDS[1]} in
)";
  for (const Command &command : allCommands())
    command.describe([&](const OptionTable &table) {
      printBashCommand(command, table, out);
    });
  out << R"(  *) return ;;
  esac
  if [[ $plain && $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [[ $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    while IFS= read -r line; do
      COMPREPLY+=("$line")
    done < <(compgen -f -- "$word")
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _tern tern
)";
}

//===----------------------------------------------------------------------===//
// zsh
//===----------------------------------------------------------------------===//

/// A description in a word of _arguments, in single quotes: brackets end it.
static std::string zshDescription(StringRef text) {
  std::string out;
  for (char c : text) {
    if (c == '[' || c == ']' || c == '\\' || c == ':')
      out += '\\';
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out;
}

static void printZsh(raw_ostream &out) {
  out << "#compdef tern\n# zsh completion of tern; written by: tern completion "
         "zsh\n_tern() {\n  if (( CURRENT == 2 )); then\n    local -a "
         "commands=(\n";
  for (const Command &command : allCommands())
    out << "      '" << command.name << ":" << zshDescription(command.summary)
        << "'\n";
  out << "    )\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n"
         "  case $command in\n";
  for (const Command &command : allCommands())
    command.describe([&](const OptionTable &table) {
      out << "  " << command.name << ")\n    _arguments";
      for (const Completed &flag : completed(table)) {
        std::string names = llvm::join(flag.names, " ");
        for (StringRef name : flag.names) {
          out << " \\\n      '(" << names << ")" << name
              << (!flag.takesValue         ? ""
                  : name.starts_with("--") ? "="
                                           : "")
              << "[" << zshDescription(flag.help) << "]";
          if (flag.takesValue)
            out << ":value:"
                << (flag.takesFile ? "_files"
                    : flag.choices.empty()
                        ? ""
                        : "(" + llvm::join(flag.choices, " ") + ")");
          out << "'";
        }
      }
      std::string words = otherWords(command);
      out << " \\\n      '*:argument:"
          << (words.empty() ? "_files" : "(" + words + ")") << "' ;;\n";
    });
  out << "  esac\n}\n_tern \"$@\"\n";
}

//===----------------------------------------------------------------------===//
// fish
//===----------------------------------------------------------------------===//

static std::string fishQuoted(StringRef text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "'";
}

static void printFish(raw_ostream &out) {
  out << "# fish completion of tern; written by: tern completion fish\n";
  for (const Command &command : allCommands())
    out << "complete -c tern -n __fish_use_subcommand -f -a " << command.name
        << " -d " << fishQuoted(command.summary) << "\n";
  for (const Command &command : allCommands())
    command.describe([&](const OptionTable &table) {
      std::string when = "complete -c tern -n '__fish_seen_subcommand_from " +
                         command.name.str() + "'";
      if (std::string words = otherWords(command); !words.empty())
        out << when << " -f -a " << quoted(words) << "\n";
      for (const Completed &flag : completed(table)) {
        out << when;
        for (StringRef name : flag.names)
          out << (name.consume_front("--") ? " -l "
                  : name.size() == 2       ? " -s "
                                           : " -o ")
              << name.ltrim('-');
        if (!flag.choices.empty())
          out << " -x -a " << quoted(llvm::join(flag.choices, " "));
        else if (flag.takesValue)
          out << (flag.takesFile ? " -r -F" : " -x");
        out << " -d " << fishQuoted(flag.help) << "\n";
      }
    });
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

static OptionTable makeTable() {
  return OptionTable(
      "completion bash|fish|zsh",
      "Prints a script that completes command lines of tern. For this session "
      "of bash:\nsource <(tern completion bash)");
}

void tern::describeCompletion(TableReader read) { read(makeTable()); }

Expected<int> tern::completionMain(Arguments arguments) {
  OptionTable table = makeTable();
  std::vector<std::string> shells;
  Expected<bool> isHelp = table.parseOrHelp(arguments, shells);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  StringRef shell = shells.size() == 1 ? StringRef(shells.front()) : "";
  if (shell == "bash")
    printBash(llvm::outs());
  else if (shell == "zsh")
    printZsh(llvm::outs());
  else if (shell == "fish")
    printFish(llvm::outs());
  else
    return llvm::make_error<UsageError>(
        "tern completion takes the name of a shell: bash, fish or zsh");
  return 0;
}
