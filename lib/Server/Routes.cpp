//===- Routes.cpp - Paths and who answers there ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EmbeddingJob.h"
#include "Generation.h"
#include "Page.h"
#include "Service.h"

#include "tern/tokenizer.h"

#include <cstring>

using namespace tern::server;
using Caller = const std::shared_ptr<Exchange> &;

static void answerJson(Caller exchange, const Json &value) {
  exchange->answer(200, "application/json", dump(value) + "\n");
}

/// Reads a body, finds its model, and goes on with both, or refuses.
template <typename Read, typename Run>
static void withModel(Service &service, Caller exchange, Read read, Run run) {
  ApiError error;
  auto request = read(exchange->body, error);
  Model *model = request ? service.find(request->model, error) : nullptr;
  if (model) {
    exchange->note([&](Account &account) { account.model = model->name; });
    run(*request, *model, error);
  }
  if (!error.message.empty())
    exchange->refuse(error);
}

//===----------------------------------------------------------------------===//
// Answers of a model
//===----------------------------------------------------------------------===//

template <typename Read>
static void generate(Service &service, Caller exchange, Read read) {
  withModel(
      service, exchange,
      [&](const std::string &body, ApiError &error) {
        return read(body, service.limits, error);
      },
      [&](GenerationRequest &request, Model &model, ApiError &) {
        std::make_shared<Generation>(exchange, std::move(request), model,
                                     service)
            ->start();
      });
}

static void chat(Service &service, Caller exchange) {
  generate(service, exchange, readChat);
}

static void complete(Service &service, Caller exchange) {
  generate(service, exchange, readCompletion);
}

static void embed(Service &service, Caller exchange) {
  withModel(
      service, exchange,
      [&](const std::string &body, ApiError &error) {
        return readEmbedding(body, service.limits, error);
      },
      [&](EmbeddingRequest &request, Model &model, ApiError &) {
        std::make_shared<EmbeddingJob>(exchange, std::move(request), model,
                                       service.jobs)
            ->start();
      });
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static void tokenize(Service &service, Caller exchange) {
  withModel(
      service, exchange, readTokenize,
      [&](TextRequest &request, Model &model, ApiError &error) {
        auto tokens = model.tokenize(
            request.text, request.addsSpecial ? 0 : TERN_ENCODE_BARE, error);
        if (!tokens)
          return;
        Json list = Json::array();
        for (int32_t token : *tokens)
          if (request.hasPieces)
            list.push_back({{"id", token}, {"piece", model.bytesOf(token)}});
          else
            list.push_back(token);
        answerJson(exchange, {{"tokens", std::move(list)}});
      });
}

static void detokenize(Service &service, Caller exchange) {
  withModel(service, exchange, readDetokenize,
            [&](TextRequest &request, Model &model, ApiError &error) {
              if (auto text = model.detokenize(request.tokens, error))
                answerJson(exchange, {{"content", *text}});
            });
}

static void applyTemplate(Service &service, Caller exchange) {
  withModel(service, exchange, readTemplate,
            [&](TextRequest &request, Model &model, ApiError &error) {
              if (auto text = model.render(request.chat, error))
                answerJson(exchange, {{"prompt", *text}});
            });
}

//===----------------------------------------------------------------------===//
// The server itself
//===----------------------------------------------------------------------===//

static Json describe(const Model &model) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", model.since},
          {"owned_by", "tern"},
          {"context_length", model.info.context},
          {"has_template", model.info.has_template != 0}};
}

static void listModels(Service &service, Caller exchange) {
  Json list = Json::array();
  for (const std::unique_ptr<Model> &model : service.models)
    list.push_back(describe(*model));
  answerJson(exchange, {{"object", "list"}, {"data", std::move(list)}});
}

/// Below /v1/models/.
static void showModel(Service &service, Caller exchange) {
  ApiError error;
  std::string name = exchange->path.substr(std::strlen("/v1/models/"));
  if (const Model *model = service.find(name, error))
    answerJson(exchange, describe(*model));
  else
    exchange->refuse(error);
}

static void sayHealth(Service &service, Caller exchange) {
  if (service.isDraining)
    exchange->refuse({503, "the server ends", "", "draining"});
  else
    answerJson(exchange, {{"status", "ok"}});
}

/// A family of numbers, one for each model.
template <typename Value>
static void printModels(const Service &service, const char *name,
                        const char *type, const char *help, Value value,
                        std::string &out) {
  printFamily(name, type, help, out);
  for (const std::unique_ptr<Model> &model : service.models)
    printSample(name, "{model=" + quotedLabel(model->name) + "}",
                static_cast<double>(value(model->counts())), out);
}

