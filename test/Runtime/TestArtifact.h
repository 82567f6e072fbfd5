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
#include <elf.h>
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
  h.weights = {TERN_WEIGHTS_ALIGNMENT, FAKE_WEIGHTS, 0};
  h.tokenizer = {h.weights.offset + h.weights.bytes, tokenizer.size(), 0};
  h.generation = {h.tokenizer.offset + h.tokenizer.bytes,
                  sizeof(generation) + chat.size(), 0};
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

/// A program of nothing but headers.
template <typename Header, typename Segment>
std::vector<uint8_t> emptyProgram() {
  Header header = {};
  std::memcpy(header.e_ident, "\177ELF\0\1\1", 7);
  header.e_ident[EI_CLASS] =
      sizeof(header) == sizeof(Elf64_Ehdr) ? ELFCLASS64 : ELFCLASS32;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Segment);
  header.e_phnum = 1;
  Segment note = {};
  note.p_type = PT_NOTE;
  std::vector<uint8_t> bytes(sizeof(header) + sizeof(note));
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(&bytes[sizeof(header)], &note, sizeof(note));
  return bytes;
}

/// Where the header of the last segment of type `type` lies.
template <typename Header = Elf64_Ehdr, typename Segment = Elf64_Phdr>
size_t segmentOf(const std::vector<uint8_t> &program, uint32_t type) {
  Header header;
  std::memcpy(&header, program.data(), sizeof(header));
  size_t found = 0;
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Segment segment;
    size_t at = header.e_phoff + i * sizeof(segment);
    std::memcpy(&segment, &program[at], sizeof(segment));
    if (segment.p_type == type)
      found = at;
  }
  EXPECT_NE(found, 0u) << "no such segment";
  return found;
}

/// `program` with the artifact as a segment, for which one of its notes goes.
template <typename Header = Elf64_Ehdr, typename Segment = Elf64_Phdr>
std::vector<uint8_t> appended(std::vector<uint8_t> program,
                              const std::vector<uint8_t> &artifact) {
  size_t at = segmentOf<Header, Segment>(program, PT_NOTE);
  program.resize((program.size() + TERN_ARTIFACT_ALIGNMENT - 1) /
                 TERN_ARTIFACT_ALIGNMENT * TERN_ARTIFACT_ALIGNMENT);
  Segment segment = {};
  segment.p_type = TERN_SEGMENT_TYPE;
  segment.p_offset = static_cast<decltype(segment.p_offset)>(program.size());
  segment.p_filesz = static_cast<decltype(segment.p_filesz)>(artifact.size());
  std::memcpy(&program[at], &segment, sizeof(segment));
  program.insert(program.end(), artifact.begin(), artifact.end());
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
