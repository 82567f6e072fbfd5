//===- Automaton.cpp - Patterns to tables ---------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A pattern is compiled for a machine of threads in order of preference, and
// the lists of threads it can have become the states of an automaton. It finds
// what a backtracking engine finds, without going back.
//
//===----------------------------------------------------------------------===//

#include "Automaton.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace tern {
namespace {

constexpr size_t maxInstructions = 2000;
constexpr size_t maxStates = 400;
constexpr uint32_t maxClasses = 250;
constexpr size_t maxAheadStates = 256; // the runtime keeps them in bytes
/// Threads followed in all, so that no pattern takes long.
constexpr size_t maxWork = size_t(1) << 24;

struct Instruction {
  enum Kind { Match, Take, Ahead, Split } kind;
  uint32_t first = 0, second = 0; ///< where to go on; Split prefers `first`
  std::vector<bool> classes;      ///< for Take and Ahead
};

/// From the end to the beginning: each part is told what follows it.
class Assembler {
public:
  Assembler(const CompiledPatterns &patterns,
            std::vector<Instruction> &instructions)
      : patterns(patterns), instructions(instructions) {}
  uint32_t assemble(const RegexNode &node, uint32_t next);
  bool tooLarge() const { return instructions.size() > maxInstructions; }

  uint32_t add(Instruction instruction) {
    instructions.push_back(std::move(instruction));
    return uint32_t(instructions.size() - 1);
  }

private:
  std::vector<bool> classesOf(const CharacterSet &set) const;
  uint32_t repeat(const RegexNode &node, uint32_t next);
  uint32_t split(bool greedy, uint32_t inner, uint32_t next) {
    return greedy ? add({Instruction::Split, inner, next, {}})
                  : add({Instruction::Split, next, inner, {}});
  }

  const CompiledPatterns &patterns;
  std::vector<Instruction> &instructions;
};

std::vector<bool> Assembler::classesOf(const CharacterSet &set) const {
  std::vector<bool> result(patterns.classes);
  for (auto [code, number] : patterns.starts)
    if (set.contains(code))
      result[number] = true;
  result.back() = set.contains(endOfText);
  return result;
}

uint32_t Assembler::repeat(const RegexNode &node, uint32_t next) {
  const RegexNode &inner = *node.children[0];
  uint32_t result = next;
  if (node.most == unlimited) {
    uint32_t loop = add({Instruction::Split, 0, 0, {}});
    uint32_t body = assemble(inner, loop);
    instructions[loop].first = node.greedy ? body : next;
    instructions[loop].second = node.greedy ? next : body;
    result = loop;
  } else {
    for (uint32_t i = node.least; i < node.most && !tooLarge(); ++i)
      result = split(node.greedy, assemble(inner, result), next);
  }
  for (uint32_t i = 0; i < node.least && !tooLarge(); ++i)
    result = assemble(inner, result);
  return result;
}

uint32_t Assembler::assemble(const RegexNode &node, uint32_t next) {
  if (tooLarge())
    return next;
  switch (node.kind) {
  case RegexNode::Characters:
    return add({Instruction::Take, next, 0, classesOf(node.set)});
  case RegexNode::Ahead:
    return add({Instruction::Ahead, next, 0, classesOf(node.set)});
  case RegexNode::Sequence:
    for (auto child = node.children.rbegin(); child != node.children.rend();
         ++child)
      next = assemble(**child, next);
    return next;
  case RegexNode::Choice: {
    uint32_t result = assemble(*node.children.back(), next);
    for (size_t i = node.children.size() - 1; i-- > 0;)
      result = split(true, assemble(*node.children[i], next), result);
    return result;
  }
  case RegexNode::Repeat:
    return repeat(node, next);
  }
  return next;
}

/// Lists of threads to states.
class Determinizer {
public:
  Determinizer(const std::vector<Instruction> &instructions, uint32_t classes)
      : instructions(instructions), classes(classes) {}
  bool run(uint32_t first, CompiledPatterns::Automaton &out);

private:
  using Threads = std::vector<uint32_t>;
  bool step(const Threads &threads, uint32_t next, Threads &out);

