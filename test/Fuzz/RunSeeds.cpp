//===- RunSeeds.cpp - A fuzz target as an ordinary test -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs the target on every file of a directory: whole, cut off at up to 512
// places and with up to 1024 bytes replaced one at a time.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

size_t LLVMFuzzerMutate(uint8_t *, size_t size, size_t) { return size; }

/// An input of its own size in memory, so that reading past it can be noticed.
static void run(const std::vector<uint8_t> &bytes, size_t size) {
  std::vector<uint8_t> exact(bytes.begin(), bytes.begin() + size);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

static void runDamaged(std::vector<uint8_t> bytes) {
  run(bytes, bytes.size());
  size_t step = bytes.size() / 512 + 1;
  for (size_t size = 0; size < bytes.size(); size += step)
    run(bytes, size);
  step = bytes.size() / 256 + 1;
  for (size_t at = 0; at < bytes.size(); at += step)
    for (uint8_t change : {0x01, 0x80, 0xFF, 0x20}) {
      bytes[at] ^= change;
      run(bytes, bytes.size());
      bytes[at] ^= change;
    }
}

int main(int argc, char **argv) {
  std::vector<std::filesystem::path> seeds;
  if (argc == 2 && std::filesystem::is_directory(argv[1]))
    for (const auto &entry : std::filesystem::directory_iterator(argv[1]))
      seeds.push_back(entry.path());
  if (seeds.empty()) {
    std::fprintf(stderr, "usage: %s DIRECTORY with at least one seed\n",
                 argv[0]);
    return 2;
  }
  std::sort(seeds.begin(), seeds.end());
  for (const std::filesystem::path &seed : seeds) {
    std::fprintf(stderr, "%s\n", seed.c_str()); // the last one is the culprit
    std::ifstream file(seed, std::ios::binary);
    runDamaged({std::istreambuf_iterator<char>(file), {}});
  }
  return 0;
}
