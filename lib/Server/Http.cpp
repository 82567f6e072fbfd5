//===- Http.cpp - Connections of libmicrohttpd ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "Listen.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <unistd.h>

#include <cstring>
#include <system_error>

using namespace tern::server;

namespace {

/// The library's side: one thread for all connections, which epoll wakes.
class HttpServer final : public Server {
public:
  HttpServer(const ServerOptions &options,
             const std::vector<ServedModel> &models)
      : service(options, models) {}
  ~HttpServer() override;

  bool open(std::string &error);
  uint16_t port() const override { return listenedPort; }
  void drain() override;
  bool isIdle() const override { return service.open == 0; }

private:
  using Held = std::shared_ptr<Exchange>;

  MHD_Result advance(MHD_Connection *connection, const char *url,
                     const char *method, const char *upload,
                     size_t *uploadBytes, void **state);
  static MHD_Result handle(void *self, MHD_Connection *connection,
                           const char *url, const char *method, const char *,
                           const char *upload, size_t *uploadBytes,
                           void **state);
  static void complete(void *self, MHD_Connection *connection, void **state,
                       MHD_RequestTerminationCode);
  static void notify(void *self, MHD_Connection *connection, void **context,
                     MHD_ConnectionNotificationCode code);

  MHD_Result begin(MHD_Connection *connection, const char *url,
                   const char *method, void **state);
  std::optional<ApiError> check(MHD_Connection *connection,
                                const Caller &caller, const Exchange &exchange,
                                const Route *&route, bool &isPreflight);
  void run(const Held &exchange);
  void finishBody(MHD_Connection *connection, const Held &exchange);
  MHD_Result send(MHD_Connection *connection, const Held &exchange);