  const std::vector<Instruction> &instructions;
  const uint32_t classes;
  size_t work = 0;
};

/// Follows the threads over one character; true when one of them is done before
/// it, which ends those it is preferred to.
bool Determinizer::step(const Threads &threads, uint32_t next, Threads &out) {
  std::vector<bool> seen(instructions.size()), taken(instructions.size());
  Threads stack(threads.rbegin(), threads.rend());
  while (!stack.empty()) {
    uint32_t at = stack.back();
    stack.pop_back();
    ++work;
    if (seen[at])
      continue;
    seen[at] = true;
    const Instruction &instruction = instructions[at];
    switch (instruction.kind) {
    case Instruction::Match:
      return true;
    case Instruction::Take:
      if (instruction.classes[next] && !taken[instruction.first]) {
        taken[instruction.first] = true;
        out.push_back(instruction.first);
      }
      break;
    case Instruction::Ahead:
      if (instruction.classes[next])
        stack.push_back(instruction.first);
      break;
    case Instruction::Split:
      stack.push_back(instruction.second);
      stack.push_back(instruction.first);
      break;
    }
  }
  return false;
}

bool Determinizer::run(uint32_t first, CompiledPatterns::Automaton &out) {
  std::map<Threads, uint32_t> numbers = {{{}, 0}, {{first}, 1}};
  std::vector<Threads> states = {{}, {first}};
  for (uint32_t state = 0; state < states.size(); ++state)
    for (uint32_t next = 0; next < classes; ++next) {
      Threads threads;
      bool matched = step(states[state], next, threads);
      auto [found, isNew] = numbers.insert({threads, uint32_t(states.size())});
      if (isNew)
        states.push_back(std::move(threads));
      if (states.size() > maxStates || work > maxWork)
        return false;
      out.next.push_back(found->second * 2 + matched);
    }
  out.states = uint32_t(states.size());
  return true;
}

/// Finds what could make the runtime slow: it reads on behind the end of a
/// match in the hope of a longer one, and what it read in vain is read again by
/// later matches. That is bounded unless it can read in vain around a circle of
/// states, in text of which later matches do not take all they read. So: within
/// text of the characters of a circle, every match must be complete wherever it
/// has got to.
class LookAheadCheck {
public:
  LookAheadCheck(const CompiledPatterns::Automaton &automaton, uint32_t classes)
      : automaton(automaton), classes(classes) {}
  bool isBounded() const;

private:
  uint32_t next(uint32_t state, uint32_t klass) const {
    return automaton.next[size_t(state) * classes + klass];
  }
  /// States reached from `from` by characters of `allowed`, `from` itself only
  /// over a circle; without matches if `inVain`.
  std::vector<bool> reach(uint32_t from, const std::vector<bool> &allowed,
                          bool inVain) const;

  const CompiledPatterns::Automaton &automaton;
  const uint32_t classes;
};

std::vector<bool> LookAheadCheck::reach(uint32_t from,
                                        const std::vector<bool> &allowed,
                                        bool inVain) const {
  std::vector<bool> seen(automaton.states);
  std::vector<uint32_t> stack = {from};
  while (!stack.empty()) {
    uint32_t state = stack.back();
    stack.pop_back();
    for (uint32_t klass = 0; klass + 1 < classes; ++klass) {
      uint32_t entry = next(state, klass), to = entry / 2;
      if (!allowed[klass] || to == 0 || seen[to] || (inVain && entry % 2))
        continue;
      seen[to] = true;
      stack.push_back(to);
    }
  }
  return seen;
}

bool LookAheadCheck::isBounded() const {
  const std::vector<bool> all(classes, true);
  std::vector<std::vector<bool>> reached;
  for (uint32_t state = 0; state < automaton.states; ++state)
    reached.push_back(reach(state, all, true));
  std::set<std::vector<bool>> circles;
  for (uint32_t state = 1; state < automaton.states; ++state) {
    if (!reached[state][state])
      continue;
    std::vector<bool> characters(classes);
    for (uint32_t other = 1; other < automaton.states; ++other)
      if (reached[state][other] && reached[other][state])
        for (uint32_t klass = 0; klass + 1 < classes; ++klass) {
          uint32_t entry = next(other, klass), to = entry / 2;
          if (!(entry % 2) && to && reached[state][to] && reached[to][state])
            characters[klass] = true;
        }
    circles.insert(characters);
  }
  for (const std::vector<bool> &characters : circles) {
    std::vector<bool> states = reach(1, characters, false);
    for (uint32_t state = 1; state < automaton.states; ++state)
      for (uint32_t klass = 0; klass + 1 < classes; ++klass)
        if (states[state] && characters[klass] && !(next(state, klass) % 2))
          return false;
  }
  return true;
}

/// The automaton that tells, from the end of a text, where reading on is not in
/// vain: its states are the sets of states that have a match ahead.
bool addAhead(CompiledPatterns::Automaton &automaton, uint32_t classes) {
  using Set = std::vector<bool>;
  auto before = [&](const Set *behind, uint32_t klass) {
    Set set(automaton.states);
    for (uint32_t state = 1; state < automaton.states; ++state) {
      uint32_t entry = automaton.next[size_t(state) * classes + klass];
      set[state] = entry % 2 || (behind && (*behind)[entry / 2]);
    }
    return set;
  };
  std::vector<Set> sets = {before(nullptr, classes - 1)};
  std::map<Set, uint32_t> numbers = {{sets[0], 0}};
  for (size_t number = 0; number < sets.size(); ++number)
    for (uint32_t klass = 0; klass < classes; ++klass) {
      // Nothing stands behind the end.
      Set set = klass + 1 < classes ? before(&sets[number], klass) : sets[0];
      auto [found, isNew] = numbers.insert({set, uint32_t(sets.size())});
      if (isNew)
        sets.push_back(std::move(set));
      if (sets.size() > maxAheadStates)
        return false;
      automaton.ahead.push_back(found->second);
    }
  automaton.aheadStates = uint32_t(sets.size());
  for (const Set &set : sets)
    automaton.ahead.insert(automaton.ahead.end(), set.begin(), set.end());
  return true;
}

void collectSets(const RegexNode &node,
                 const std::function<void(const CharacterSet &)> &visit) {
  if (node.kind == RegexNode::Characters || node.kind == RegexNode::Ahead)
    visit(node.set);
  for (const Regex &child : node.children)
    collectSets(*child, visit);
}

} // namespace

