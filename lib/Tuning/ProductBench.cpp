//===- ProductBench.cpp - Products compared and timed ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/ProductBench.h"

#include "tern/Packing/Packer.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <sys/mman.h>
#include <thread>

using namespace tern;
using llvm::Error;
using llvm::Expected;

namespace {

/// Bytes in large pages where the kernel has some, as weights have at best.
class Pages {
public:
  explicit Pages(size_t bytes) : bytes(bytes) {
    start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start != MAP_FAILED)
      madvise(start, bytes, MADV_HUGEPAGE);
  }
  ~Pages() {
    if (start != MAP_FAILED)
      munmap(start, bytes);
  }
  Pages(const Pages &) = delete;
  uint8_t *get() const {
    return start == MAP_FAILED ? nullptr : static_cast<uint8_t *>(start);
  }

private:
  size_t bytes;
  void *start;
};

/// A memref of up to three dimensions, as functions take it.
struct Descriptor {
  Descriptor(void *data, std::initializer_list<int64_t> shape)
      : allocated(data), aligned(data) {
    int64_t stride = 1;
    int64_t rank = shape.size(), i = rank;
    for (const int64_t *size = shape.end(); size != shape.begin();) {
      --size;
      --i;
      numbers[i] = *size;
      numbers[rank + i] = stride;
      stride *= *size;
    }
  }
  void point(void *data) { allocated = aligned = data; }

  void *allocated, *aligned;
  int64_t offset = 0;
  int64_t numbers[6] = {}; ///< sizes, then strides
};

} // namespace

/// The operands of products of one shape, as matrices.
struct ProductBench::Operands {
  explicit Operands(const ProductShape &shape);

  int64_t rows, columns, tokens;
  std::vector<int8_t> weight, codes;
  std::vector<float> scales;
  std::vector<int32_t> rowList, columnList; ///< ends with zeros
  int32_t rowCount = 0, columnCount = 0;
};

/// Those of one way to compute it, and the result.
class ProductBench::Call {
public:
  Call(const ProductShape &shape, const Strategy &strategy,
       const Operands &operands);

  /// With the weight at `bytes`.
  void run(ProductLibrary::Function function, const uint8_t *bytes) {
    weight.point(const_cast<uint8_t *>(bytes));
    function(&codes, &weight, &rowList, &rowCount, &columnList, &columnCount,
             &scales, &result);
  }
  /// Bits of the results without rows of padding; rows that nobody computes
  /// have kept theirs.
  std::vector<int32_t> getResults(const ProductShape &shape) const;

private:
  static int64_t getWidth(const ProductShape &shape, const Strategy &strategy);
  static Descriptor describeWeight(const ProductShape &shape,
                                   const Strategy &strategy);

  int64_t resultWidth;
  std::vector<int8_t> paddedCodes;
  std::vector<int32_t> resultBits;
  std::vector<int32_t> lists[2];
  std::vector<float> scaleValues;
  int32_t counts[2];
  Descriptor codes, weight, rowList, rowCount, columnList, columnCount, scales,
      result;
};

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Entries 0 to `candidates`, each with probability `share`, in order.
static int32_t fillList(std::vector<int32_t> &list, int64_t candidates,
                        double share, std::mt19937 &random) {
  int32_t count = 0;
  std::bernoulli_distribution isListed(share);
  for (int64_t i = 0; i < candidates; ++i)
    if (isListed(random))
      list[count++] = static_cast<int32_t>(i);
  return count;
}

