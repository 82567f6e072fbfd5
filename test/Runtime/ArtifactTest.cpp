//===- ArtifactTest.cpp - Artifacts, alone and in programs ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestArtifact.h"
#include "fake_model.h"

#include "gtest/gtest.h"

#include <functional>

using namespace tern_test;

namespace {

std::string parse(const std::vector<uint8_t> &bytes, tern_artifact *out) {
  tern_error error = {};
  int result =
      tern_artifact_parse(out, bytes.data(), bytes.size(), "it", &error);
  EXPECT_EQ(result == 0, error.text[0] == 0);
  return error.text;
}

TEST(Artifact, Sections) {
  tern_generation generation = defaultGeneration();
  generation.eos_count = 2;
  generation.eos_ids[1] = 77;
  std::vector<uint8_t> bytes =
      makeArtifact({1, 2, 3, 4}, generation, "{{ chat }}", "{}");
  tern_artifact artifact;
  ASSERT_EQ(parse(bytes, &artifact), "");
  EXPECT_EQ(artifact.weights_bytes, FAKE_WEIGHTS);
  EXPECT_EQ(artifact.weights_id, tern_model_fake.weights_id);
  EXPECT_EQ(std::memcmp(artifact.tokenizer, "\1\2\3\4", 4), 0);
  EXPECT_EQ(artifact.tokenizer_bytes, 4u);
  EXPECT_EQ(artifact.generation.eos_ids[1], 77);
  EXPECT_EQ(std::string(artifact.chat_template,
                        artifact.generation.chat_template_bytes),
            "{{ chat }}");
  EXPECT_EQ(std::string(artifact.chat_variables,
                        artifact.generation.chat_variables_bytes),
            "{}");
}

TEST(Artifact, EmptySectionsHaveDefaults) {
  std::vector<uint8_t> bytes = makeArtifact({}, defaultGeneration());
  header(bytes)->generation = {};
  tern_artifact artifact;
  ASSERT_EQ(parse(bytes, &artifact), "");
  EXPECT_EQ(artifact.tokenizer, nullptr);
  EXPECT_EQ(artifact.chat_template, nullptr);
  EXPECT_EQ(artifact.generation.bos_id, -1);
  EXPECT_EQ(artifact.generation.eos_count, 0u);
}

/// Each field of the header, and of what it leads to.
TEST(Artifact, DamagedFields) {
  const std::vector<uint8_t> good =
      makeArtifact({1, 2, 3, 4}, defaultGeneration(), "chat");
  struct Case {
    std::function<void(tern_artifact_header &, tern_generation &)> damage;
    const char *sentence;
  };
  const Case cases[] = {
      {[](auto &h, auto &) { h.magic[7] = '2'; }, "not an artifact"},
      {[](auto &h, auto &) { h.version = 2; }, "artifact version 2"},
      {[](auto &h, auto &) { h.header_bytes -= 8; }, "artifact version"},
      {[](auto &h, auto &) { h.total_bytes += 1; }, "cut off"},
      {[](auto &h, auto &) { h.total_bytes = 0; }, "cut off"},
      {[](auto &h, auto &) { h.weights.offset = UINT64_MAX; },
       "weights section"},
      {[](auto &h, auto &) { h.weights.bytes = UINT64_MAX; },
       "weights section"},
      {[](auto &h, auto &) { h.weights.offset = 0; }, "weights section"},
      {[](auto &h, auto &) {
         h.weights.offset += 64;
         h.weights.bytes -= 64;
       },
       "not aligned"},
      {[](auto &h, auto &) { h.tokenizer.offset = h.total_bytes; },
       "tokenizer section"},
      {[](auto &h, auto &) { h.tokenizer.bytes = h.total_bytes; },
       "tokenizer section"},
      {[](auto &h, auto &) { h.tokenizer.offset = h.weights.offset + 255; },
       "overlap"},
      {[](auto &h, auto &) { h.generation.offset = h.tokenizer.offset; },
       "overlap"},
      {[](auto &h, auto &) { h.generation.bytes = 1u << 30; },
       "generation section"},
      {[](auto &h, auto &) { h.generation.bytes = 20; }, "cut off"},
      {[](auto &, auto &g) { g.size = 8; }, "damaged"},
      {[](auto &, auto &g) { g.size = 1000; }, "damaged"},
      {[](auto &, auto &g) { g.eos_count = TERN_MAX_EOS + 1; }, "damaged"},
      {[](auto &, auto &g) { g.chat_template_bytes += 1; }, "damaged"},
      {[](auto &, auto &g) { g.chat_variables_bytes = UINT32_MAX; }, "damaged"},
      {[](auto &, auto &g) { g.stop_count = 1; }, "damaged"},
      {[](auto &, auto &g) { g.stop_bytes = 1; }, "damaged"},
      {[](auto &, auto &g) { g.stop_bytes = UINT32_MAX; }, "damaged"},
      {[](auto &, auto &g) { g.bad_words_count = 1; }, "damaged"},
      {[](auto &, auto &g) { g.forced_eos_count = UINT32_MAX; }, "damaged"},
      {[](auto &, auto &g) { g.suppress_count = 1u << 30; }, "damaged"},
      {[](auto &, auto &g) { g.begin_suppress_count = 1; }, "damaged"},
  };
  for (const Case &c : cases) {
    std::vector<uint8_t> bytes = good;
    tern_artifact_header h = *header(bytes);
    tern_generation g;
    std::memcpy(&g, &bytes[h.generation.offset], sizeof(g));
    uint64_t at = h.generation.offset;
    c.damage(h, g);
    std::memcpy(&bytes[at], &g, sizeof(g));
    std::memcpy(bytes.data(), &h, sizeof(h));
    tern_artifact artifact;
    std::string error = parse(bytes, &artifact);
    EXPECT_NE(error.find(c.sentence), std::string::npos)
        << c.sentence << ": " << error;
    EXPECT_EQ(error.find("it: "), 0u) << error;
  }
}

/// As many strings as said, none of them empty or too long.
TEST(Artifact, StopStrings) {
  auto errorOf = [](const std::string &strings, uint32_t count) {
    tern_generation g = defaultGeneration();
    g.stop_count = count;
    g.stop_bytes = uint32_t(strings.size());
    g.suppress_count = 1;
    tern_artifact artifact;
    std::string error = parse(
        makeArtifact({1}, g, "chat", "{}", strings + "\1\2\3\4"), &artifact);
    if (error.empty()) {
      EXPECT_EQ(std::string(artifact.stops, strings.size()), strings);
      EXPECT_EQ(std::memcmp(artifact.ids, "\1\2\3\4", 4), 0);
    }
    return error;
  };
  const std::string nul(1, '\0');
  EXPECT_EQ(errorOf("a" + nul + "bc" + nul, 2), "");
  EXPECT_EQ(errorOf("", 0), "");
  EXPECT_NE(errorOf("a" + nul + "bc" + nul, 1), "");
  EXPECT_NE(errorOf("a" + nul + "bc" + nul, 3), "");
  EXPECT_NE(errorOf("a" + nul + "bc", 1), "");
  EXPECT_NE(errorOf(nul, 1), "");
  EXPECT_NE(errorOf("a" + nul + nul, 2), "");
  EXPECT_EQ(errorOf(std::string(1024, 'a') + nul, 1), "");
  EXPECT_NE(errorOf(std::string(1025, 'a') + nul, 1), "");
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += "a" + nul;
  EXPECT_NE(errorOf(many, 65), "");
}

TEST(Artifact, CutOffAnywhere) {
  const std::vector<uint8_t> good =
      makeArtifact({1, 2, 3, 4}, defaultGeneration());
  for (size_t size = 0; size < good.size(); ++size) {
    std::vector<uint8_t> bytes(good.begin(), good.begin() + long(size));
    tern_artifact artifact;
    EXPECT_NE(parse(bytes, &artifact), "") << size;
  }
}

/// The numbers that docs/abi.md gives for what is in tern/artifact.h.
TEST(Artifact, TheDocumentedLayoutIsTrue) {
  std::vector<uint8_t> bytes = readBytes(TERN_TEST_DIR "/../docs/abi.md");
  std::string page(bytes.begin(), bytes.end());
  using Header = tern_artifact_header;
  auto expect = [&](size_t offset, const std::string &what) {
    std::string number = std::to_string(offset);
    std::string line =
        "\n" + std::string(3 - number.size(), ' ') + number + "  " + what;
    EXPECT_NE(page.find(line), std::string::npos) << line;
  };
  expect(offsetof(Header, magic), "\"" TERN_ARTIFACT_MAGIC "\"\n");
  expect(offsetof(Header, version),
         "u32 version (" + std::to_string(TERN_ARTIFACT_VERSION) +
             ")                  u32 header_bytes (" +
             std::to_string(sizeof(Header)) + ")\n");
  expect(offsetof(Header, weights_id), "u64 weights_id\n");
  expect(offsetof(Header, total_bytes), "u64 total_bytes\n");
  expect(offsetof(Header, weights), "u64 offset, bytes, checksum of weights");
  expect(offsetof(Header, tokenizer),
         "u64 offset, bytes, checksum of tokenizer");
  expect(offsetof(Header, generation),
         "u64 offset, bytes, checksum of generation");
  expect(offsetof(Header, program_checksum), "u64 checksum of the program ");
  expect(offsetof(Header, file_bytes), "u64 bytes of the whole file\n");
  expect(offsetof(Header, file_checksum),
         "u64 checksum of the whole file less");
  expect(offsetof(Header, header_checksum),
         "u64 checksum of the " +
             std::to_string(offsetof(Header, header_checksum)) +
             " bytes before\n");
  expect(sizeof(Header), "sections, zeros between them\n");
  EXPECT_EQ(sizeof(tern_section), 24u);
  char type[32];
  std::snprintf(type, sizeof(type), "0x%X", TERN_SEGMENT_TYPE);
  EXPECT_NE(page.find(type), std::string::npos) << type;
}

TEST(Artifact, OfAnotherModel) {
  std::vector<uint8_t> bytes = makeArtifact({}, defaultGeneration());
  alignas(128) static uint8_t copy[1 << 16];
  ASSERT_LE(bytes.size(), sizeof(copy));
  std::memcpy(copy, bytes.data(), bytes.size());
  tern_artifact artifact;
  tern_error error = {};
  ASSERT_EQ(tern_artifact_parse(&artifact, copy, bytes.size(), "x", &error), 0);
  EXPECT_EQ(tern_artifact_check(&artifact, &tern_model_fake, "x", &error), 0);
  ++artifact.weights_id;
  EXPECT_EQ(tern_artifact_check(&artifact, &tern_model_fake, "x", &error), -1);
  EXPECT_NE(std::string(error.text).find("x: holds weights of another model"),
            std::string::npos);
  --artifact.weights_id;
  --artifact.weights_bytes;
  EXPECT_EQ(tern_artifact_check(&artifact, &tern_model_fake, "x", &error), -1);
}

/// Programs of 64 bits and of 32.
template <typename Elf, typename Segment> void openFilesAndSegments() {
  const std::vector<uint8_t> artifactBytes =
      makeArtifact({9, 9}, defaultGeneration());
  std::string path = temporaryPath("artifact");
  auto open = [&](const std::vector<uint8_t> &file) {
    writeFile(path, file);
    tern_artifact artifact;
    tern_error error = {};
    if (tern_artifact_open(&artifact, path.c_str(), &error) == 0) {
      EXPECT_EQ(artifact.tokenizer_bytes, 2u);
      EXPECT_EQ(static_cast<const uint8_t *>(artifact.weights)[5],
                fake_weight(5));
      tern_artifact_close(&artifact);
    }
    return std::string(error.text);
  };
  EXPECT_EQ(open(artifactBytes), "");
  std::vector<uint8_t> behind =
      appended<Elf, Segment>(emptyProgram<Elf, Segment>(), artifactBytes);
  EXPECT_EQ(open(behind), "");
  EXPECT_NE(open({}), "");
  EXPECT_NE(open({1, 2, 3}), "");
  for (size_t size = 0; size < behind.size(); size += size < 200 ? 1 : 499) {
    std::vector<uint8_t> file(behind.begin(), behind.begin() + long(size));
    EXPECT_NE(open(file), "") << size;
  }
  // The fields by which the artifact is found, each with one bit flipped.
  size_t segment = segmentOf<Elf, Segment>(behind, TERN_SEGMENT_TYPE);
  for (auto [at, bytes] :
       {std::pair<size_t, size_t>{0, 6},
        {offsetof(Elf, e_phoff), sizeof(Elf::e_phoff)},
        {offsetof(Elf, e_phentsize), sizeof(Elf::e_phentsize)},
        {segment + offsetof(Segment, p_type), sizeof(Segment::p_type)},
        {segment + offsetof(Segment, p_offset), sizeof(Segment::p_offset)}})
    for (size_t bit = 0; bit < 8 * bytes; ++bit) {
      std::vector<uint8_t> file = behind;
      file[at + bit / 8] ^= uint8_t(1 << bit % 8);
      EXPECT_NE(open(file), "") << at << " bit " << bit;
    }
  for (uint64_t size : {uint64_t(0), uint64_t(artifactBytes.size() - 1),
                        uint64_t(artifactBytes.size() + 1), UINT64_MAX}) {
    std::vector<uint8_t> file = behind;
    std::memcpy(&file[segment + offsetof(Segment, p_filesz)], &size,
                sizeof(Segment::p_filesz));
    EXPECT_NE(open(file), "") << size;
  }
  std::remove(path.c_str());
  tern_artifact artifact;
  tern_error error = {};
  EXPECT_EQ(tern_artifact_open(&artifact, path.c_str(), &error), -1);
  EXPECT_EQ(std::string(error.text).find(path), 0u) << error.text;
  EXPECT_EQ(tern_artifact_open(&artifact, "/", &error), -1);
}

TEST(Artifact, FileAndSegment) {
  openFilesAndSegments<Elf64_Ehdr, Elf64_Phdr>();
  openFilesAndSegments<Elf32_Ehdr, Elf32_Phdr>();
}

} // namespace