uint32_t PatternCompiler::add(Regex regex) {
  collectSets(*regex, [&](const CharacterSet &set) { distinguish(set); });
  regexes.push_back(std::move(regex));
  return uint32_t(regexes.size() - 1);
}

void PatternCompiler::distinguish(const CharacterSet &set) {
  if (std::find(sets.begin(), sets.end(), set) == sets.end())
    sets.push_back(set);
}

/// Code points that no set tells apart are one class.
bool PatternCompiler::makeClasses(CompiledPatterns &out, std::string &error) {
  // Where membership in a set changes.
  std::map<uint32_t, std::vector<uint32_t>> changes = {{0, {}}};
  for (uint32_t i = 0; i < sets.size(); ++i)
    for (auto [first, last] : sets[i].getRanges())
      if (first < endOfText) {
        changes[first].push_back(i);
        changes[last + 1].push_back(i);
      }
  std::vector<bool> member(sets.size());
  std::map<std::vector<bool>, uint32_t> numbers;
  out.starts.clear();
  for (auto &[code, which] : changes) {
    if (code >= endOfText)
      break;
    for (uint32_t i : which)
      member[i] = !member[i];
    uint32_t number =
        numbers.insert({member, uint32_t(numbers.size())}).first->second;
    if (out.starts.empty() || out.starts.back().second != number)
      out.starts.push_back({code, number});
  }
  out.classes = uint32_t(numbers.size()) + 1; // and the end of the text
  if (out.classes > maxClasses)
    error = "there are more than " + std::to_string(maxClasses) +
            " kinds of characters";
  return error.empty();
}

bool PatternCompiler::compile(CompiledPatterns &out, uint32_t &failed,
                              std::string &error) {
  error.clear();
  failed = 0;
  if (!makeClasses(out, error))
    return false;
  for (const Regex &regex : regexes) {
    std::vector<Instruction> instructions = {{Instruction::Match, 0, 0, {}}};
    Assembler assembler(out, instructions);
    uint32_t first = assembler.assemble(*regex, 0);
    CompiledPatterns::Automaton automaton;
    if (assembler.tooLarge() ||
        !Determinizer(instructions, out.classes).run(first, automaton)) {
      error = "it is too large";
      return false;
    }
    for (uint32_t klass = 0; klass < out.classes; ++klass)
      if (automaton.next[out.classes + klass] % 2)
        error = "it matches nothing at all";
    if (error.empty() && !LookAheadCheck(automaton, out.classes).isBounded() &&
        !addAhead(automaton, out.classes))
      error = "it would make splitting slow on some texts";
    if (!error.empty())
      return false;
    out.automata.push_back(std::move(automaton));
    ++failed;
  }
  return true;
}

} // namespace tern
