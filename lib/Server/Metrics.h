//===- Metrics.h - Numbers for Prometheus -----------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_METRICS_H
#define TERN_LIB_SERVER_METRICS_H

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tern::server {

/// Seconds by bounds, as Prometheus counts them.
class Histogram {
public:
  void add(double seconds);
  void print(std::string_view name, std::string_view help,
             std::string &out) const;

private:
  static constexpr double bounds[] = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100};
  uint64_t counts[std::size(bounds) + 1] = {};
  double sum = 0;
};

/// Called by all threads.
class Metrics {
public:
  void countRequest(std::string_view path, int status, double seconds);
  void countFirstToken(double seconds);
  void print(std::string &out) const;

private:
  mutable std::mutex mutex;
  std::map<std::pair<std::string, int>, uint64_t> requests;
  Histogram durations, firstTokens;
};

/// A family's comment lines, and one line of it. `labels` is empty or
/// {model="bard"}.
void printFamily(std::string_view name, std::string_view type,
                 std::string_view help, std::string &out);
void printSample(std::string_view name, std::string_view labels, double value,
                 std::string &out);
/// A label's value between quotes.
std::string quotedLabel(std::string_view text);

} // namespace tern::server

#endif // TERN_LIB_SERVER_METRICS_H
