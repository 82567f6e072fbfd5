//===- tern/engine.hpp - tern/engine.h for C++ ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Handles that free what they hold, and nothing else: threads, units and errors
// are those of tern/engine.h. A function that fails returns an empty handle,
// nullopt or false, and tern::error() is the sentence. It throws nothing of its
// own; a listener that throws cancels its request. C++17, all of it inline.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ENGINE_HPP
#define TERN_ENGINE_HPP

#include "tern/engine.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tern {

/// Why the last call of this thread that failed did.
inline const char *error() { return tern_engine_error(); }

/// An event, with its text as a view that is valid during the call.
struct Event {
  explicit Event(const tern_event &event)
      : fields(event), text(event.text, event.text_bytes) {}

  bool isToken() const { return fields.kind == TERN_EVENT_TOKEN; }
  bool isEnd() const { return fields.kind == TERN_EVENT_END; }
  tern_finish finish() const { return tern_finish(fields.finish); }

  const tern_event &fields;
  std::string_view text;
};

/// Called by the stepping thread; false cancels the request.
using Listener = std::function<bool(const Event &)>;

struct Message {
  std::string role, content;
};

/// A prompt, which is one of the three, and how it is answered.
struct Request {
  Request() { tern_request_init(&fields); }

  std::string text;
  std::vector<int32_t> tokens;
  std::vector<Message> messages;
  std::vector<std::string> stops;
  /// All else: sampling, flags, a sequence. Pointers above are filled by
  /// submit.
  tern_request fields;
};

/// Text and its state; ends before its engine does.
class Sequence {
public:
  Sequence() = default;
  explicit Sequence(tern_sequence *sequence) : handle(sequence) {}

  explicit operator bool() const { return bool(handle); }
  tern_sequence *get() const { return handle.get(); }
  Sequence fork() const { return Sequence(tern_sequence_fork(get())); }

  std::optional<std::vector<int32_t>> tokens() const {
    size_t count = 0;
    if (tern_sequence_tokens(get(), nullptr, 0, &count) != 0)
      return std::nullopt;
    std::vector<int32_t> all(count);
    tern_sequence_tokens(get(), all.data(), all.size(), &count);
    return all;
  }
  std::optional<std::vector<unsigned char>> save() const {
    std::vector<unsigned char> bytes(tern_sequence_save_bytes(get()));
    if (tern_sequence_save(get(), bytes.data(), bytes.size()) != 0)
      return std::nullopt;
    return bytes;
  }

private:
  struct Destroy {
    void operator()(tern_sequence *sequence) const {
      tern_sequence_destroy(sequence);
    }
  };
  std::unique_ptr<tern_sequence, Destroy> handle;
};

class Engine {
public:
  Engine() = default;
  explicit Engine(tern_engine *engine) : handle(engine) {}

  static Engine open(const std::string &path,
                     const tern_engine_options *options = nullptr) {
    return Engine(tern_engine_open(path.c_str(), options));
  }

  explicit operator bool() const { return bool(handle); }
  tern_engine *get() const { return handle.get(); }

  /// The request's number.
  std::optional<uint64_t> submit(const Request &request, Listener listener) {
    tern_request fields = request.fields;
    std::vector<tern_message> messages;
    std::vector<const char *> stops;
    tern_chat chat;
    tern_chat_init(&chat);
    for (const Message &m : request.messages)
      messages.push_back(
          {m.role.c_str(), m.content.data(), m.content.size(), nullptr});
    for (const std::string &stop : request.stops)
      stops.push_back(stop.c_str());
    chat.messages = messages.data();
    chat.message_count = messages.size();
    if (!messages.empty())
      fields.chat = &chat;
    if (!request.text.empty()) {
      fields.text = request.text.data();
      fields.text_bytes = request.text.size();
    }
    if (!request.tokens.empty()) {
      fields.tokens = request.tokens.data();
      fields.token_count = request.tokens.size();
    }
    fields.stops = stops.data();
    fields.stop_count = stops.size();
    auto own = std::make_unique<Listener>(std::move(listener));
    fields.on_event = call;
    fields.data = own.get();
    uint64_t id = 0;
    if (tern_engine_submit(get(), &fields, &id) != 0)
      return std::nullopt;
    own.release(); // its last event deletes it
    return id;
  }

  /// A thread of the engine's own steps, until stop.
  bool start() { return tern_engine_start(get()) == 0; }
  bool stop(int64_t milliseconds = -1) {
    return tern_engine_stop(get(), milliseconds) == 0;
  }
  void cancel(uint64_t id) { tern_engine_cancel(get(), id); }
  /// 1: there is more to do; 0: there is not; negative: see error().
  int step() { return tern_engine_step(get()); }
  /// Steps until there is nothing to do.
  bool run() {
    int more;
    do
      more = step();
    while (more > 0);
    return more == 0;
  }

  std::optional<std::vector<int32_t>> tokenize(std::string_view text,
                                               uint32_t flags = 0) {
    size_t count = 0;
    std::vector<int32_t> tokens(text.size() + 16);
    int result = tern_engine_tokenize(get(), text.data(), text.size(), flags,
                                      tokens.data(), tokens.size(), &count);
    if (result == 0 && count > tokens.size()) {
      tokens.resize(count);
      result = tern_engine_tokenize(get(), text.data(), text.size(), flags,
                                    tokens.data(), tokens.size(), &count);
    }
    if (result != 0)
      return std::nullopt;
    tokens.resize(count);
    return tokens;
  }
  std::optional<std::string> detokenize(const std::vector<int32_t> &tokens) {
    size_t bytes = 0;
    if (tern_engine_detokenize(get(), tokens.data(), tokens.size(), nullptr, 0,
                               &bytes) != 0)
      return std::nullopt;
    std::string text(bytes, 0);
    tern_engine_detokenize(get(), tokens.data(), tokens.size(), text.data(),
                           text.size(), &bytes);
    return text;
  }

  Sequence createSequence() { return Sequence(tern_sequence_create(get())); }
  Sequence restore(const std::vector<unsigned char> &saved) {
    return Sequence(tern_sequence_restore(get(), saved.data(), saved.size()));
  }

private:
  /// No exception passes through C.
  static int call(void *data, const tern_event *event) noexcept {
    auto *listener = static_cast<Listener *>(data);
    bool goesOn = !*listener;
#ifdef __cpp_exceptions
    try {
      goesOn = goesOn || (*listener)(Event(*event));
    } catch (...) {
      goesOn = false;
    }
#else
    goesOn = goesOn || (*listener)(Event(*event));
#endif
    if (event->kind == TERN_EVENT_END)
      delete listener;
    return !goesOn;
  }

  struct Close {
    void operator()(tern_engine *engine) const { tern_engine_close(engine); }
  };
  std::unique_ptr<tern_engine, Close> handle;
};

} // namespace tern

#endif // TERN_ENGINE_HPP
