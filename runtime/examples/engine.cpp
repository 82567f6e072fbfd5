//===- engine.cpp - an answer, as it comes --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   c++ -std=c++17 engine.cpp $(pkg-config --cflags --libs tern) -o engine
//   ./engine ./bard.so "ROMEO:"
//
//===----------------------------------------------------------------------===//

#include "tern/engine.hpp"

#include <iostream>

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " LIBRARY TEXT\n";
    return 2;
  }
  tern::Engine engine = tern::Engine::open(argv[1]);
  tern::Request request;
  request.text = argv[2];
  request.fields.temperature = 0;
  request.fields.max_tokens = 20;
  bool isSubmitted = engine && engine.submit(request, [](const tern::Event &e) {
    std::cout << e.text << std::flush;
    return true; // go on
  });
  if (!isSubmitted || !engine.run()) {
    std::cerr << tern::error() << '\n';
    return 1;
  }
  std::cout << '\n';
}
