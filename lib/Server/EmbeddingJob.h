//===- EmbeddingJob.h - Vectors of texts ------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_EMBEDDINGJOB_H
#define TERN_LIB_SERVER_EMBEDDINGJOB_H

#include "Exchange.h"
#include "Model.h"

namespace tern::server {

/// Reads each text and takes the hidden state of its last token, scaled to the
/// length 1. Lives until the last one is read.
class EmbeddingJob : public std::enable_shared_from_this<EmbeddingJob> {
public:
  EmbeddingJob(std::shared_ptr<Exchange> exchange, EmbeddingRequest request,
               Model &model, std::atomic<uint64_t> &jobs)
      : exchange(std::move(exchange)), request(std::move(request)),
        model(model), counted(jobs) {}

  void start();
  void cancel();

private:
  struct Running {
    std::shared_ptr<EmbeddingJob> alive;
    uint64_t id = 0;
    std::vector<float> vector;
  };
  bool submit(size_t index, ApiError &error);
  static int onEvent(void *data, const tern_event *event);
  void finish(Running &running, const tern_event &event);
  void finishAll();

  const std::shared_ptr<Exchange> exchange;
  const EmbeddingRequest request;
  Model &model;
  const Counted counted;
  std::mutex mutex;
  std::vector<std::unique_ptr<Running>> inputs;
  size_t left = 0;
  uint64_t tokens = 0, reused = 0;
  std::string failure;
};

} // namespace tern::server

#endif // TERN_LIB_SERVER_EMBEDDINGJOB_H
