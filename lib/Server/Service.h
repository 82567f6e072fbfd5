//===- Service.h - All that requests share ----------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_SERVICE_H
#define TERN_LIB_SERVER_SERVICE_H

#include "Metrics.h"
#include "Model.h"
#include "RequestLog.h"
#include "Watch.h"
#include "Workers.h"

#include "tern/Server/Server.h"

namespace tern::server {

/// Declared in an order that may be destroyed from behind: threads first.
struct Service {
  Service(const ServerOptions &options, const std::vector<ServedModel> &served);

  const ServerOptions options;
  const RequestLimits limits;
  Metrics metrics;
  RequestLog log;
  std::vector<std::unique_ptr<Model>> models;
  std::atomic<bool> isDraining = false;
  std::atomic<uint64_t> lastRequest = 0;
  std::atomic<uint64_t> open = 0; ///< requests that are not answered yet
  std::atomic<uint64_t> jobs = 0; ///< that an engine knows of
  Watch watch;
  Workers workers;

  /// The model of that name, or the first one if there is none; null and
  /// *error if it is not served.
  Model *find(const std::string &name, ApiError &error) const;
};

/// A path, and who answers there.
struct Route {
  const char *method, *path;
  bool isOpen;  ///< to those without a key
  bool isQuick; ///< needs no worker
  void (*run)(Service &service, const std::shared_ptr<Exchange> &exchange);
};

/// Null and *error, 404 or 405, if there is none.
const Route *findRoute(const std::string &method, const std::string &path,
                       ApiError &error);

} // namespace tern::server

#endif // TERN_LIB_SERVER_SERVICE_H
