//===- PlaceTest.cpp - Weights into huge pages ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestArtifact.h"

#include <memory>

using namespace tern_test;

namespace {

constexpr uint64_t mega = uint64_t(1) << 20;

uint8_t byteAt(uint64_t i) { return uint8_t(i * 31 + (i >> 12)); }

/// An artifact with weights of so many bytes, in a file that was written in
/// small pieces, so that it lies in small pages, and opened.
class Place : public testing::Test {
protected:
  /// Pieces of the file are written at a time: up to `large` large ones, for
  /// large pages where a file system has those.
  void write(uint64_t bytes, uint64_t large = 0) {
    path = testing::TempDir() + "tern-place-" + std::to_string(getpid());
    std::vector<uint8_t> file = makeArtifact({}, defaultGeneration());
    tern_artifact_header h;
    std::memcpy(&h, file.data(), sizeof(h));
    h.tokenizer = h.generation = {};
    h.weights.bytes = bytes;
    h.total_bytes = h.weights.offset + bytes;
    file.resize(h.total_bytes);
    std::memcpy(file.data(), &h, sizeof(h));
    wanted.resize(bytes);
    for (uint64_t i = 0; i < bytes; ++i)
      wanted[i] = byteAt(i);
    std::memcpy(&file[h.weights.offset], wanted.data(), bytes);
    std::ofstream out(path, std::ios::binary);
    out.rdbuf()->pubsetbuf(nullptr, 0);
    for (size_t at = 0, now; at < file.size(); at += now) {
      now = std::min<size_t>(at < large ? 16 * mega : 4096, file.size() - at);
      out.write(reinterpret_cast<char *>(&file[at]), std::streamsize(now));
    }
  }

  void open() {
    tern_error error = {};
    ASSERT_EQ(tern_artifact_open(&artifact, path.c_str(), &error), 0)
        << error.text;
    model.weights = nullptr;
  }

  void open(uint64_t bytes) {
    write(bytes);
    open();
  }

  /// Returns the sentence of a failure.
  std::string place(tern_placing placing, unsigned threads = 2) {
    placement.placing = placing;
    tern_error error = {};
    tern_pool *pool = tern_pool_create(threads);
    int result =
        tern_artifact_place(&artifact, &model, pool, &placement, &error);
    tern_pool_destroy(pool);
    EXPECT_EQ(result == 0, error.text[0] == 0);
    return error.text;
  }

  void expectSame() {
    EXPECT_EQ(std::memcmp(artifact.weights, wanted.data(), wanted.size()), 0);
  }

  void TearDown() override {
    if (artifact.mapping)
      tern_artifact_close(&artifact);
    std::remove(path.c_str());
  }

