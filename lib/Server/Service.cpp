//===- Service.cpp - All that requests share ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Service.h"

using namespace tern::server;

Service::Service(const ServerOptions &options,
                 const std::vector<ServedModel> &served)
    : options(options), limits({options.choices, 256, options.answerTokens}),
      log(options.logFile, options.logsText),
      watch(options.idleSeconds, options.requestSeconds),
      workers(/*threads=*/2, /*mostWaiting=*/1024) {
  for (const ServedModel &model : served)
    models.push_back(std::make_unique<Model>(model.name, model.engine));
}

Model *Service::find(const std::string &name, ApiError &error) const {
  std::string names;
  for (const std::unique_ptr<Model> &model : models) {
    if (name.empty() || model->name == name)
      return model.get();
    names += (names.empty() ? "" : ", ") + model->name;
  }
  error = {404,
           "the model " + shown(Json(name)) +
               " is not served here; there is: " + names,
           "model", "model_not_found"};
  return nullptr;
}
