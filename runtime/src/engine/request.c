/*===- request.c - requests as they come -----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../host/defaults.h"
#include "../host/pick.h"
#include "engine.h"

#include <stdlib.h>
#include <string.h>

static void set_defaults(tern_request *request) {
  memset(request, 0, sizeof(*request));
  request->size = sizeof(*request);
  request->temperature = request->top_p = request->min_p = -1;
  request->repeat_penalty = -1;
  request->top_k = request->repeat_last_n = -1;
  request->seed = request->max_tokens = -1;
}

void(tern_request_init)(tern_request *request) { set_defaults(request); }

void tern_request_init_sized(tern_request *request, size_t size) {
  tern_request defaults;
  set_defaults(&defaults);
  engine_set_defaults(request, size, &defaults, sizeof(defaults));
}

void engine_request_free(engine_request *request) {
  if (!request)
    return;
  host_generator *generator = &request->generator;
  engine_constrain_free(request);
  host_stops_close(&request->stops);
  free(generator->rules_memory);
  free(generator->biases);
  free(generator->ready.text.at);
  free(generator->ready.marks.at);
  free(request->opening.text.at);
  free(request->opening.marks.at);
  free(request->out.text.at);
  free(request->out.marks.at);
  free(request->strings);
  free(request->prompt);
  free(request->hidden);
  free(request);
}

/*--- Checks ----------------------------------------------------------------*/

/* Limits are those of the command line's flag. Negative numbers, where they
 * stand for the model's, and NaN are its callers' business. */
static int check_number(const char *name, const char *flag, double value) {
  size_t count;
  const host_flag *flags = host_flag_list(&count);
  for (size_t i = 0; i < count; ++i)
    if (strcmp(flags[i].name, flag) == 0 &&
        !(value >= flags[i].low && value <= flags[i].high))
      return engine_fail(TERN_ENGINE_INVALID, "%s is %g, expected %g to %g",
                         name, value, flags[i].low, flags[i].high);
  return 0;
}

static int check_numbers(const tern_request *r) {
  const struct {
    const char *name, *flag;
    double value, unset;
  } numbers[] = {
      {"temperature", "--temp", r->temperature, 0},
      {"top_p", "--top-p", r->top_p, 0},
      {"min_p", "--min-p", r->min_p, 0},
      {"top_k", "--top-k", (double)r->top_k, 0},
      {"repeat_penalty", "--repeat-penalty", r->repeat_penalty, 0},
      {"presence_penalty", "--presence-penalty", r->presence_penalty, -1e300},
      {"frequency_penalty", "--frequency-penalty", r->frequency_penalty,
       -1e300},
  };
  for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); ++i)
    if (!(numbers[i].value < numbers[i].unset) &&
        check_number(numbers[i].name, numbers[i].flag, numbers[i].value) != 0)
      return TERN_ENGINE_INVALID;
  if (r->flags >> 10)
    return engine_fail(TERN_ENGINE_INVALID,
                       "flags is %#x, which has bits that "
                       "are not known",
                       r->flags);
  if (r->top > TERN_MAX_TOP)
    return engine_fail(TERN_ENGINE_INVALID, "top is %u, expected at most %u",
                       r->top, TERN_MAX_TOP);
  return 0;
}

static void set_options(host_options *o, const tern_request *r) {
  const double unset = UNSET_NUMBER;
  o->temperature = r->temperature < 0 ? unset : r->temperature;
  o->top_p = r->top_p < 0 ? unset : r->top_p;
  o->min_p = r->min_p < 0 ? unset : r->min_p;
  o->repeat_penalty = r->repeat_penalty < 0 ? unset : r->repeat_penalty;
  o->presence_penalty = r->presence_penalty;
  o->frequency_penalty = r->frequency_penalty;
  o->top_k = r->top_k < 0 ? -1 : r->top_k;
  o->repeat_last_n = r->repeat_last_n < 0           ? UNSET_LIMIT
                     : r->repeat_last_n > INT32_MAX ? -1
                                                    : r->repeat_last_n;
  o->seed = r->seed < 0 ? -1 : r->seed;
  o->limit = r->max_tokens < 0 ? UNSET_LIMIT : r->max_tokens;
  o->ignore_eos = (r->flags & TERN_REQUEST_IGNORE_END) != 0;
  o->no_bos = (r->flags & TERN_REQUEST_NO_BOS) != 0;
}

/* Copies of the strings, for they are the caller's. A string that is UTF-8 as a
 * whole never ends inside of a character; those of a command line are bytes. */
