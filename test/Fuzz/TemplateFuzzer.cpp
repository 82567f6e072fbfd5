//===- TemplateFuzzer.cpp - Chat templates --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The input is a template and its variables as JSON with a NUL between them.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "tern/template.h"

#include <memory>

using namespace tern;

static const char conversation[] =
    R"({"messages": [{"role": "user", "content": " a "}, {"role": "assistant",
        "content": "b"}], "bos_token": "<s>", "add_generation_prompt": true})";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const size_t room = size_t(256) << 10;
  std::string text = takeText(data, size);
  std::string json = size ? takeText(data, size) : conversation;
  // Anew each time, so that what an earlier input left is not read.
  std::unique_ptr<char[]> memory(new char[room]);
  tern_template *parsed;
  tern_error error = {};
  if (tern_template_parse(memory.get(), room, text.data(), text.size(), &parsed,
                          &error) != 0) {
    require(error.text[0] != '\0', "a refusal says why");
    return 0;
  }
  std::string first;
  for (int i = 0; i < 2; ++i) {
    tern_rendering out;
    if (tern_template_render(parsed, json.data(), json.size(), 0, &out,
                             &error) != 0) {
      require(error.text[0] != '\0', "a refusal says why");
      require(i == 0, "a template renders twice");
      return 0;
    }
    for (size_t at = 0; out.marks && at < out.bytes; ++at)
      require(out.marks[at] <= TERN_MARK_TOKEN, "a mark is one of three");
    std::string rendered(out.text, out.bytes);
    require(i == 0 || rendered == first, "a template renders the same twice");
    first = rendered;
  }
  return 0;
}
