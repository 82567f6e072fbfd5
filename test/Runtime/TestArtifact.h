//===- TestArtifact.h - Artifacts for the fake model ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_TESTARTIFACT_H
#define TERN_TEST_TESTARTIFACT_H

#include "fake_model.h"
#include "tern/host.h"

#include "gtest/gtest.h"

#include <cstring>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace tern_test {

inline tern_generation defaultGeneration() {
  tern_generation generation = {};
  generation.size = sizeof(generation);
  generation.bos_id = 1022;
  generation.eos_count = 1;
  generation.eos_ids[0] = 1023;
  generation.temperature = 1;
  generation.top_p = 1;
  generation.repeat_penalty = 1;
  generation.max_new_tokens = generation.max_length = -1;
  generation.forced_bos_id = -1;
  generation.max_context = FAKE_CONTEXT;
  return generation;
}

inline tern_artifact_header *header(std::vector<uint8_t> &bytes) {
  return reinterpret_cast<tern_artifact_header *>(bytes.data());
}

inline std::vector<uint8_t> makeArtifact(const std::vector<uint8_t> &tokenizer,
                                         tern_generation generation,
                                         std::string chat = "",
                                         const std::string &variables = "",
                                         const std::string &rest = "") {
  generation.chat_template_bytes = uint32_t(chat.size());
  generation.chat_variables_bytes = uint32_t(variables.size());
  chat += variables + rest;
  tern_artifact_header h = {};
  std::memcpy(h.magic, TERN_ARTIFACT_MAGIC, 8);
  h.version = TERN_ARTIFACT_VERSION;
  h.header_bytes = sizeof(h);
  h.weights_id = tern_model_fake.weights_id;
  h.weights = {TERN_WEIGHTS_ALIGNMENT, FAKE_WEIGHTS};
  h.tokenizer = {h.weights.offset + h.weights.bytes, tokenizer.size()};
  h.generation = {h.tokenizer.offset + h.tokenizer.bytes,
                  sizeof(generation) + chat.size()};
  h.total_bytes = h.generation.offset + h.generation.bytes;
  std::vector<uint8_t> bytes(h.total_bytes);
  std::memcpy(bytes.data(), &h, sizeof(h));
  for (uint32_t i = 0; i < FAKE_WEIGHTS; ++i)
    bytes[h.weights.offset + i] = fake_weight(i);
  std::copy(tokenizer.begin(), tokenizer.end(),
            bytes.begin() + long(h.tokenizer.offset));
  std::memcpy(&bytes[h.generation.offset], &generation, sizeof(generation));
  std::copy(chat.begin(), chat.end(), bytes.end() - long(chat.size()));
  return bytes;
}

/// `program` with the artifact behind itself.
inline std::vector<uint8_t> appended(std::vector<uint8_t> program,
                                     const std::vector<uint8_t> &artifact) {
  tern_artifact_footer footer = {};
  std::memcpy(footer.magic, TERN_FOOTER_MAGIC, 8);
  program.resize((program.size() + TERN_ARTIFACT_ALIGNMENT - 1) /
                 TERN_ARTIFACT_ALIGNMENT * TERN_ARTIFACT_ALIGNMENT);
  footer.header_offset = program.size();
  footer.total_bytes = artifact.size();
  program.insert(program.end(), artifact.begin(), artifact.end());
  const auto *end = reinterpret_cast<const uint8_t *>(&footer);
  program.insert(program.end(), end, end + sizeof(footer));
  return program;
}

inline std::string temporaryPath(const std::string &name) {
  return testing::TempDir() + "tern-" + std::to_string(getpid()) + "-" + name;
}

inline void writeFile(const std::string &path,
                      const std::vector<uint8_t> &bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char *>(bytes.data()), long(bytes.size()));
  ASSERT_TRUE(out.good()) << path;
}

inline std::vector<uint8_t> readBytes(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

} // namespace tern_test

#endif // TERN_TEST_TESTARTIFACT_H
