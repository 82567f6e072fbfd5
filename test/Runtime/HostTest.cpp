//===- HostTest.cpp - Artifacts, threads, CPU features --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestArtifact.h"
#include "fake_model.h"

#include "gtest/gtest.h"

#include <atomic>
#include <functional>
#include <thread>

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
      {[](auto &h, auto &) { h.version = 1; }, "artifact version 1"},
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

TEST(Artifact, FileAndTail) {
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
      appended(std::vector<uint8_t>(1000, 7), artifactBytes);
  EXPECT_EQ(open(behind), "");
  EXPECT_NE(open({}), "");
  EXPECT_NE(open({1, 2, 3}), "");
  for (size_t cut : {1u, 31u, 32u, 33u, 300u}) {
    std::vector<uint8_t> file(behind.begin(), behind.end() - long(cut));
    EXPECT_NE(open(file), "") << cut;
  }
  // Each field of the footer.
  for (size_t at = behind.size() - sizeof(tern_artifact_footer);
       at < behind.size(); ++at) {
    std::vector<uint8_t> file = behind;
    file[at] ^= 0x41;
    EXPECT_NE(open(file), "") << at;
  }
  std::remove(path.c_str());
  tern_artifact artifact;
  tern_error error = {};
  EXPECT_EQ(tern_artifact_open(&artifact, path.c_str(), &error), -1);
  EXPECT_EQ(std::string(error.text).find(path), 0u) << error.text;
  EXPECT_EQ(tern_artifact_open(&artifact, "/", &error), -1);
}

TEST(Cpu, Pick) {
  tern_model plain = tern_model_fake, fast = tern_model_fake,
             faster = tern_model_fake;
  fast.cpu_features = 1u << 6;              // avx2
  faster.cpu_features = 1u << 6 | 1u << 18; // and avx512vnni
  const tern_model *all[] = {&plain, &fast, &faster};
  tern_error error = {};
  EXPECT_EQ(tern_cpu_pick(all, 3, ~0ull, &error), &faster);
  EXPECT_EQ(tern_cpu_pick(all, 3, 1u << 6, &error), &fast);
  EXPECT_EQ(tern_cpu_pick(all, 3, 1u << 18, &error), &plain);
  EXPECT_STREQ(error.text, "");
  EXPECT_EQ(tern_cpu_pick(all + 2, 1, 1u << 6, &error), nullptr);
  EXPECT_EQ(std::string(error.text)
                .find("this program needs avx512vnni, which this CPU does not "
                      "have; compile with --cpu="),
            0u)
      << error.text;
  EXPECT_EQ(tern_cpu_pick(all + 1, 2, 0, &error), nullptr);
  EXPECT_NE(std::string(error.text).find("needs avx2, which"),
            std::string::npos)
      << error.text;
  plain.cpu_features = 1ull << 60; // of a later compiler
  EXPECT_EQ(tern_cpu_pick(all, 1, 0x3FFFFF, &error), nullptr);
  EXPECT_EQ(tern_cpu_pick(all, 0, 0, &error), nullptr);
}

#if defined(__x86_64__)
TEST(Cpu, AgreesWithTheCompiler) {
  // A second opinion on those features that the compiler's library can detect.
  uint64_t have = tern_cpu_features();
  __builtin_cpu_init();
  auto expect = [&](unsigned bit, bool wanted) {
    EXPECT_EQ((have >> bit & 1) != 0, wanted) << bit;
  };
  expect(0, __builtin_cpu_supports("sse3"));
  expect(1, __builtin_cpu_supports("ssse3"));
  expect(2, __builtin_cpu_supports("sse4.1"));
  expect(3, __builtin_cpu_supports("sse4.2"));
  expect(4, __builtin_cpu_supports("popcnt"));
  expect(5, __builtin_cpu_supports("avx"));
  expect(6, __builtin_cpu_supports("avx2"));
  expect(7, __builtin_cpu_supports("fma"));
  expect(8, __builtin_cpu_supports("bmi"));
  expect(9, __builtin_cpu_supports("bmi2"));
  expect(13, __builtin_cpu_supports("avx512f"));
  expect(14, __builtin_cpu_supports("avx512bw"));
  expect(15, __builtin_cpu_supports("avx512cd"));
  expect(16, __builtin_cpu_supports("avx512dq"));
  expect(17, __builtin_cpu_supports("avx512vl"));
  expect(18, __builtin_cpu_supports("avx512vnni"));
  expect(19, __builtin_cpu_supports("avx512vbmi"));
  // Every CPU with avx2 that was ever sold has these.
  if (have >> 6 & 1)
    for (unsigned bit : {10u, 11u, 12u})
      expect(bit, true);
}
#endif