static int set_stops(engine_request *request, const tern_request *r) {
  host_list *list = &request->program.options.stops;
  size_t bytes = 0;
  if (r->stop_count > TERN_MAX_STOPS)
    return engine_fail(TERN_ENGINE_INVALID,
                       "there are %zu stop strings, expected at most %u",
                       r->stop_count, TERN_MAX_STOPS);
  for (size_t i = 0; i < r->stop_count; ++i) {
    size_t length = r->stops[i] ? strlen(r->stops[i]) : 0;
    if (length == 0 || length > TERN_MAX_STOP_BYTES ||
        !(request->engine->is_lent || engine_is_utf8(r->stops[i], length)))
      return engine_fail(TERN_ENGINE_INVALID,
                         "stop string %zu has %zu bytes, expected 1 to %u of "
                         "UTF-8",
                         i, length, TERN_MAX_STOP_BYTES);
    bytes += length + 1;
  }
  char *at = request->strings = malloc(bytes + 1);
  if (!at)
    return engine_fail(TERN_ENGINE_FAILED, "out of memory");
  list->count = (int64_t)r->stop_count;
  for (size_t i = 0; i < r->stop_count; ++i) {
    size_t length = strlen(r->stops[i]) + 1;
    list->at[i] = memcpy(at, r->stops[i], length);
    at += length;
  }
  return 0;
}

static int set_biases(engine_request *request, const tern_request *r) {
  uint32_t vocab_size = request->engine->program.model->vocab_size;
  host_generator *generator = &request->generator;
  if (r->bias_count > vocab_size)
    return engine_fail(TERN_ENGINE_INVALID,
                       "there are %zu biases, expected at most %u",
                       r->bias_count, vocab_size);
  for (size_t i = 0; i < r->bias_count; ++i) {
    tern_logit_bias bias = r->biases[i];
    if (bias.token < 0 || (uint32_t)bias.token >= vocab_size)
      return engine_fail(TERN_ENGINE_INVALID,
                         "bias %zu is of token %d, expected 0 to %u", i,
                         bias.token, vocab_size - 1);
    if (!(bias.value >= -1e6f && bias.value <= 1e6f))
      return engine_fail(TERN_ENGINE_INVALID,
                         "bias %zu is %g, expected -1e+06 to 1e+06", i,
                         (double)bias.value);
  }
  if (r->bias_count == 0)
    return 0;
  generator->biases = malloc(r->bias_count * sizeof(*r->biases));
  if (!generator->biases)
    return engine_fail(TERN_ENGINE_FAILED, "out of memory");
  memcpy(generator->biases, r->biases, r->bias_count * sizeof(*r->biases));
  generator->bias_count = r->bias_count;
  return 0;
}

/*--- The prompt ------------------------------------------------------------*/

static int copy_tokens(engine_request *request, const tern_request *r,
                       int32_t **tokens) {
  uint32_t vocab_size = request->engine->program.model->vocab_size;
  for (size_t i = 0; i < r->token_count; ++i)
    if (r->tokens[i] < 0 || (uint32_t)r->tokens[i] >= vocab_size)
      return engine_fail(TERN_ENGINE_INVALID,
                         "token %zu is %d, expected 0 to %u", i, r->tokens[i],
                         vocab_size - 1);
  *tokens = r->token_count < SIZE_MAX / sizeof(**tokens)
                ? malloc(r->token_count * sizeof(**tokens) + 1)
                : NULL;
  if (!*tokens)
    return engine_fail(TERN_ENGINE_FAILED, "out of memory");
  if (r->token_count)
    memcpy(*tokens, r->tokens, r->token_count * sizeof(**tokens));
  return 0;
}

/* Its number is not known to fit into anything yet. */
static int take_prompt(engine_request *request, const tern_request *r,
                       size_t *count) {
  tern_engine *engine = request->engine;
  int32_t **tokens = &request->prompt;
  int held = r->sequence && r->sequence->count;
  if (!!r->tokens + !!r->text + !!r->chat != 1 && !(held && !r->token_count))
    return engine_fail(TERN_ENGINE_INVALID,
                       "a request has one of tokens, text and chat, but this "
                       "one has %d of them",
                       !!r->tokens + !!r->text + !!r->chat);
  if (r->chat) {
    request->shows_tags = 1;
    return engine_encode_chat(engine, r->chat, &request->opening, tokens,
                              count);
  }
  if (r->text) {
    uint32_t bare = held || (r->flags & TERN_REQUEST_NO_BOS);
    return engine_encode(engine, r->text, r->text_bytes,
                         bare ? TERN_ENCODE_BARE : 0, tokens, count);
  }
  *count = r->token_count;
  return copy_tokens(request, r, tokens);
}

static int set_prompt(engine_request *request, const tern_request *r) {
  tern_engine *engine = request->engine;
  tern_sequence *sequence = r->sequence;
  size_t count = 0, held = sequence ? sequence->count : 0;
  if (sequence && sequence->engine != engine)
    return engine_fail(TERN_ENGINE_INVALID, "the sequence is another engine's");
  if (sequence && sequence->request)
    return engine_fail(TERN_ENGINE_INVALID,
                       "the sequence belongs to request %llu, which is not "
                       "over",
                       (unsigned long long)sequence->request->id);
  int result = take_prompt(request, r, &count);
  if (result != 0)
    return result;
  if (count > engine->context - held)
    return engine_fail(TERN_ENGINE_INVALID,
                       "the text has %zu tokens, but the context of %u has "
                       "room for %zu",
                       count, engine->context, engine->context - held);
  uint32_t position =
      held ? tern_session_position(sequence->session.session) : 0;
  if (count + held == position)
    return engine_fail(TERN_ENGINE_INVALID,
                       "the request has no tokens that could be read");
  request->prompt_count = (uint32_t)count;
  request->text_count = (uint32_t)(count + held);
  return 0;
}

