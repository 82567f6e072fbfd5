/*===- prompt_files.c - numbers of a prompt, in files -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "prompt_files.h"

#include <stdlib.h>
#include <string.h>

int prompt_files_are_wanted(const host_program *program) {
  return program->options.logits_file || program->options.hidden_file;
}

int prompt_files_open(prompt_files *files, host_program *program, size_t tokens,
                      tern_request *request) {
  const tern_model *model = program->model;
  const host_options *o = &program->options;
  memset(files, 0, sizeof(*files));
  files->program = program;
  files->tokens = (uint32_t)tokens;
  if (o->logits_file) {
    request->flags |= TERN_REQUEST_LOGITS | TERN_REQUEST_PROMPT_LOGPROBS;
    files->logits =
        host_allocate(program, tokens, model->vocab_size, sizeof(float));
  }
  if (o->hidden_file) {
    request->flags |= TERN_REQUEST_PROMPT_HIDDEN;
    files->hidden =
        host_allocate(program, (uint64_t)tokens * model->layer_count,
                      model->hidden_size, sizeof(float));
  }
  return (o->logits_file && !files->logits) ||
                 (o->hidden_file && !files->hidden)
             ? -1
             : 0;
}

void prompt_files_close(prompt_files *files) {
  free(files->logits);
  free(files->hidden);
  files->logits = files->hidden = NULL;
}

static void take_hidden(prompt_files *files, const float *hidden) {
  const tern_model *model = files->program->model;
  size_t width = model->hidden_size;
  for (size_t l = 0; l < model->layer_count; ++l)
    memcpy(files->hidden + (l * files->tokens + files->states) * width,
           hidden + l * width, width * sizeof(float));
  ++files->states;
}

static void take_logits(prompt_files *files, const float *logits) {
  size_t vocab_size = files->program->model->vocab_size;
  memcpy(files->logits + files->rows * vocab_size, logits,
         vocab_size * sizeof(float));
  ++files->rows;
}

static int write_files(prompt_files *files) {
  host_program *program = files->program;
  const tern_model *model = program->model;
  uint64_t logits_shape[] = {files->tokens, model->vocab_size};
  uint64_t hidden_shape[] = {model->layer_count, files->tokens,
                             model->hidden_size};
  int result = 0;
  if (files->logits)
    result = host_write_npy(program, program->options.logits_file,
                            files->logits, logits_shape, 2);
  if (result == 0 && files->hidden)
    result = host_write_npy(program, program->options.hidden_file,
                            files->hidden, hidden_shape, 3);
  prompt_files_close(files);
  return result;
}

/* The logits behind the last token come with the first one of the answer, or at
 * its end. */
int prompt_files_take(prompt_files *files, const tern_event *event) {
  if (!files->logits && !files->hidden)
    return 0;
  if (event->kind == TERN_EVENT_HIDDEN)
    take_hidden(files, event->hidden);
  else if (files->logits && event->logits)
    take_logits(files, event->logits);
  int is_whole = (!files->logits || files->rows == files->tokens) &&
                 (!files->hidden || files->states == files->tokens);
  return is_whole && (event->kind == TERN_EVENT_TOKEN ||
                      event->kind == TERN_EVENT_END)
             ? write_files(files)
             : 0;
}