struct Counts {
  std::vector<std::atomic<int>> runs;
  std::vector<std::thread::id> threads;
  tern_pool *pool;
  explicit Counts(size_t n) : runs(n), threads(n) {}
};

void countTask(void *argument, uint32_t i) {
  auto *counts = static_cast<Counts *>(argument);
  ++counts->runs[i];
  counts->threads[i] = std::this_thread::get_id();
}

TEST(Pool, EveryTaskOnceOnItsWorker) {
  for (unsigned threads : {1u, 2u, 3u, 7u, TERN_MAX_WORKERS}) {
    tern_pool *pool = tern_pool_create(threads);
    ASSERT_NE(pool, nullptr);
    EXPECT_EQ(tern_pool_threads(pool), threads);
    for (uint32_t round = 0; round < 300; ++round) {
      uint32_t count = round % 97;
      Counts counts(count);
      tern_pool_run(pool, countTask, &counts, count);
      for (uint32_t i = 0; i < count; ++i) {
        ASSERT_EQ(counts.runs[i], 1);
        if (count > 1) {
          ASSERT_EQ(counts.threads[i] == std::this_thread::get_id(),
                    i % threads == 0);
        }
        if (i >= threads) {
          ASSERT_EQ(counts.threads[i], counts.threads[i - threads]);
        }
      }
      if (round % 100 == 50) // long enough for workers to fall asleep
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    tern_pool_destroy(pool);
  }
}

void sumTask(void *argument, uint32_t i) {
  static_cast<uint64_t *>(argument)[i] += i;
}

/// Plain memory written in one call is seen in the next, a million times over.
TEST(Pool, Stress) {
  tern_pool *pool = tern_pool_create(5); // more than there are CPUs, maybe
  uint64_t sums[11] = {};
  const int rounds = 20000;
  for (int i = 0; i < rounds; ++i)
    tern_pool_run(pool, sumTask, sums, 11);
  for (uint32_t i = 0; i < 11; ++i)
    EXPECT_EQ(sums[i], uint64_t(i) * rounds);
  tern_pool_destroy(pool);
}

void nestedTask(void *argument, uint32_t i) {
  auto *counts = static_cast<Counts *>(argument);
  Counts inner(5);
  tern_pool_run(counts->pool, countTask, &inner, 5);
  for (auto &runs : inner.runs)
    EXPECT_EQ(runs, 1);
  ++counts->runs[i];
}

TEST(Pool, NestedAndConcurrentCalls) {
  tern_pool *pool = tern_pool_create(3);
  auto work = [&] {
    for (int round = 0; round < 200; ++round) {
      Counts counts(9);
      counts.pool = pool;
      tern_pool_run(pool, nestedTask, &counts, 9);
      for (auto &runs : counts.runs)
        EXPECT_EQ(runs, 1);
    }
  };
  std::thread other(work);
  work();
  other.join();
  tern_pool_destroy(pool);
}

TEST(Pool, DefaultsAndBounds) {
  EXPECT_GE(tern_cpu_count(), 1u);
  tern_pool *pool = tern_pool_create(0);
  EXPECT_EQ(tern_pool_threads(pool),
            std::min(tern_cpu_count(), TERN_MAX_WORKERS));
  tern_pool_destroy(pool);
  pool = tern_pool_create(1000);
  EXPECT_EQ(tern_pool_threads(pool), TERN_MAX_WORKERS);
  tern_pool_destroy(pool);
  tern_pool_destroy(nullptr);
}

} // namespace