static void sayMetrics(Service &service, Caller exchange) {
  using Counts = tern_engine_counts;
  static constexpr struct {
    const char *name, *type, *help;
    uint64_t (*value)(const Counts &);
  } families[] = {
      {"tern_running", "gauge", "Requests that a model computes now.",
       [](const Counts &c) { return uint64_t(c.running); }},
      {"tern_waiting", "gauge", "Requests behind them.",
       [](const Counts &c) { return uint64_t(c.waiting); }},
      {"tern_prompt_tokens_total", "counter", "Tokens of prompts, computed.",
       [](const Counts &c) { return c.prompt_tokens; }},
      {"tern_reused_tokens_total", "counter",
       "Tokens of prompts whose state was there already.",
       [](const Counts &c) { return c.reused_tokens; }},
      {"tern_answer_tokens_total", "counter", "Tokens of answers.",
       [](const Counts &c) { return c.answer_tokens; }},
      {"tern_steps_total", "counter", "Times that a model was run.",
       [](const Counts &c) { return c.steps; }},
      {"tern_step_milliseconds_total", "counter", "Time in which a model ran.",
       [](const Counts &c) { return c.step_ns / 1000000; }},
      {"tern_cancelled_total", "counter",
       "Answers that nobody wanted any more.",
       [](const Counts &c) { return c.cancelled; }},
      {"tern_failed_total", "counter", "Answers that the model failed at.",
       [](const Counts &c) { return c.failed; }},
      {"tern_refused_total", "counter", "Answers that found no place to wait.",
       [](const Counts &c) { return c.refused; }},
      {"tern_evicted_total", "counter", "States that were kept and had to go.",
       [](const Counts &c) { return c.evicted; }},
      {"tern_running_bytes", "gauge",
       "Memory that the states of running requests may grow to.",
       [](const Counts &c) { return c.running_bytes; }},
      {"tern_kept_bytes", "gauge", "Memory of states kept for others.",
       [](const Counts &c) { return c.kept_bytes; }},
  };
  std::string out;
  service.metrics.print(out);
  printFamily("tern_connections", "gauge", "Open connections.", out);
  printSample("tern_connections", "",
              static_cast<double>(service.watch.count()), out);
  printFamily("tern_log_lines_dropped_total", "counter",
              "Lines of the log that nobody read in time.", out);
  printSample("tern_log_lines_dropped_total", "",
              static_cast<double>(service.log.dropped()), out);
  for (const auto &family : families)
    printModels(service, family.name, family.type, family.help, family.value,
                out);
  exchange->answer(200, "text/plain; version=0.0.4; charset=utf-8", out);
}

template <const PageFile *file>
static void showPage(Service &, Caller exchange) {
  exchange->addField("Content-Security-Policy",
                     "default-src 'none'; script-src 'self'; style-src 'self'; "
                     "img-src data:; "
                     "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                     "frame-ancestors 'none'");
  exchange->answer(200, file->type,
                   std::string(file->data, file->data + file->bytes));
}

static const Route routes[] = {
    {"POST", "/v1/chat/completions", false, false, chat},
    {"POST", "/v1/completions", false, false, complete},
    {"POST", "/v1/embeddings", false, false, embed},
    {"GET", "/v1/models", false, true, listModels},
    {"GET", "/v1/models/", false, true, showModel},
    {"POST", "/tokenize", false, false, tokenize},
    {"POST", "/detokenize", false, false, detokenize},
    {"POST", "/apply-template", false, false, applyTemplate},
    {"GET", "/health", true, true, sayHealth},
    {"GET", "/metrics", false, true, sayMetrics},
    {"GET", "/", true, true, showPage<&pageHtml>},
    {"GET", "/page.css", true, true, showPage<&pageCss>},
    {"GET", "/page.js", true, true, showPage<&pageJs>},
};

const Route *tern::server::findRoute(const std::string &method,
                                     const std::string &path, ApiError &error) {
  const char *wanted = method == "HEAD" ? "GET" : method.c_str();
  for (const Route &route : routes) {
    // One that ends with a slash stands for what lies below it.
    std::string_view prefix = route.path;
    bool isBelow = prefix.size() > 1 && prefix.back() == '/' &&
                   path.size() > prefix.size() &&
                   path.substr(0, prefix.size()) == prefix;
    if (path != prefix && !isBelow)
      continue;
    if (!std::strcmp(wanted, route.method))
      return &route;
    error = {405, path + " takes " + route.method + ", not " + method, "", ""};
    return nullptr;
  }
  error = {404, "there is nothing at " + shown(Json(path)), "", "not_found"};
  return nullptr;
}
