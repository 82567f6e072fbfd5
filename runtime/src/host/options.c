/*===- options.c - flags of compiled programs ------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * One table, which parsing and --help both go by, so that they cannot disagree.
 */
#include "host.h"

#include <stddef.h>
#include <string.h>

#define TEXT_TO_TOKENS (COMMAND_RUN | COMMAND_CHAT)
#define ALL (COMMAND_RUN | COMMAND_CHAT | COMMAND_PPL | COMMAND_BENCH)
#define AT(field) offsetof(host_options, field)
#define MOST_TOKENS 4294967295.0

static const host_flag flags[] = {
    {"-p", "--prompt", "TEXT", "text to continue", FLAG_TEXT, COMMAND_RUN,
     AT(prompt), 0, 0},
    {"-f", "--file", "FILE", "read the text from a file; - is standard input",
     FLAG_TEXT, COMMAND_RUN | COMMAND_PPL, AT(file), 0, 0},
    {"--ids", NULL, "1,2,3", "token ids to continue, taken as they are",
     FLAG_TEXT, COMMAND_RUN, AT(ids), 0, 0},
    {"--system", "-p", "TEXT",
     "what the model is told before the first message", FLAG_TEXT, COMMAND_CHAT,
     AT(system), 0, 0},
    {"-sysf", "--system-prompt-file", "FILE", "read that from a file",
     FLAG_TEXT, COMMAND_CHAT, AT(system_file), 0, 0},
    {"-st", "--single-turn", NULL, "end after one answer", FLAG_SWITCH,
     COMMAND_CHAT, AT(single_turn), 0, 0},
    {"--chat-template", NULL, "FILE",
     "how messages become text, in Jinja (default: the model's)", FLAG_TEXT,
     COMMAND_CHAT, AT(chat_template), 0, 0},
    {"--thinking", NULL, "on|off|auto",
     "let the model think before it answers, if its template has a switch for "
     "that (default auto: as the template has it)",
     FLAG_TEXT, COMMAND_CHAT, AT(thinking), 0, 0},
    {"--hide-thinking", NULL, NULL,
     "do not print what the model thinks, between <think> and </think>",
     FLAG_SWITCH, COMMAND_CHAT, AT(hide_thinking), 0, 0},
    {"--tools", NULL, "FILE",
     "functions that the model may call: a list of objects in JSON, for the "
     "template",
     FLAG_TEXT, COMMAND_CHAT, AT(tools), 0, 0},
    {"--color", NULL, "auto|always|never",
     "colors at the prompt, and dim thoughts (default auto: at a terminal, "
     "unless NO_COLOR is set)",
     FLAG_TEXT, COMMAND_CHAT, AT(color), 0, 0},
    {"--commands", NULL, NULL,
     "take lines that begin with / as commands from a pipe, too", FLAG_SWITCH,
     COMMAND_CHAT, AT(commands), 0, 0},
    {"-n", "--n-predict", "N",
     "tokens to generate; -1: until an end token or a full context (default: "
     "the model's, or -1)",
     FLAG_INTEGER, TEXT_TO_TOKENS, AT(limit), -2, 2147483647.0},
    {"-p", "--n-prompt", "LIST",
     "prompt lengths to measure (default 512, or the context if smaller)",
     FLAG_TEXT, COMMAND_BENCH, AT(prompt_list), 0, 0},
    {"-n", "--n-gen", "LIST",
     "numbers of tokens to generate (default 128, or the context if smaller)",
     FLAG_TEXT, COMMAND_BENCH, AT(generate_list), 0, 0},
    {"-b", "--batch", "LIST", "sequences that generate at once (default 1)",
     FLAG_TEXT, COMMAND_BENCH, AT(batch_list), 0, 0},
    {"-d", "--depth", "LIST",
     "tokens that each sequence holds before (default 0)", FLAG_TEXT,
     COMMAND_BENCH, AT(depth_list), 0, 0},
    {"-t", "--threads", "LIST",
     "numbers of threads (default: the CPUs that affinity and quota allow)",
     FLAG_TEXT, COMMAND_BENCH, AT(thread_list), 0, 0},
    {"-r", "--repetitions", "N", "measurements of each (default 5)",
     FLAG_INTEGER, COMMAND_BENCH, AT(repetitions), 1, 1000},
    {"-o", "--output", "md|csv|json|jsonl",
     "how results are printed (default md)", FLAG_TEXT, COMMAND_BENCH,
     AT(format), 0, 0},
    {"-t", "--threads", "N",
     "threads (default: the CPUs that affinity and quota allow)", FLAG_INTEGER,
     ALL & ~(uint32_t)COMMAND_BENCH, AT(threads), 1, TERN_MAX_WORKERS},
    {"-c", "--ctx-size", "N",
     "tokens of context; 0: all the model has (default; ppl: at most 512)",
     FLAG_INTEGER, ALL, AT(context), 0, MOST_TOKENS},
    {"--temp", NULL, "T",
     "temperature; 0 always takes the likeliest token (default: the model's)",
     FLAG_NUMBER, TEXT_TO_TOKENS, AT(temperature), 0, 1e6},
    {"--top-k", NULL, "K",
     "sample from the K likeliest; 0: all (default: the model's)", FLAG_INTEGER,
     TEXT_TO_TOKENS, AT(top_k), 0, 2147483647.0},
    {"--top-p", NULL, "P",
     "sample from the likeliest that make up P (default: the model's)",
     FLAG_NUMBER, TEXT_TO_TOKENS, AT(top_p), 1e-6, 1},
    {"--min-p", NULL, "P",
     "sample from those at least P times as likely as the likeliest (default: "
     "the model's)",
     FLAG_NUMBER, TEXT_TO_TOKENS, AT(min_p), 0, 1},
    {"--repeat-penalty", NULL, "X",
     "make tokens that came before less likely; 1: off (default: the model's)",
     FLAG_NUMBER, TEXT_TO_TOKENS, AT(repeat_penalty), 1e-3, 1e6},
    {"--repeat-last-n", NULL, "N",
     "how many tokens back the penalty looks; -1: all; 0: off (default: 64 "
     "with "
     "--repeat-penalty, else the model's)",
     FLAG_INTEGER, TEXT_TO_TOKENS, AT(repeat_last_n), -1, 2147483647.0},
    {"--presence-penalty", NULL, "X",
     "take X from the logit of each token that the answer has already; 0: off "
     "(default)",
     FLAG_NUMBER, TEXT_TO_TOKENS, AT(presence_penalty), -1e6, 1e6},
    {"--frequency-penalty", NULL, "X",
     "take X from it as often as the answer has the token; 0: off (default)",
     FLAG_NUMBER, TEXT_TO_TOKENS, AT(frequency_penalty), -1e6, 1e6},
    {"-l", "--logit-bias", "ID+X",
     "add X to the logit of the token ID; ID-X takes it away; may be given "
     "again",
     FLAG_LIST, TEXT_TO_TOKENS, AT(biases), 0, 0},
    {"-s", "--seed", "N",
     "seed of sampling; the same seed gives the same text (default -1: the "
     "clock)",
     FLAG_INTEGER, TEXT_TO_TOKENS, AT(seed), -1, 9007199254740991.0},
    {"--logits", NULL, "FILE.npy",
     "write the logits of every prompt position, f32 [tokens, vocabulary]",
     FLAG_TEXT, COMMAND_RUN, AT(logits_file), 0, 0},
    {"--hidden", NULL, "FILE.npy",
     "write the residual stream after each layer, f32 [layers, tokens, hidden]",
     FLAG_TEXT, COMMAND_RUN, AT(hidden_file), 0, 0},
    {"--print-ids", NULL, NULL, "print token ids instead of text", FLAG_SWITCH,
     COMMAND_RUN, AT(print_ids), 0, 0},
    {"--echo", NULL, NULL, "print the prompt before its continuation",
     FLAG_SWITCH, COMMAND_RUN, AT(echo), 0, 0},
    {"--stop", NULL, "TEXT",
     "end before this text, which is not printed; may be given again, and adds "
     "to the model's",
     FLAG_LIST, TEXT_TO_TOKENS, AT(stops), 0, 0},
    {"--grammar", "--grammar-file", "FILE",
     "answer in the form of a grammar's rules; the program must have been "
     "compiled with --grammars",
     FLAG_TEXT, TEXT_TO_TOKENS, AT(grammar), 0, 0},
    {"--json-schema", "--json-schema-file", "FILE",
     "answer with JSON that is valid by a schema, likewise", FLAG_TEXT,
     TEXT_TO_TOKENS, AT(schema), 0, 0},
    {"--ignore-eos", NULL, NULL,
     "go on after an end token and the model's stop strings", FLAG_SWITCH,
     TEXT_TO_TOKENS, AT(ignore_eos), 0, 0},
    {"-e", "--escape", NULL,
     "take \\n, \\t, \\r, \\\", \\', \\\\ and \\xHH in texts on the command "
     "line "
     "for what they stand for",
     FLAG_SWITCH, TEXT_TO_TOKENS, AT(escape), 0, 0},
    {"--device", NULL, "N",
     "the GPU that a program for GPUs runs on, counted from 0 (default 0)",
     FLAG_INTEGER, ALL, AT(device), 0, 255},
    {"--load", NULL, "auto|map|huge",
     "where weights lie: as the file is mapped, in huge pages of memory, or "
     "(auto, the default) there if that is possible and pays",
     FLAG_TEXT, ALL, AT(load), 0, 0},
    {"--code", NULL, "CPU",
     "take the code that was compiled for this CPU (default: the best that "
     "this "
     "one can run; -v lists them)",
     FLAG_TEXT, ALL, AT(code), 0, 0},
    {"--mlock", NULL, NULL,
     "keep the weights in memory; not more than ulimit -l allows", FLAG_SWITCH,
     ALL, AT(mlock), 0, 0},
    {"--no-bos", NULL, NULL, "do not set the begin token before the text",
     FLAG_SWITCH, COMMAND_RUN, AT(no_bos), 0, 0},
    {"-cnv", "--conversation", NULL, "chat, as if that were the command",
     FLAG_SWITCH, COMMAND_RUN, AT(conversation), 0, 0},
    {"--no-warmup", NULL, NULL,
     "do not run a few tokens before the first "
     "measurement",
     FLAG_SWITCH, COMMAND_BENCH, AT(no_warmup), 0, 0},
    {"--chunks", NULL, "K", "windows to score (default: all)", FLAG_INTEGER,
     COMMAND_PPL, AT(chunks), 1, MOST_TOKENS},
    {"--second-half", NULL, NULL,
     "score the second half of windows of N tokens, as llama.cpp does",
     FLAG_SWITCH, COMMAND_PPL, AT(second_half), 0, 0},
    {"--kl-base", NULL, "FILE",
     "write the logits of the windows to a file; "
     "with --kl, read them",
     FLAG_TEXT, COMMAND_PPL, AT(kl_base), 0, 0},
    {"--kl", NULL, NULL,
     "how far predictions are from those in --kl-base: "
     "KL divergence and more",
     FLAG_SWITCH, COMMAND_PPL, AT(kl), 0, 0},
    {"--output-json", NULL, NULL, "print an object instead of a line",
     FLAG_SWITCH, COMMAND_PPL, AT(json), 0, 0},
    {"--stats", NULL, NULL,
     "tell on standard error how many weight bytes were read, per projection",
     FLAG_SWITCH, COMMAND_RUN | COMMAND_PPL, AT(stats), 0, 0},
    {"-v", "--verbose", NULL,
     "tell on standard error which code, threads and pages of memory are used",
     FLAG_SWITCH, ALL, AT(verbose), 0, 0},
    {"-q", "--quiet", NULL, "no timing and no progress on standard error",
     FLAG_SWITCH, ALL, AT(quiet), 0, 0},
    {"--weights", NULL, "FILE",
     "the model's weights, when the program does not carry them", FLAG_TEXT,
     ALL, AT(weights), 0, 0},
    {"--verify", NULL, NULL,
     "before anything else, compare code, weights and tokenizer with the "
     "checksums that tern compile wrote",
     FLAG_SWITCH, ALL, AT(verify), 0, 0},
    {"-h", "--help", NULL, "this text", FLAG_SWITCH, ALL, AT(help), 0, 0},
    {"--version", NULL, NULL, "name, version and target", FLAG_SWITCH, ALL,
     AT(version), 0, 0},
};
#define FLAG_COUNT (sizeof(flags) / sizeof(flags[0]))