ProductBench::Operands::Operands(const ProductShape &shape)
    : rows(shape.rows), columns(shape.columns), tokens(shape.tokens),
      weight(rows * columns), codes(tokens * columns), rowList(rows),
      columnList(llvm::alignTo(columns, 4)) {
  std::mt19937 random(rows + columns);
  int64_t lowest =
      shape.integerBits ? -(int64_t(1) << (shape.integerBits - 1)) : -1;
  int64_t values = shape.integerBits ? -2 * lowest : 3;
  for (int8_t &value : weight)
    value = static_cast<int8_t>(lowest + int64_t(random() % values));
  // The first one of several tokens has the largest sums there are.
  int64_t span = shape.codes.high - shape.codes.low + 1;
  for (int64_t i = 0; i < tokens * columns; ++i)
    codes[i] = static_cast<int8_t>(i < columns && tokens > 1
                                       ? shape.codes.low
                                       : shape.codes.low + random() % span);
  std::bernoulli_distribution isZero(1 - shape.density);
  if (shape.density < 1)
    for (int64_t i = columns; i < tokens * columns; ++i)
      if (isZero(random))
        codes[i] = 0;
  double share = shape.share;
  if (shape.listsRows)
    rowCount = fillList(rowList, rows, share, random);
  if (shape.listsColumns)
    columnCount = fillList(columnList, columns, share, random);
  int64_t groups = shape.groupSize ? columns / shape.groupSize : 1;
  scales.resize(rows * groups);
  for (float &scale : scales)
    scale = static_cast<float>(random() % 4096 + 1) / 65536.0F;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

int64_t ProductBench::Call::getWidth(const ProductShape &shape,
                                     const Strategy &strategy) {
  if (shape.listsColumns)
    return llvm::alignTo(shape.columns, 4);
  return strategy.layout ? strategy.layout->paddedColumns(shape.columns)
                         : shape.columns;
}

Descriptor ProductBench::Call::describeWeight(const ProductShape &shape,
                                              const Strategy &strategy) {
  if (!strategy.layout)
    return Descriptor(nullptr, {shape.rows, shape.columns});
  auto [outer, inner, bytes] =
      strategy.layout->gridShape(shape.rows, shape.columns);
  return Descriptor(nullptr, {outer, inner, bytes});
}

ProductBench::Call::Call(const ProductShape &shape, const Strategy &strategy,
                         const Operands &operands)
    : resultWidth(strategy.layout ? strategy.layout->paddedRows(shape.rows)
                                  : shape.rows),
      paddedCodes(shape.tokens * getWidth(shape, strategy)),
      resultBits(shape.tokens * resultWidth, 0x5ca1ab1e),
      lists{operands.rowList, operands.columnList},
      scaleValues(operands.scales), counts{operands.rowCount,
                                           operands.columnCount},
      codes(paddedCodes.data(), {shape.tokens, getWidth(shape, strategy)}),
      weight(describeWeight(shape, strategy)),
      rowList(lists[0].data(), {1, shape.rows}), rowCount(&counts[0], {1}),
      columnList(lists[1].data(), {1, int64_t(lists[1].size())}),
      columnCount(&counts[1], {1}),
      scales(scaleValues.data(),
             {shape.rows, int64_t(scaleValues.size()) / shape.rows}),
      result(resultBits.data(), {shape.tokens, resultWidth}) {
  int64_t width = getWidth(shape, strategy);
  for (int64_t t = 0; t < shape.tokens; ++t) {
    const int8_t *from = operands.codes.data() + t * shape.columns;
    int8_t *to = paddedCodes.data() + t * width;
    if (!shape.listsColumns)
      std::copy(from, from + shape.columns, to);
    else
      for (int32_t k = 0; k < operands.columnCount; ++k)
        to[k] = from[operands.columnList[k]];
  }
}

std::vector<int32_t>
ProductBench::Call::getResults(const ProductShape &shape) const {
  std::vector<int32_t> results;
  for (int64_t t = 0; t < shape.tokens; ++t) {
    const int32_t *row = resultBits.data() + t * resultWidth;
    results.insert(results.end(), row, row + shape.rows);
  }
  return results;
}

const std::vector<uint8_t> &ProductBench::pack(const Strategy &strategy) {
  uint64_t key = strategy.layout ? strategy.layout->fingerprint() : 0;
  std::vector<uint8_t> &bytes = packed[key];
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
  return bytes;
}

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

} // namespace

/// One thread: passes over copies of the weight, one after the other, of which
/// it notes how long they took at best.
class ProductBench::Worker {
public:
  Worker(const ProductShape &shape, const Strategy &strategy,
         const Operands &operands, const std::vector<uint8_t> &packed,
         ProductLibrary::Function function, size_t bytes)
      : call(shape, strategy, operands), packed(packed), function(function),
        size(llvm::alignTo(packed.size(), 4096)),
        copies(std::max<size_t>(bytes / size, 1)), pages(copies * size) {}

  bool hasMemory() const { return pages.get(); }
  void fill() {
    for (size_t i = 0; i < copies; ++i)
      std::memcpy(pages.get() + i * size, packed.data(), packed.size());
  }
  /// Until `seconds` are over; at least once.
  void run(double seconds) {
    Clock::time_point start = Clock::now();
    do {
      size_t count = 0;
      Clock::time_point begin = Clock::now();
      // A part long enough for the clock, short enough for a quiet moment.
      do
        call.run(function, pages.get() + next++ % copies * size);
      while (++count, since(begin) < 0.004);
      best = std::min(best, since(begin) / double(count));
    } while (since(start) < seconds);
  }
  double getBest() const { return best; }

private:
  Call call;
  const std::vector<uint8_t> &packed;
  ProductLibrary::Function function;
  size_t size, copies, next = 0;
  Pages pages;
  double best = 1e9;
};

ProductBench::ProductBench(const ProductTrial &reference,
                           ProductLibrary::Function function)
    : shape(reference.shape), operands(std::make_unique<Operands>(shape)) {
  Call call(shape, reference.strategy, *operands);
  call.run(function, pack(reference.strategy).data());
  expected = call.getResults(shape);
}

ProductBench::~ProductBench() = default;

Expected<ProductTime> ProductBench::measure(const Strategy &strategy,
                                            ProductLibrary::Function function,
                                            const TrialOptions &options) {
  const std::vector<uint8_t> &bytes = pack(strategy);
  ProductTime time;
  time.bytes = shape.share * double(bytes.size());
  time.products = shape.share * double(shape.rows) * double(shape.columns) *
                  double(shape.tokens);
  Call call(shape, strategy, *operands);
  call.run(function, bytes.data());
  time.isExact = call.getResults(shape) == expected;
  if (!time.isExact)
    return time;
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < options.threads; ++i) {
    workers.push_back(
        std::make_unique<Worker>(shape, strategy, *operands, bytes, function,
                                 options.weightBytes / options.threads));
    if (!workers.back()->hasMemory())
      return llvm::createStringError(
          "there is no memory for weights to be measured with");
  }
  std::atomic<unsigned> ready = 0;
  std::vector<std::thread> threads;
  for (std::unique_ptr<Worker> &worker : workers)
    threads.emplace_back([&ready, &options, own = worker.get()] {
      own->fill();
      ++ready;
      while (ready != options.threads)
        std::this_thread::yield();
      own->run(options.seconds);
    });
  for (std::thread &thread : threads)
    thread.join();
  // Each thread passes over a whole weight, of which it would do its part.
  for (const std::unique_ptr<Worker> &worker : workers)
    time.seconds += worker->getBest();
  time.seconds /= double(options.threads) * double(options.threads);
  return time;
}
