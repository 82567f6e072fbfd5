//===- server.cpp - A server under load, for the thread sanitizer ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: sanitized-server WEIGHTS [ROUNDS]
//
// Clients that ask, stream, count and vanish, and at last a server that ends
// while some still do. The model has no tokenizer, so prompts are tokens.
//
//===----------------------------------------------------------------------===//

#include "tern/Server/Server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

using namespace tern::server;

extern "C" const tern_model tern_model_sanitized;

static uint16_t port;
static std::atomic<unsigned> answered, refused, broken;

static int connectNow() {
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<sockaddr *>(&address), sizeof address) ==
      0)
    return socket;
  close(socket);
  return -1;
}

/// Sends a request and reads at most so many bytes of its answer.
static void ask(const char *method, const char *path, const std::string &body,
                size_t most) {
  int socket = connectNow();
  if (socket < 0)
    return;
  std::string text = std::string(method) + " " + path +
                     " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Content-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string answer;
  char buffer[4096];
  ssize_t count = send(socket, text.data(), text.size(), MSG_NOSIGNAL);
  while (count > 0 && answer.size() < most &&
         (count = recv(socket, buffer, sizeof buffer, 0)) > 0)
    answer.append(buffer, static_cast<size_t>(count));
  close(socket);
  if (answer.compare(0, 12, "HTTP/1.1 200") == 0)
    ++answered;
  else if (answer.compare(0, 9, "HTTP/1.1 ") == 0)
    ++refused;
  else if (most)
    ++broken;
}

static void runClient(unsigned number, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    std::string prompt = std::to_string(1 + (number + i) % 9);
    std::string body = R"({"prompt": [1, 2, 3, )" + prompt +
                       R"(], "max_tokens": 20, "ignore_eos": true, "n": 3, )";
    switch ((number + i) % 6) {
    case 0:
      ask("POST", "/v1/completions", body + R"("stream": true})", SIZE_MAX);
      break;
    case 1:
      ask("POST", "/v1/completions", body + R"("seed": 3})", SIZE_MAX);
      break;
    case 2: // gone in the middle of a stream
      ask("POST", "/v1/completions", body + R"("stream": true})", 1);
      break;
    case 3: // gone before the answer
      ask("POST", "/v1/completions", body + R"("seed": 4})", 0);
      break;
    case 4:
      ask("GET", i % 2 ? "/metrics" : "/v1/models", "", SIZE_MAX);
      break;
    default:
      ask("POST", "/v1/embeddings", R"({"input": [[1, 2], [3, 4]]})", SIZE_MAX);
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 2)
    return 2;
  unsigned rounds = argc > 2 ? unsigned(atoi(argv[2])) : 12;
  signal(SIGPIPE, SIG_IGN);
  tern_engine_options options;
  tern_engine_options_init(&options);
  options.weights = argv[1];
  options.threads = 2;
  options.max_sequences = 6;
  options.max_waiting = 12;
  const tern_model *const models[] = {&tern_model_sanitized};
  tern_engine *engine = tern_engine_open_linked(models, 1, &options);
  if (!engine) {
    fprintf(stderr, "%s\n", tern_engine_error());
    return 1;
  }
  ServerOptions serving;
  serving.port = 0;
  std::string error;
  std::unique_ptr<Server> server =
      Server::start(serving, {{"m", engine}}, error);
  if (!server) {
    fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  port = server->port();
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < 8; ++i)
    clients.emplace_back(runClient, i, rounds);
  for (std::thread &client : clients)
    client.join();
  unsigned whole = broken;
  clients.clear();
  // These find a server that ends.
  for (unsigned i = 0; i < 4; ++i)
    clients.emplace_back(runClient, i, 4);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server.reset();
  for (std::thread &client : clients)
    client.join();
  tern_engine_close(engine);
  printf("%u answered, %u refused, %u broken\n", answered.load(),
         refused.load(), whole);
  return whole != 0 || answered == 0;
}
