//===- Metrics.cpp - Numbers for Prometheus -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Metrics.h"

#include <algorithm>
#include <cstdio>

using namespace tern::server;
using Lock = std::lock_guard<std::mutex>;

void tern::server::printFamily(std::string_view name, std::string_view type,
                               std::string_view help, std::string &out) {
  for (auto [kind, text] : {std::pair("HELP", help), std::pair("TYPE", type)}) {
    out += std::string("# ") + kind + " ";
    out.append(name).append(" ").append(text).append("\n");
  }
}

void tern::server::printSample(std::string_view name, std::string_view labels,
                               double value, std::string &out) {
  char digits[32];
  snprintf(digits, sizeof digits, "%.15g", value);
  out.append(name).append(labels).append(" ").append(digits).append("\n");
}

std::string tern::server::quotedLabel(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + "\"";
}

void Histogram::add(double seconds) {
  const double *bound =
      std::lower_bound(std::begin(bounds), std::end(bounds), seconds);
  ++counts[bound - std::begin(bounds)];
  sum += seconds;
}

void Histogram::print(std::string_view name, std::string_view help,
                      std::string &out) const {
  printFamily(name, "histogram", help, out);
  std::string bucket = std::string(name) + "_bucket";
  uint64_t total = 0;
  for (size_t i = 0; i <= std::size(bounds); ++i) {
    char label[48] = "{le=\"+Inf\"}";
    if (i < std::size(bounds))
      snprintf(label, sizeof label, "{le=\"%g\"}", bounds[i]);
    total += counts[i];
    printSample(bucket, label, static_cast<double>(total), out);
  }
  printSample(std::string(name) + "_sum", "", sum, out);
  printSample(std::string(name) + "_count", "", static_cast<double>(total),
              out);
}

void Metrics::countRequest(std::string_view path, int status, double seconds) {
  Lock lock(mutex);
  ++requests[{std::string(path), status}];
  durations.add(seconds);
}

void Metrics::countFirstToken(double seconds) {
  Lock lock(mutex);
  firstTokens.add(seconds);
}

void Metrics::print(std::string &out) const {
  Lock lock(mutex);
  printFamily("tern_requests_total", "counter",
              "HTTP requests that were answered; status 0: the client went "
              "before.",
              out);
  for (const auto &[key, count] : requests)
    printSample("tern_requests_total",
                "{path=" + quotedLabel(key.first) + ",status=\"" +
                    std::to_string(key.second) + "\"}",
                static_cast<double>(count), out);
  durations.print("tern_request_seconds",
                  "Time from a request's head to the "
                  "end of its answer.",
                  out);
  firstTokens.print("tern_first_token_seconds",
                    "Time from a request's head to its first token.", out);
}