  Service service;
  MHD_Daemon *daemon = nullptr;
  int socket = -1;
  uint16_t listenedPort = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Facts about a connection
//===----------------------------------------------------------------------===//

static std::string headerOf(MHD_Connection *connection, const char *name) {
  const char *value =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value ? value : "";
}

static uint64_t numberOf(MHD_Connection *connection) {
  const MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info ? reinterpret_cast<uintptr_t>(info->socket_context) : 0;
}

static std::string addressOf(MHD_Connection *connection) {
  const MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  char text[INET6_ADDRSTRLEN] = "";
  if (info && info->client_addr->sa_family == AF_INET)
    inet_ntop(AF_INET,
              &reinterpret_cast<sockaddr_in *>(info->client_addr)->sin_addr,
              text, sizeof text);
  else if (info && info->client_addr->sa_family == AF_INET6)
    inet_ntop(AF_INET6,
              &reinterpret_cast<sockaddr_in6 *>(info->client_addr)->sin6_addr,
              text, sizeof text);
  return text;
}

void HttpServer::notify(void *self, MHD_Connection *connection, void **context,
                        MHD_ConnectionNotificationCode code) {
  Watch &watch = static_cast<HttpServer *>(self)->service.watch;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = reinterpret_cast<void *>(
        static_cast<uintptr_t>(watch.add(info->connect_fd)));
  } else {
    watch.remove(reinterpret_cast<uintptr_t>(*context));
  }
}

//===----------------------------------------------------------------------===//
// Requests
//===----------------------------------------------------------------------===//

std::optional<ApiError> HttpServer::check(MHD_Connection *connection,
                                          const Caller &caller,
                                          const Exchange &exchange,
                                          const Route *&route,
                                          bool &isPreflight) {
  const ServerOptions &options = service.options;
  ApiError error;
  if (service.watch.count() > options.connections)
    return ApiError{503, "there are too many connections", "", "overloaded"};
  if (service.isDraining && exchange.path != "/health")
    return ApiError{503, "the server ends", "", "draining"};
  isPreflight = exchange.method == "OPTIONS" && !options.corsOrigin.empty();
  if (!isPreflight &&
      !(route = findRoute(exchange.method, exchange.path, error)))
    return error;
  if (auto refused = refusal(options, caller, route && !route->isOpen))
    return refused;
  std::string length = headerOf(connection, "Content-Length");
  if (strtoull(length.c_str(), nullptr, 10) > options.bodyBytes)
    return tooLong(options);
  return std::nullopt;
}

/// The head is there.
MHD_Result HttpServer::begin(MHD_Connection *connection, const char *url,
                             const char *method, void **state) {
  auto exchange = std::make_shared<Exchange>(connection);
  exchange->id = ++service.lastRequest;
  exchange->method = method;
  exchange->path = url;
  exchange->client = addressOf(connection);
  *state = new Held(exchange);
  ++service.open;
  service.watch.begin(numberOf(connection), exchange);
  const Route *route = nullptr;
  bool isPreflight = false;
  Caller caller = {headerOf(connection, "Host"), headerOf(connection, "Origin"),
                   headerOf(connection, "Authorization"),
                   headerOf(connection, "Access-Control-Request-Headers")};
  std::optional<ApiError> refused =
      check(connection, caller, *exchange, route, isPreflight);
  exchange->route = route;
  addCommonFields(service.options, caller, *exchange);
  if (refused) {
    if (refused->status == 401)
      exchange->addField("WWW-Authenticate", "Bearer");
    exchange->refuse(*refused);
    // A client that asks first is told at once; another one sends its body,
    // which is dropped, and would take a closed connection for a failure.
    if (!headerOf(connection, "Expect").empty())
      return send(connection, exchange);
  } else if (isPreflight) {
    exchange->answer(204, "text/plain", "");
  }
  return MHD_YES;
}

/// One request that finds no memory is no reason to end all others.
void HttpServer::run(const Held &exchange) {
  try {
    exchange->route->run(service, exchange);
  } catch (const std::exception &) {
    exchange->refuse({500, "there is not enough memory", "", "no_memory"});
  }
}

/// The body is there.
void HttpServer::finishBody(MHD_Connection *connection, const Held &exchange) {
  exchange->isBodyThere = true;
  const Route *route = exchange->route;
  service.watch.wait(numberOf(connection));
  if (exchange->isRefused())
    return;
  if (exchange->isTooLong)
    return exchange->refuse(tooLong(service.options));
  if (route->isQuick)
    return run(exchange);
  if (!service.workers.add([this, exchange] { run(exchange); }))
    exchange->refuse({503, "too many requests wait", "", "overloaded"});
}

MHD_Result HttpServer::advance(MHD_Connection *connection, const char *url,
                               const char *method, const char *upload,
                               size_t *uploadBytes, void **state) {
  if (!*state)
    return begin(connection, url, method, state);
  const Held &exchange = *static_cast<Held *>(*state);
  if (*uploadBytes) {
    exchange->takeBody(upload, *uploadBytes, service.options.bodyBytes);
    *uploadBytes = 0;
    return MHD_YES;
  }
  if (!exchange->isBodyThere)
    finishBody(connection, exchange);
  return exchange->hasHead() ? send(connection, exchange) : MHD_YES;
}

/// Nothing may be thrown into C; a connection without memory closes.
MHD_Result HttpServer::handle(void *self, MHD_Connection *connection,
                              const char *url, const char *method, const char *,
                              const char *upload, size_t *uploadBytes,
                              void **state) {
  try {
    return static_cast<HttpServer *>(self)->advance(connection, url, method,
                                                    upload, uploadBytes, state);
  } catch (const std::exception &) {
    return MHD_NO;
  }
}

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

static ssize_t readStream(void *held, uint64_t, char *buffer, size_t most) {
  ssize_t count =
      (*static_cast<std::shared_ptr<Exchange> *>(held))->read(buffer, most);
  return count >= 0    ? count
         : count == -1 ? MHD_CONTENT_READER_END_OF_STREAM
                       : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void freeStream(void *held) {
  delete static_cast<std::shared_ptr<Exchange> *>(held);
}

MHD_Result HttpServer::send(MHD_Connection *connection, const Held &exchange) {
  Exchange::Head head = exchange->takeHead();
  if (!head.status)
    return MHD_NO;
  MHD_Response *response =
      head.isStream
          ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1 << 14,
                                              readStream, new Held(exchange),
                                              freeStream)
          : MHD_create_response_from_buffer(head.text.size(), head.text.data(),
                                            MHD_RESPMEM_MUST_COPY);
  if (!response)
    return MHD_NO;
  MHD_add_response_header(response, "Content-Type", head.type);
  for (const auto &[name, value] : head.fields)
    MHD_add_response_header(response, name.c_str(), value.c_str());
  MHD_Result result = MHD_queue_response(
      connection, static_cast<unsigned>(head.status), response);
  MHD_destroy_response(response);
  return result;
}

void HttpServer::complete(void *data, MHD_Connection *connection, void **state,
                          MHD_RequestTerminationCode) {
  HttpServer &self = *static_cast<HttpServer *>(data);
  Held *held = static_cast<Held *>(*state);
  if (!held)
    return;
  *state = nullptr;
  self.service.watch.end(numberOf(connection));
  Exchange &exchange = **held;
  Account account;
  int status = exchange.close(account);
  std::chrono::duration<double> took = Clock::now() - exchange.began;
  try {
    self.service.metrics.countRequest(
        exchange.route ? exchange.route->path : "other", status, took.count());
    self.service.log.write(exchange, account, status);
  } catch (const std::exception &) {
    // No memory, and nothing may be thrown into C.
  }
  delete held;
  --self.service.open;
}

//===----------------------------------------------------------------------===//
// The server
//===----------------------------------------------------------------------===//

static constexpr char noThreads[] = "cannot start the threads of the server";

static void dropMessage(void *, const char *, va_list) {}

bool HttpServer::open(std::string &error) {
  const ServerOptions &o = service.options;
  bool isIpv6 = false;
  for (const std::unique_ptr<Model> &model : service.models)
    if (tern_engine_start(model->engine) != 0) {
      error = tern_engine_error();
      return false;
    }
  socket = listenAt(o.host, o.port, listenedPort, isIpv6, error);
  if (socket < 0)
    return false;
  std::vector<MHD_OptionItem> items;
  if (!o.certificate.empty()) {
    items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0,
                     const_cast<char *>(o.certificate.c_str())});
    items.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0,
                     const_cast<char *>(o.certificateKey.c_str())});
  }
  items.push_back({MHD_OPTION_END, 0, nullptr});
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                   MHD_USE_ITC | MHD_USE_ERROR_LOG |
                   (isIpv6 ? MHD_USE_IPv6 : 0) |
                   (o.certificate.empty() ? 0 : MHD_USE_TLS);
  // Some more than are answered, to say no to.
  daemon = MHD_start_daemon(
      flags, 0, nullptr, nullptr, &HttpServer::handle, this,
      MHD_OPTION_EXTERNAL_LOGGER, dropMessage, nullptr,
      MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_NOTIFY_COMPLETED,
      &HttpServer::complete, this, MHD_OPTION_NOTIFY_CONNECTION,
      &HttpServer::notify, this, MHD_OPTION_CONNECTION_LIMIT,
      o.connections + 64, MHD_OPTION_CONNECTION_TIMEOUT, o.idleSeconds,
      MHD_OPTION_ARRAY, items.data(), MHD_OPTION_END);
  if (daemon)
    return true;
  ::close(socket);
  error = o.certificate.empty()
              ? noThreads
              : "cannot use the certificate and its key: both must be PEM and "
                "belong together";
  return false;
}

void HttpServer::drain() {
  if (service.isDraining.exchange(true) || !daemon)
    return;
  MHD_quiesce_daemon(daemon);
  ::close(socket);
}

HttpServer::~HttpServer() {
  if (!daemon)
    return;
  drain();
  // No connection may sleep when the daemon ends; those that are told that
  // their client is gone never do again.
  service.watch.leaveAll();
  service.workers.stop();
  while (service.jobs) {
    // Workers may have begun some meanwhile.
    service.watch.leaveAll();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  MHD_stop_daemon(daemon);
}

std::unique_ptr<Server> Server::start(const ServerOptions &options,
                                      const std::vector<ServedModel> &models,
                                      std::string &error) {
  try {
    auto server = std::make_unique<HttpServer>(options, models);
    if (server->open(error))
      return server;
  } catch (const std::system_error &) {
    error = noThreads;
  }
  return nullptr;
}