const host_flag *host_flag_list(size_t *count) {
  *count = FLAG_COUNT;
  return flags;
}

int host_flag_is(const char *name, const char *text, size_t length) {
  int is_long = length > 1 && text[1] == '-';
  for (size_t i = 0; i < length; ++i)
    if (name[i] != (is_long && text[i] == '_' ? '-' : text[i]))
      return 0;
  return name[length] == 0;
}

const char *host_flag_bare(const host_flag *flag) {
  return strcmp(flag->name, "--color") == 0 ? "always" : NULL;
}

const host_command host_commands[] = {
    {"run", "continue a text (what happens without a command)", COMMAND_RUN},
    {"chat", "talk: each line is a message, and is answered", COMMAND_CHAT},
    {"ppl", "perplexity on a text", COMMAND_PPL},
    {"bench", "measure speed", COMMAND_BENCH},
    {NULL, NULL, 0},
};

const char *host_options_command_name(uint32_t bit) {
  for (const host_command *c = host_commands; c->name; ++c)
    if (c->bit == bit)
      return c->name;
  return "";
}

uint32_t host_options_command(const char *name) {
  for (const host_command *c = host_commands; c->name; ++c)
    if (strcmp(c->name, name) == 0)
      return c->bit;
  return 0;
}

int host_options_say_chat(const char *text, uint32_t command) {
  return (command == COMMAND_RUN || command == COMMAND_CHAT) &&
         (strcmp(text, "-cnv") == 0 || strcmp(text, "--conversation") == 0);
}
