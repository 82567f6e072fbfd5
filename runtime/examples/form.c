/*===- form.c - an answer that is JSON --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 *   tern compile MODEL -o bard.so     # bard.so, bard.h, bard.weights
 *   cc form.c $(pkg-config --cflags --libs tern) -o form
 *   ./form ./bard.so '{"enum": ["yes", "no"]}' "To be?"
 */
#include "tern/engine.h"
#include "tern/grammar.h"

#include <stdio.h>
#include <string.h>

static int on_event(void *data, const tern_event *event) {
  (void)data;
  fwrite(event->text, 1, event->text_bytes, stdout);
  if (event->kind == TERN_EVENT_END && event->finish == TERN_FINISH_FAILED)
    fprintf(stderr, "%s\n", event->error);
  return 0;
}

int main(int argc, char **argv) {
  tern_error error;
  if (argc != 4) {
    fprintf(stderr, "usage: %s LIBRARY SCHEMA TEXT\n", argv[0]);
    return 2;
  }
  tern_grammar *grammar =
      tern_grammar_from_schema(argv[2], strlen(argv[2]), NULL, &error);
  if (!grammar) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  tern_engine *engine = tern_engine_open(argv[1], NULL);
  tern_request request;
  tern_request_init(&request);
  request.text = argv[3];
  request.text_bytes = strlen(argv[3]);
  request.temperature = 0;
  request.grammar = grammar;
  request.on_event = on_event;
  int status = engine ? tern_engine_submit(engine, &request, NULL) : -1;
  tern_grammar_release(grammar);
  if (status == 0)
    while ((status = tern_engine_step(engine)) == 1)
      ;
  if (status < 0)
    fprintf(stderr, "%s\n", tern_engine_error());
  tern_engine_close(engine);
  puts("");
  return status < 0;
}
