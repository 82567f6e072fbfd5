//===- engine_load.cpp - Many clients for a while -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `tern-engine-load MODEL SECONDS [CLIENTS [THREADS]]`: clients that ask again
// as soon as they have an answer, of mixed lengths. Every answer is compared
// with the one given alone. Says in a line each how long tokens took, how much
// was done next to static batches of the same requests, and how memory grew.
// Exit status 1: an answer differs or never came.
//
//===----------------------------------------------------------------------===//

#include "tern/engine.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<double> logprobs;

  bool operator==(const Answer &other) const {
    return tokens == other.tokens && logprobs == other.logprobs;
  }
};

constexpr size_t kinds = 192; // requests that differ

/// Texts with one of three system prompts before them, and some without.
tern::Request randomRequest(std::mt19937 &random,
                            const tern_engine_info &info) {
  auto below = [&](uint32_t n) { return uint32_t(random() % n); };
  uint32_t most = info.context / 2;
  tern::Request request;
  uint32_t family = below(4), common = family < 3 ? most / 2 : 0;
  for (uint32_t i = 0; i < common; ++i)
    request.tokens.push_back(int32_t((i * 31 + family) % info.vocab_size));
  for (uint32_t i = 1 + below(below(4) ? most / 8 : most / 2); i > 0; --i)
    request.tokens.push_back(int32_t(below(info.vocab_size)));
  request.fields.temperature = below(2) ? 0 : 1;
  request.fields.seed = below(1000);
  request.fields.max_tokens = 4 + below(most / 3);
  request.fields.flags = TERN_REQUEST_LOGPROBS | TERN_REQUEST_IGNORE_END;
  return request;
}

size_t residentBytes() {
  size_t pages = 0;
  if (FILE *in = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(in, "%*s %zu", &pages) != 1)
      pages = 0;
    std::fclose(in);
  }
  return pages * size_t(sysconf(_SC_PAGESIZE));
}

/// Durations to one in a hundred, in memory that does not grow.
class Durations {
public:
  void add(double seconds) {
    most = std::max(most, seconds);
    double at = 100 * std::log(std::max(seconds, 1e-6) / 1e-6);
    ++buckets[std::min(size_t(at), buckets.size() - 1)];
    ++count;
  }
  double quantile(double q) const {
    uint64_t left = uint64_t(q * double(count));
    for (size_t i = 0; i < buckets.size(); ++i) {
      if (left < buckets[i])
        return 1e-6 * std::exp(double(i) / 100);
      left -= buckets[i];
    }
    return most;
  }

  double most = 0;

private:
  std::array<uint64_t, 2400> buckets = {};
  uint64_t count = 0;
};

class Load {
public:
  Load(std::vector<tern::Request> requests, std::vector<Answer> alone)
      : requests(std::move(requests)), alone(std::move(alone)) {}

  /// Clients ask again until the time is over.
  bool run(tern::Engine &engine, size_t clients, double seconds) {
    start = Clock::now();
    until = seconds;
    active = clients;
    for (size_t i = 0; i < clients; ++i)
      ask(engine, i * 7);
    std::unique_lock<std::mutex> lock(mutex);
    bool isOver =
        over.wait_for(lock, std::chrono::duration<double>(2 * seconds + 60),
                      [&] { return active == 0; });
    took = secondsSince(start);
    if (!isOver)
      std::fprintf(stderr, "tern-engine-load: %zu streams are stuck\n", active);
    return isOver && wrong == 0;
  }

  /// So many at a time, the next ones when the last is done: of like lengths,
  /// so that none waits long.
  double tokensOfStaticBatches(tern::Engine &engine, size_t clients) {
    std::vector<size_t> order(requests.size());
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return alone[a].tokens.size() < alone[b].tokens.size();
    });
    size_t tokens = 0;
    Clock::time_point begin = Clock::now();
    for (size_t i = 0; i < order.size(); i += clients) {
      for (size_t k = i; k < std::min(order.size(), i + clients); ++k) {
        engine.submit(requests[order[k]], nullptr);
        tokens += alone[order[k]].tokens.size();
      }
      engine.run();
    }
    return double(tokens) / secondsSince(begin);
  }

  void report(double staticRate) {
    double half = gaps.quantile(0.5), high = gaps.quantile(0.99);
    double rate = double(tokens) / took;
    std::printf("answers %zu wrong %zu\n", answers, wrong);
    std::printf("milliseconds between tokens: p50 %.2f p99 %.2f most %.2f, "
                "p99/p50 %.2f\n",
                half * 1e3, high * 1e3, gaps.most * 1e3,
                half > 0 ? high / half : 0);
    std::printf("tokens a second %.0f, in static batches %.0f, ratio %.2f\n",
                rate, staticRate, staticRate > 0 ? rate / staticRate : 0);
    std::printf("memory %.1f MB, later %.1f MB, growth %.2f %%\n",
                double(before) * 1e-6, double(after) * 1e-6,
                before ? 100 * (double(after) / double(before) - 1) : 0);
  }

