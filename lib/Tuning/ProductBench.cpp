//===- ProductBench.cpp - Products compared and timed ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/ProductBench.h"

#include "ProductCall.h"

#include "tern/Packing/Packer.h"
#include "tern/Tuning/WeightCopies.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

using namespace tern;
using llvm::Error;
using llvm::Expected;

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

using Clock = std::chrono::steady_clock;

static double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

static uint64_t keyOf(const Strategy &strategy) {
  return strategy.layout ? strategy.layout->fingerprint() : 0;
}

ProductBench::ProductBench(const ProductShape &shape,
                           const Candidate &reference)
    : shape(shape), operands(std::make_unique<ProductOperands>(shape)) {
  ProductCall call(shape, reference.strategy, *operands);
  call.run(reference.library->get(reference.index),
           pack(reference.strategy).data());
  expected = call.getResults(shape);
}

ProductBench::~ProductBench() = default;

llvm::ArrayRef<uint8_t> ProductBench::pack(const Strategy &strategy) {
  std::vector<uint8_t> &bytes = packed[keyOf(strategy)];
  if (!bytes.empty())
    return bytes;
  const std::vector<int8_t> &weight = operands->weight;
  if (!strategy.layout) {
    bytes.resize(weight.size());
    std::memcpy(bytes.data(), weight.data(), bytes.size());
    return bytes;
  }
  bytes.resize(strategy.layout->storageBytes(shape.rows, shape.columns));
  packDigits(*strategy.layout, weight.data(), shape.rows, shape.columns,
             bytes.data());
  if (strategy.layout->hasScales())
    packScales(*strategy.layout, operands->scales.data(), shape.rows,
               shape.columns, bytes.data());
  return bytes;
}

ProductTime ProductBench::compare(const Candidate &candidate) {
  llvm::ArrayRef<uint8_t> bytes = pack(candidate.strategy);
  ProductTime time;
  time.bytes = shape.share * double(bytes.size());
  time.products = shape.share * double(shape.rows) * double(shape.columns) *
                  double(shape.tokens);
  ProductCall call(shape, candidate.strategy, *operands);
  call.run(candidate.library->get(candidate.index), bytes.data());
  time.isExact = call.getResults(shape) == expected;
  if (!time.isExact)
    return time;
  time.seconds = 1e9;
  for (int i = 0; i < 3; ++i) {
    Clock::time_point start = Clock::now();
    call.run(candidate.library->get(candidate.index), bytes.data());
    time.seconds = std::min(time.seconds, since(start));
  }
  return time;
}

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

void tern::summarize(std::vector<double> times, ProductTime &result) {
  llvm::sort(times);
  result.seconds = times[times.size() / 4];
  result.spread = (times[times.size() / 2] - times[0]) / (2 * result.seconds);
}

namespace {

/// `work` by threads 0 to `count` - 1 that all begin when all are there.
void runTogether(unsigned count, llvm::function_ref<void(unsigned)> work) {
  std::atomic<unsigned> ready = 0;
  auto run = [&](unsigned number) {
    ++ready;
    while (ready != count)
      std::this_thread::yield();
    work(number);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < count; ++i)
    threads.emplace_back(run, i);
  run(0);
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace

/// One thread: operands of all candidates, and copies of their weights, which
/// those with the same layout share.
class ProductBench::Thread {
public:
  Thread(ProductBench &bench, llvm::ArrayRef<Candidate> candidates,
         unsigned number, const std::map<uint64_t, uint64_t> &bytes) {
    for (const Candidate &candidate : candidates) {
      uint64_t key = keyOf(candidate.strategy);
      std::unique_ptr<WeightCopies> &own = copies[key];
      if (!own)
        own = std::make_unique<WeightCopies>(bench.pack(candidate.strategy),
                                             bytes.at(key));
      ways.push_back(
          {std::make_unique<ProductCall>(bench.shape, candidate.strategy,
                                         *bench.operands),
           candidate.library->get(candidate.index, number), own.get()});
    }
  }

  bool hasMemory() const {
    return llvm::all_of(
        copies, [](const auto &entry) { return entry.second->hasMemory(); });
  }
  void fill() {
    for (auto &[key, own] : copies)
      own->fill();
  }
  /// Weights per second of candidate `i`.
  double run(unsigned i, double seconds) {
    Way &way = ways[i];
    Clock::time_point start = Clock::now();
    double count = 0, passed = 0;
    do {
      way.call->run(way.function, way.copies->next());
      ++count;
    } while ((passed = since(start)) < seconds);
    return count / passed;
  }

private:
  struct Way {
    std::unique_ptr<ProductCall> call;
    ProductLibrary::Function function;
    WeightCopies *copies;
  };
  std::vector<Way> ways;
  std::map<uint64_t, std::unique_ptr<WeightCopies>> copies;
};

/// Rounds that are worth it for a candidate whose passes take long.
static unsigned countRounds(const TrialOptions &options, double longest) {
  double all = options.rounds * options.seconds;
  double affordable = 2 * all / std::max(longest, options.seconds);
  return std::clamp(unsigned(affordable), std::min(options.rounds, 5u),
                    options.rounds);
}

Expected<std::vector<ProductTime>>
ProductBench::measure(llvm::ArrayRef<Candidate> candidates,
                      const TrialOptions &options) {
  std::vector<ProductTime> times;
  std::vector<Candidate> exact;
  std::vector<unsigned> timed; // numbers of those
  for (auto [i, candidate] : llvm::enumerate(candidates)) {
    times.push_back(compare(candidate));
    if (!times.back().isExact)
      continue;
    exact.push_back(candidate);
    timed.push_back(i);
  }
  // Copies that are never read would only have to be filled.
  std::map<uint64_t, uint64_t> bytes;
  for (unsigned i : timed) {
    const Strategy &strategy = candidates[i].strategy;
    double calls =
        options.rounds * (1 + 1.5 * options.seconds / times[i].seconds);
    bytes[keyOf(strategy)] +=
        uint64_t(calls * (double(pack(strategy).size()) + 4096));
  }
  for (auto &[key, most] : bytes)
    most = std::min(most, options.weightBytes / options.threads);
  std::vector<std::unique_ptr<Thread>> threads;
  for (unsigned i = 0; i < options.threads; ++i) {
    threads.push_back(std::make_unique<Thread>(*this, exact, i, bytes));
    if (!threads.back()->hasMemory())
      return llvm::createStringError(
          "there is no memory for weights to be measured with");
  }
  runTogether(options.threads, [&](unsigned t) { threads[t]->fill(); });
  std::vector<std::vector<double>> samples(exact.size());
  std::vector<double> rates(options.threads);
  std::vector<unsigned> rounds(exact.size(), options.rounds);
  for (unsigned round = 0; round < options.rounds; ++round)
    for (unsigned k = 0; k < exact.size(); ++k) {
      // Who follows whom changes, since caches are as the one before left them.
      unsigned i = (k + round) % exact.size();
      if (round >= rounds[i])
        continue;
      Clock::time_point start = Clock::now();
      runTogether(options.threads, [&](unsigned t) {
        rates[t] = threads[t]->run(i, options.seconds);
      });
      if (round == 0)
        rounds[i] = countRounds(options, since(start));
      double together = 0;
      for (double rate : rates)
        together += rate;
      samples[i].push_back(1 / together);
    }
  for (auto [i, own] : llvm::zip_equal(timed, samples))
    summarize(std::move(own), times[i]);
  return times;
}