  std::string path;
  std::vector<uint8_t> wanted; ///< weights
  tern_artifact artifact = {};
  tern_model model = tern_model_fake;
  tern_placement placement = {};
  uint64_t huge = tern_huge_page_bytes("");
};

TEST_F(Place, MapChangesNothing) {
  open(20 * mega);
  const void *before = artifact.weights;
  EXPECT_EQ(place(TERN_PLACE_MAP), "");
  EXPECT_EQ(placement.copied_bytes, 0u);
  EXPECT_EQ(artifact.weights, before);
  EXPECT_STREQ(placement.reason, "that was asked for");
  expectSame();
}

TEST_F(Place, FewWeightsStay) {
  open(15 * mega);
  EXPECT_EQ(place(TERN_PLACE_AUTO), "");
  EXPECT_EQ(placement.copied_bytes, 0u);
  EXPECT_NE(std::string(placement.reason), "");
  expectSame();
}

TEST_F(Place, NoHugePageIsFilled) {
  open(mega);
  std::string error = place(TERN_PLACE_HUGE);
  EXPECT_EQ(error.find("weights cannot be put into huge pages: "), 0u) << error;
}

/// The same bytes at the same address, whoever copies them, and not twice.
TEST_F(Place, CopiesInPlace) {
  if (!huge)
    GTEST_SKIP() << "the kernel gives no huge pages";
  write(33 * mega + 12345);
  for (tern_placing placing : {TERN_PLACE_AUTO, TERN_PLACE_HUGE})
    for (unsigned threads : {1u, 2u, 5u}) {
      open();
      const void *before = artifact.weights;
      EXPECT_EQ(place(placing, threads), "");
      EXPECT_EQ(artifact.weights, before);
      expectSame();
      tern_pages pages;
      ASSERT_EQ(tern_memory_pages(before, artifact.weights_bytes, &pages), 0);
      EXPECT_LT(pages.resident_bytes, 33 * mega + 3 * huge);
      if (placement.copied_bytes) { // else the file's pages were huge
        EXPECT_GE(placement.copied_bytes, 33 * mega - 2 * huge);
        EXPECT_EQ(placement.copied_bytes % huge, 0u);
      }
      // Again there is nothing to be done.
      if (pages.huge_bytes >= placement.copied_bytes) {
        EXPECT_EQ(place(placing, threads), "");
        EXPECT_EQ(placement.copied_bytes, 0u);
      }
      tern_artifact_close(&artifact);
      artifact = {};
    }
}

/// A file that lies in large pages is read where all programs read it.
TEST_F(Place, LargePagesOfAFileAreShared) {
  write(40 * mega, 48 * mega);
  open();
  EXPECT_EQ(place(TERN_PLACE_AUTO), "");
  expectSame();
  tern_pages pages;
  ASSERT_EQ(tern_memory_pages(artifact.weights, artifact.weights_bytes, &pages),
            0);
  if (placement.copied_bytes || !huge)
    GTEST_SKIP() << "the file system has no large pages: " << placement.reason;
  EXPECT_GE(pages.huge_bytes, 32 * mega);
}

/// And where only some of it does, the rest is copied.
TEST_F(Place, SmallPagesAloneAreCopied) {
  write(64 * mega, 32 * mega);
  open();
  EXPECT_EQ(place(TERN_PLACE_AUTO), "");
  expectSame();
  if (placement.copied_bytes > 60 * mega || !huge)
    GTEST_SKIP() << "it is not known which pages are large";
  EXPECT_LE(placement.copied_bytes, 34 * mega);
  EXPECT_GE(placement.copied_bytes, 28 * mega);
  tern_pages pages;
  ASSERT_EQ(tern_memory_pages(artifact.weights, artifact.weights_bytes, &pages),
            0);
  EXPECT_GE(pages.huge_bytes, 60 * mega);
}

/// Nobody writes weights.
TEST_F(Place, ACopyIsReadOnly) {
  open(20 * mega);
  place(TERN_PLACE_AUTO);
  if (!placement.copied_bytes)
    GTEST_SKIP() << placement.reason;
  auto *weights =
      static_cast<volatile uint8_t *>(const_cast<void *>(artifact.weights));
  EXPECT_DEATH(weights[10 * mega] = 1, "");
}

/// Rows of a table are looked up where they are mapped.
TEST_F(Place, TablesStay) {
  tern_weight weights[] = {
      {0, 0, 20 * mega, 4096, 0, 1, TERN_EMBED},
      {20 * mega, 7 * mega, 6 * mega, 6 * mega, 1, 4, TERN_LAYER},
      {},
      {}};
  open(48 * mega);
  model.weights = weights;
  EXPECT_EQ(place(TERN_PLACE_AUTO), "");
  expectSame();
  if (!placement.copied_bytes)
    GTEST_SKIP() << placement.reason;
  EXPECT_LE(placement.copied_bytes, 28 * mega + huge);
  EXPECT_GE(placement.copied_bytes, 28 * mega - 2 * huge);
}

/// The rest is read from where it is.
TEST_F(Place, EndsInTime) {
  open(40 * mega);
  placement.most_nanoseconds = 1;
  EXPECT_EQ(place(TERN_PLACE_AUTO), "");
  EXPECT_EQ(placement.copied_bytes, 0u);
  expectSame();
}

struct Seen {
  std::vector<uint64_t> done;
  uint64_t total = 0;
};

TEST_F(Place, SaysHowFarItIs) {
  Seen seen;
  open(70 * mega);
  placement.data = &seen;
  placement.progress = [](void *data, uint64_t done, uint64_t total) {
    static_cast<Seen *>(data)->done.push_back(done);
    static_cast<Seen *>(data)->total = total;
  };
  EXPECT_EQ(place(TERN_PLACE_AUTO, 2), "");
  expectSame();
  if (!huge)
    GTEST_SKIP() << placement.reason;
  ASSERT_FALSE(seen.done.empty());
  EXPECT_TRUE(std::is_sorted(seen.done.begin(), seen.done.end()));
  EXPECT_GT(seen.done.size(), 1u);
  EXPECT_EQ(seen.done.back(), seen.total);
  EXPECT_GE(seen.total, 68 * mega);
}

/// The mapping lies in huge pages as the file does.
TEST_F(Place, MappingIsCongruent) {
  open(20 * mega);
  if (huge) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(artifact.mapping) % huge, 0u);
  }
}

/// All of it goes when the artifact is closed, copied or not.
TEST_F(Place, NothingIsLeft) {
  auto pagesOfAddresses = [] {
    uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages;
  };
  write(20 * mega);
  uint64_t before = 0;
  for (int round = 0; round < 12; ++round) {
    open();
    placement.most_nanoseconds = round == 7; // then nothing is moved
    if (round % 4 == 3)
      place(TERN_PLACE_AUTO);
    tern_artifact_close(&artifact);
    artifact = {};
    if (round == 3)
      before = pagesOfAddresses();
  }
  EXPECT_LT(pagesOfAddresses() - before, 4 * mega / 4096);
}

} // namespace
