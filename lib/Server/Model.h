//===- Model.h - An engine that is served -----------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_MODEL_H
#define TERN_LIB_SERVER_MODEL_H

#include "Requests.h"

#include "tern/engine.h"

#include <ctime>
#include <memory>
#include <mutex>

namespace tern::server {

/// Its engine's thread runs as long as this lives.
class Model {
public:
  Model(std::string name, tern_engine *engine);
  ~Model() { tern_engine_stop(engine, 0); }
  Model(const Model &) = delete;

  const std::string name;
  tern_engine *const engine;
  const std::time_t since = std::time(nullptr);
  tern_engine_info info = {};

  /// All of these answer with nothing and *error where the engine refuses.
  std::optional<std::vector<int32_t>>
  tokenize(const std::string &text, uint32_t flags, ApiError &error) const;
  std::optional<std::string> detokenize(const std::vector<int32_t> &tokens,
                                        ApiError &error) const;
  std::optional<std::string> render(const Chat &chat, ApiError &error) const;
  /// A token's own bytes, which may be a part of a character.
  std::string bytesOf(int32_t token) const;
  /// True if all are tokens of this model.
  bool knows(const std::vector<int32_t> &tokens, ApiError &error) const;

  tern_engine_counts counts() const;

  /// Cancels those of a request's parts that the engine knows: whose `id`,
  /// which `mutex` guards, is not 0.
  template <typename Running>
  void cancel(std::mutex &mutex,
              const std::vector<std::unique_ptr<Running>> &parts) const {
    std::vector<uint64_t> ids;
    {
      std::lock_guard<std::mutex> lock(mutex);
      for (const std::unique_ptr<Running> &part : parts)
        if (part->id)
          ids.push_back(part->id);
    }
    for (uint64_t id : ids)
      tern_engine_cancel(engine, id);
  }
};

/// The prompt as the engine takes it; `wanted` points into it.
void setPrompt(tern_request &wanted, const Prompt &prompt);
/// The chat as the engine takes it; it points into `from`.
tern_chat toEngine(const Chat &from);
/// The engine's sentence for the last failure of this thread.
ApiError engineError(int result);

} // namespace tern::server

#endif // TERN_LIB_SERVER_MODEL_H
