//===- InterruptTest.cpp - Ctrl-C and other signals -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A step of the fake model takes ten seconds here. All that a person waits for
// must come far sooner.
//
//===----------------------------------------------------------------------===//

#include "ProgramTesting.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <thread>

using namespace tern_test;

namespace {

using Clock = std::chrono::steady_clock;

/// Promised are 0.2 s; the rest is for a busy machine.
constexpr double kSoon = 2;

/// A program that runs. Standard output and error are pipes, or both are one
/// terminal.
class Running {
public:
  Running(const std::string &program, const std::vector<std::string> &arguments,
          const std::vector<std::string> &environment, bool terminal = false) {
    int in[2], out[2], err[2], master = -1, slave = -1;
    EXPECT_EQ(pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
    if (terminal)
      EXPECT_EQ(openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    pid = fork();
    if (pid == 0) {
      std::vector<char *> argv = {const_cast<char *>(program.c_str())}, env;
      for (const std::string &a : arguments)
        argv.push_back(const_cast<char *>(a.c_str()));
      for (const std::string &e : environment)
        env.push_back(const_cast<char *>(e.c_str()));
      argv.push_back(nullptr);
      env.push_back(nullptr);
      signal(SIGINT, SIG_DFL);
      dup2(in[0], 0);
      dup2(terminal ? slave : out[1], 1);
      dup2(terminal ? slave : err[1], 2);
      execve(program.c_str(), argv.data(), env.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    if (terminal)
      close(slave);
    input = in[1];
    files[0] = terminal ? master : out[0];
    files[1] = err[0];
  }
  ~Running() {
    if (pid > 0)
      kill(pid, SIGKILL), waitpid(pid, nullptr, 0);
    for (int file : {input, files[0], files[1]})
      if (file >= 0)
        close(file);
  }

  void type(const std::string &line) {
    EXPECT_EQ(write(input, line.data(), line.size()), ssize_t(line.size()));
  }
  void endInput() {
    close(input);
    input = -1;
  }

  /// Until standard output (0) or error (1) has `text`.
  bool waitFor(const std::string &text, int which, double seconds = 5) {
    auto end = Clock::now() + std::chrono::duration<double>(seconds);
    while (read[which].find(text) == std::string::npos && Clock::now() < end)
      readMore(10);
    return read[which].find(text) != std::string::npos;
  }
  void wait(int milliseconds) {
    auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
    while (Clock::now() < end)
      readMore(5);
  }

  void send(int number) {
    sent = Clock::now();
    kill(pid, number);
  }
  /// The exit status, or -1 if it did not end in time.
  int status(double seconds = kSoon) {
    auto end = sent + std::chrono::duration<double>(seconds);
    int raw;
    while (Clock::now() < end) {
      readMore(2);
      if (waitpid(pid, &raw, WNOHANG) == pid) {
        pid = -1;
        wait(20);
        return WIFEXITED(raw) ? WEXITSTATUS(raw) : -2;
      }
    }
    return -1;
  }

  std::string read[2];

private:
  void readMore(int milliseconds) {
    pollfd ready[2] = {{files[0], POLLIN, 0}, {files[1], POLLIN, 0}};
    poll(ready, 2, milliseconds);
    char bytes[4096];
    for (int i = 0; i < 2; ++i)
      if (ready[i].revents & POLLIN) {
        ssize_t n = ::read(files[i], bytes, sizeof(bytes));
        read[i].append(bytes, n > 0 ? size_t(n) : 0);
      } else if (ready[i].revents) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
  }

  pid_t pid;
  int input = -1, files[2];
  Clock::time_point sent = Clock::now();
};

class Interrupted : public Program {
protected:
  void SetUp() override { writeFile(slow, {}); }
  void TearDown() override { std::remove(slow.c_str()); }

  std::unique_ptr<Running> start(std::vector<std::string> arguments,
                                 bool whole = false, int from = 0,
                                 bool terminal = false) {
    std::vector<std::string> environment = {
        "FAKE_SLOW=" + slow, "FAKE_SLOW_FROM=" + std::to_string(from)};
    if (whole)
      environment.push_back("FAKE_WHOLE=1");
    return std::make_unique<Running>(path, arguments, environment, terminal);
  }

  static std::string line(const std::string &text) {
    return path.substr(path.rfind('/') + 1) + ": " + text + "\n";
  }

  const std::string slow = temporaryPath("slow");
};

TEST_F(Interrupted, InThePrompt) {
  for (const char *threads : {"1", "3"})
    for (bool whole : {false, true}) {
      auto run = start({"-p", "ROMEO:", "-t", threads}, whole);
      run->wait(200);
      run->send(SIGINT);
      EXPECT_EQ(run->status(), 130);
      EXPECT_EQ(run->read[0], "");
      EXPECT_EQ(run->read[1], line("interrupted"));
    }
}

TEST_F(Interrupted, OtherSignals) {
  struct Case {
    int number;
    const char *text;
  };
  for (Case c : {Case{SIGTERM, "terminated"}, Case{SIGHUP, "hung up"}}) {
    auto run = start({"-p", "ROMEO:"});
    run->wait(200);
    run->send(c.number);
    EXPECT_EQ(run->status(), 128 + c.number);
    EXPECT_EQ(run->read[1], line(c.text));
  }
}

TEST_F(Interrupted, InTheTextThatIsWritten) {
  for (bool whole : {false, true}) {
    auto run =
        start({"-p", "ROMEO:", "--temp", "0", "--ignore-eos", "--print-ids"},
              whole, 20);
    std::string before = joined(greedy(romeo, 18));
    ASSERT_TRUE(run->waitFor(before, 0));
    run->wait(50);
    run->send(SIGINT);
    EXPECT_EQ(run->status(), 130);
    EXPECT_EQ(run->read[0], before + "\n");
    EXPECT_NE(run->read[1].find(line("interrupted")), std::string::npos);
    // Times are told of steps that came to their end.
    EXPECT_EQ(run->read[1].find("prompt eval") != std::string::npos, !whole);
  }
}

TEST_F(Interrupted, PerplexityAndBench) {
  std::string file = temporaryPath("text");
  std::string sample =
      text(TERN_TEST_DIR "/data/shakespeare-heldout.txt").substr(0, 3000);
  writeFile(file, {sample.begin(), sample.end()});
  auto ppl = start({"ppl", "-f", file, "-c", "32"});
  ppl->wait(200);
  ppl->send(SIGINT);
  EXPECT_EQ(ppl->status(), 130);
  EXPECT_EQ(ppl->read[0], "");
  EXPECT_EQ(ppl->read[1], line("interrupted"));
  std::remove(file.c_str());

  // A list of results is whole even so.
  for (bool whole : {false, true}) {
    auto bench = start({"bench", "-p", "4", "-n", "9", "-r", "2", "-o", "json"},
                       whole, 8);
    ASSERT_TRUE(bench->waitFor("]}", 0));
    bench->wait(100);
    bench->send(SIGINT);
    EXPECT_EQ(bench->status(), 130);
    EXPECT_EQ(bench->read[0].substr(0, 2), "[\n");
    EXPECT_EQ(bench->read[0].substr(bench->read[0].size() - 5), "]}\n]\n");
    EXPECT_EQ(bench->read[1], line("interrupted"));
  }
}

/// The answer is left, the chat goes on, and it goes on as if the message that
/// has no answer had never been.
TEST_F(Interrupted, ChatGoesOn) {
  std::string chat = temporaryPath("chat");
  install(chat, defaultGeneration(),
          "{% for m in messages %}{{ m.content }};{% endfor %}");
  std::vector<std::string> arguments = {"chat", "--temp", "0", "-n", "4", "-q"};
  std::string answers[2];
  for (int interrupts : {0, 1}) {
    std::remove(slow.c_str());
    Running run(chat, arguments, {"FAKE_SLOW=" + slow});
    run.type("one\n");
    ASSERT_TRUE(run.waitFor("\n", 0));
    if (interrupts) {
      writeFile(slow, {});
      run.type("two\n");
      run.wait(200);
      run.send(SIGINT);
      ASSERT_TRUE(run.waitFor("interrupted\n", 1, kSoon));
      std::remove(slow.c_str());
    }
    run.type("three\n");
    run.endInput();
    EXPECT_EQ(run.status(10), 0);
    answers[interrupts] = run.read[0];
  }
  EXPECT_GT(answers[0].size(), 2u);
  EXPECT_EQ(answers[0], answers[1]);

  // Twice is meant.
  writeFile(slow, {});
  Running run(chat, arguments, {"FAKE_SLOW=" + slow, "FAKE_WHOLE=1"});
  run.type("one\n");
  run.wait(200);
  run.send(SIGINT);
  run.wait(50);
  run.send(SIGINT);
  EXPECT_EQ(run.status(), 130);
  // And where there is no answer, once.
  std::remove(slow.c_str());
  Running idle(chat, arguments, {});
  idle.wait(200);
  idle.send(SIGINT);
  EXPECT_EQ(idle.status(), 130);
  EXPECT_NE(idle.read[1].find("interrupted\n"), std::string::npos);
  std::remove(chat.c_str());
}

/// On a terminal the line says how far it is, and is gone afterwards.
TEST_F(Interrupted, Progress) {
  std::string ids = "1022";
  for (int i = 0; i < 47; ++i)
    ids += ",7";
  for (bool quiet : {false, true}) {
    writeFile(slow, {});
    std::vector<std::string> arguments = {"--ids", ids, "-n", "1",
                                          "--print-ids"};
    if (quiet)
      arguments.push_back("-q");
    auto run = start(arguments, false, 0, true);
    run->wait(800);
    std::remove(slow.c_str()); // the first piece has taken long enough
    EXPECT_EQ(run->status(10), 0);
    EXPECT_EQ(run->read[0].find("\rprompt: 32 of 48 tokens, ") == 0, !quiet)
        << run->read[0];
    EXPECT_EQ(run->read[0].find("\r\033[K") != std::string::npos, !quiet);
  }

  std::string file = temporaryPath("text");
  std::string sample =
      text(TERN_TEST_DIR "/data/shakespeare-heldout.txt").substr(0, 3000);
  writeFile(file, {sample.begin(), sample.end()});
  for (bool quiet : {false, true}) {
    std::vector<std::string> arguments = {"ppl", "-f", file, "-c", "32"};
    if (quiet)
      arguments.push_back("-q");
    auto ppl = start(arguments, false, 0, true);
    EXPECT_EQ(ppl->status(10), 0);
    size_t shown = ppl->read[0].find("windows, perplexity");
    EXPECT_EQ(shown != std::string::npos, !quiet);
    EXPECT_NE(ppl->read[0].find("\r\033[Kperplexity ") != std::string::npos,
              quiet);
  }
  std::remove(file.c_str());
}

} // namespace
