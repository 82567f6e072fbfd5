//===- CommaLocale.h - A locale that writes 1.5 as 1,5 ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_RUNTIME_COMMALOCALE_H
#define TERN_TEST_RUNTIME_COMMALOCALE_H

#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

/// Gives the process a locale with commas and German months as long as this
/// lives.
class CommaLocale {
public:
  CommaLocale()
      : folder(std::filesystem::temp_directory_path() /
               ("tern-locale-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "comma.src")
        << "LC_CTYPE\ncopy \"POSIX\"\nEND LC_CTYPE\n"
           "LC_COLLATE\ncopy \"POSIX\"\nEND LC_COLLATE\n"
           "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \"\"\n"
           "grouping -1\nEND LC_NUMERIC\n"
           "LC_TIME\ncopy \"de_DE\"\nEND LC_TIME\n";
    // -c: whatever it says about categories that are not there.
    std::string path = (folder / "comma").string();
    std::string make = "localedef -c -i " + path + ".src -f UTF-8 " + path +
                       " > /dev/null 2>&1";
    if (std::system(make.c_str()) == -1)
      return;
    setenv("LOCPATH", folder.c_str(), 1);
    setlocale(LC_ALL, "comma");
  }
  ~CommaLocale() {
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    std::filesystem::remove_all(folder);
  }
  /// Returns false if the machine has no sources of locales.
  bool isThere() const { return *localeconv()->decimal_point == ','; }

private:
  std::filesystem::path folder;
};

#endif // TERN_TEST_RUNTIME_COMMALOCALE_H
