//===- Generation.h - Answers of one request as they come -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_GENERATION_H
#define TERN_LIB_SERVER_GENERATION_H

#include "Answers.h"
#include "Constraint.h"
#include "Exchange.h"
#include "Metrics.h"
#include "Model.h"

namespace tern::server {

struct Service;

/// Puts a request's choices into the engine and makes events to an answer.
/// Lives until the last of them has ended.
class Generation : public std::enable_shared_from_this<Generation> {
public:
  Generation(std::shared_ptr<Exchange> exchange, GenerationRequest request,
             Model &model, Service &service);

  /// Submits all; if the engine refuses one, none runs and the exchange is
  /// answered.
  void start();
  /// The client is gone.
  void cancel();

private:
  struct Running {
    Generation *owner;
    std::shared_ptr<Generation> alive; ///< until its last event
    uint64_t id = 0;
    Choice whole, piece; ///< piece: of a stream, not yet sent
    AnswerReader reader; ///< of a chat
    bool isFirst = true;
    bool hasCalls = false, hasPromptLogprobs = false;
    uint64_t prompt = 0, reused = 0, answer = 0;
    const char *finish = nullptr;
  };

  bool prepare(ApiError &error);
  bool submit(Running &running, ApiError &error);
  void fill(tern_request &wanted, const Running &running) const;
  static int onEvent(void *data, const tern_event *event);
  void take(Running &running, const tern_event &event);
  void takeText(Running &running, const tern_event &event);
  void takePart(Running &running, const tern_answer_part &part);
  void addText(Running &running, std::string Choice::*field,
               std::string_view text);
  void takeLogprob(Running &running, const tern_event &event);
  void send(Running &running);
  void finish(Running &running, const tern_event &event);
  void finishAll();
  Usage usage() const;
  TokenLogprob tokenOf(int32_t token, double logprob) const;

  const std::shared_ptr<Exchange> exchange;
  const GenerationRequest request;
  Model &model;
  Metrics &metrics;
  const bool keepsText;
  const Counted counted;
  AnswerHead head;
  Grammar grammar;

  std::mutex mutex;
  std::vector<std::unique_ptr<Running>> choices;
  size_t left = 0;
  bool isRefused = false, hasFirst = false;
  std::string failure;
};

/// A name for people to find an answer by: "chatcmpl-" and digits.
std::string makeId(const char *prefix);

} // namespace tern::server

#endif // TERN_LIB_SERVER_GENERATION_H