private:
  void ask(tern::Engine &engine, size_t kind) {
    kind %= kinds;
    auto answer = std::make_shared<Answer>();
    auto last = std::make_shared<Clock::time_point>();
    bool isSubmitted =
        bool(engine.submit(requests[kind], [this, &engine, kind, answer,
                                            last](const tern::Event &event) {
          if (event.isToken()) {
            Clock::time_point now = Clock::now();
            if (!answer->tokens.empty())
              gaps.add(std::chrono::duration<double>(now - *last).count());
            *last = now;
            answer->tokens.push_back(event.fields.token);
            answer->logprobs.push_back(event.fields.logprob);
            ++tokens;
          }
          if (event.isEnd())
            finish(engine, kind, *answer);
          return true;
        }));
    if (!isSubmitted) {
      std::fprintf(stderr, "tern-engine-load: %s\n", tern::error());
      ++wrong;
      leave();
    }
  }

  /// In the stepping thread, as all events are.
  void finish(tern::Engine &engine, size_t kind, const Answer &answer) {
    ++answers;
    wrong += !(answer == alone[kind]);
    double now = secondsSince(start);
    if (!before && now > until / 4)
      before = residentBytes();
    if (now < until) {
      ask(engine, kind * 5 + 11 + answers % 3);
      return;
    }
    after = residentBytes();
    leave();
  }
  void leave() {
    std::lock_guard<std::mutex> lock(mutex);
    if (--active == 0)
      over.notify_all();
  }

  std::vector<tern::Request> requests;
  std::vector<Answer> alone;
  std::mutex mutex;
  std::condition_variable over;
  Clock::time_point start;
  double until = 0, took = 0;
  size_t active = 0, answers = 0, wrong = 0, tokens = 0;
  size_t before = 0, after = 0;
  Durations gaps;
};

/// Each by an engine that remembers nothing.
bool answerAlone(const char *model, tern_engine_options options,
                 const std::vector<tern::Request> &requests,
                 std::vector<Answer> &answers) {
  options.max_sequences = 1;
  options.kept_bytes = 0;
  tern::Engine single = tern::Engine::open(model, &options);
  for (const tern::Request &request : requests) {
    Answer &answer = answers.emplace_back();
    if (!single ||
        !single.submit(request,
                       [&](const tern::Event &event) {
                         if (event.isToken()) {
                           answer.tokens.push_back(event.fields.token);
                           answer.logprobs.push_back(event.fields.logprob);
                         }
                         return true;
                       }) ||
        !single.run())
      return false;
  }
  return true;
}

int fail(const char *cause) {
  std::fprintf(stderr, "tern-engine-load: %s\n", cause);
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 3 || argc > 5)
    return fail("expected MODEL SECONDS [CLIENTS [THREADS]]");
  double seconds = std::atof(argv[2]);
  size_t clients = argc > 3 ? size_t(std::atoi(argv[3])) : 64;
  tern_engine_options options;
  tern_engine_options_init(&options);
  options.threads = argc > 4 ? uint32_t(std::atoi(argv[4])) : 0;
  options.max_sequences = uint32_t(clients);
  tern::Engine engine = tern::Engine::open(argv[1], &options);
  if (!engine)
    return fail(tern::error());
  tern_engine_info info = {};
  info.size = sizeof(info);
  tern_engine_describe(engine.get(), &info);
  std::mt19937 random(1);
  std::vector<tern::Request> requests;
  for (size_t i = 0; i < kinds; ++i)
    requests.push_back(randomRequest(random, info));
  std::vector<Answer> alone;
  if (!answerAlone(argv[1], options, requests, alone))
    return fail(tern::error());

  Load load(requests, alone);
  double staticRate = load.tokensOfStaticBatches(engine, clients);
  if (!engine.start())
    return fail(tern::error());
  bool isRight = load.run(engine, clients, seconds);
  if (!engine.stop())
    return fail(tern::error());
  load.report(staticRate);
  return isRight ? 0 : fail("an answer is not the one given alone");
}