/*--- What follows from both ------------------------------------------------*/

static int set_generator(engine_request *request,
                         const tern_sequence *sequence) {
  host_program *program = &request->program;
  host_generator *generator = &request->generator;
  tern_sampler_options sampling = host_default_sampler(program);
  generator->program = program;
  generator->stops = &request->stops;
  generator->sparse = request->engine->sparse;
  generator->mark = TERN_MARK_WRITTEN;
  request->shows_tags |= (request->flags & TERN_REQUEST_TAGS) != 0;
  if (host_status(program, tern_sampler_init(&generator->sampler, &sampling),
                  "sampling") != 0 ||
      host_default_rules(program, &generator->rules,
                         &generator->rules_memory) != 0 ||
      host_stops_open(&request->stops, program) != 0 ||
      host_default_limit(program, request->text_count, &request->limit) != 0)
    return engine_pass_on(&program->error);
  if ((request->flags & TERN_REQUEST_SAME_SEED) && sequence &&
      sequence->has_random)
    generator->sampler.random = sequence->random;
  int needs_logits =
      (request->flags & (TERN_REQUEST_LOGPROBS | TERN_REQUEST_LOGITS |
                         TERN_REQUEST_PROMPT_LOGPROBS)) != 0;
  request->picks_best = !needs_logits && host_picks_best(generator);
  request->may_choose = !needs_logits && host_may_choose(generator);
  request->choice.choose = engine_choose;
  request->choice.data = request;
  return 0;
}

/* Room for hidden states of a step, and behind them for those of a token. */
static int set_hidden(engine_request *request) {
  const tern_model *model = request->engine->program.model;
  uint32_t step = request->engine->options.step_tokens;
  if (!(request->flags & (TERN_REQUEST_HIDDEN | TERN_REQUEST_PROMPT_HIDDEN)))
    return 0;
  if ((request->flags & TERN_REQUEST_HIDDEN) &&
      (request->flags & TERN_REQUEST_PROMPT_HIDDEN))
    return engine_fail(TERN_ENGINE_INVALID,
                       "flags asks for hidden states of the prompt's last "
                       "token and of each; the last of these is that");
  request->hidden_tokens = 1;
  if (request->flags & TERN_REQUEST_PROMPT_HIDDEN)
    request->hidden_tokens =
        request->text_count < step ? request->text_count : step;
  request->hidden =
      calloc((size_t)model->layer_count * model->hidden_size,
             ((size_t)request->hidden_tokens + 1) * sizeof(float));
  return request->hidden ? 0 : engine_fail(TERN_ENGINE_FAILED, "out of memory");
}

static int set_memory(engine_request *request) {
  tern_engine *engine = request->engine;
  uint64_t allowed = engine->options.state_bytes;
  uint32_t room = engine->context - request->text_count;
  int is_bounded = request->limit >= 0 && request->limit < (int64_t)room;
  uint32_t most =
      request->text_count + (is_bounded ? (uint32_t)request->limit : room);
  request->reserved_bytes = engine_state_bytes(engine, most);
  request->reserved_tokens = most;
  if (engine->options.state_tokens && most > engine->options.state_tokens)
    return engine_fail(TERN_ENGINE_INVALID,
                       "a text of up to %u tokens is longer than state_tokens, "
                       "%llu; max_tokens makes it less",
                       most, (unsigned long long)engine->options.state_tokens);
  if (allowed && request->reserved_bytes > allowed)
    return engine_fail(TERN_ENGINE_INVALID,
                       "a text of up to %u tokens needs a state of %llu bytes, "
                       "but state_bytes allows %llu; max_tokens makes it less",
                       most, (unsigned long long)request->reserved_bytes,
                       (unsigned long long)allowed);
  return set_hidden(request);
}

engine_request *engine_request_make(tern_engine *engine,
                                    const tern_request *wanted, int *result) {
  tern_request r;
  tern_request_init(&r);
  *result = engine_take(&r, sizeof(r), wanted, wanted->size, "tern_request");
  if (*result != 0 || (*result = check_numbers(&r)) != 0)
    return NULL;
  engine_request *request = calloc(1, sizeof(*request));
  if (!request) {
    *result = engine_fail(TERN_ENGINE_FAILED, "out of memory");
    return NULL;
  }
  request->engine = engine;
  request->program = engine->program;
  request->program.error.text[0] = 0;
  request->came = host_now();
  request->flags = r.flags;
  request->top = r.top;
  request->best = -1;
  request->on_event = r.on_event;
  request->data = r.data;
  set_options(&request->program.options, &r);
  if ((*result = set_stops(request, &r)) == 0 &&
      (*result = set_biases(request, &r)) == 0 &&
      (*result = set_prompt(request, &r)) == 0 &&
      (*result = set_generator(request, r.sequence)) == 0 &&
      (*result = set_memory(request)) == 0 &&
      (*result = engine_constrain(request, r.grammar)) == 0) {
    request->sequence = r.sequence;
    return request;
  }
  engine_request_free(request);
  return NULL;
}
