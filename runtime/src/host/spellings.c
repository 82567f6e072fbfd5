/*===- spellings.c - flags as other programs spell them --------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * People come with the flags of llama.cpp. Those that mean something here are
 * taken; the others are refused with the reason, not as unknown.
 */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_NAME 32u

#define RUN COMMAND_RUN
#define CHAT COMMAND_CHAT
#define TEXTS (COMMAND_RUN | COMMAND_CHAT)
#define PPL COMMAND_PPL
#define BENCH COMMAND_BENCH
#define ALL (COMMAND_RUN | COMMAND_CHAT | COMMAND_PPL | COMMAND_BENCH)

/* The same flag under another name, */
#define SAME(names, commands, flag) {names, commands, flag, NULL, NULL}
/* a switch that says how it is in any case, */
#define SO_ANYWAY(names, commands, reason) {names, commands, NULL, "", reason}
/* and a flag that is refused, whatever its value is or unless it is this one.
 */
#define REFUSED(names, commands, reason) {names, commands, NULL, NULL, reason}
#define REFUSED_UNLESS(names, commands, value, reason)                         \
  {names, commands, NULL, value, reason}

#define NO_GPU "a model runs where tern compile --target says, as a whole"
#define NO_DOWNLOAD                                                            \
  "nothing is downloaded; give the path of a checkpoint's folder or file"
#define SAMPLERS                                                               \
  "tokens are chosen by the repeat, presence and frequency penalty, "          \
  "--logit-bias, temperature, --top-k, --min-p and --top-p, in this order"
#define ONE_MODEL "there is no second model that drafts"
#define NO_SHIFT "a full context is not shifted"
#define ROPE "positions are as the checkpoint's config says"
#define NO_SERVER "tern serve answers over HTTP"
#define NO_ADAPTER                                                             \
  "adapters are not applied; merge one into its model before tern compile"
#define MAPPED "weights are mapped, and then --load says where they lie"
#define LOG "messages go to standard error, which 2> FILE catches"
#define AFFINITY "taskset says which CPUs a program may use"

static const host_spelling spellings[] = {
    SAME("--predict", TEXTS, "--n-predict"),
    SAME("--temperature -temp", TEXTS, "--temp"),
    SAME("-bf --binary-file", RUN | PPL, "--file"),
    SAME("--context", ALL, "--ctx-size"),
    SAME("-sys --system-prompt", CHAT, "--system"),
    SAME("-co", CHAT, "--color"),
    SAME("-rea --reasoning", CHAT, "--thinking"),
    SAME("--chat-template-file", CHAT, "--chat-template"),
    SAME("--display-prompt", RUN, "--echo"),
    SAME("--repetition-penalty", TEXTS, "--repeat-penalty"),
    SAME("-r --reverse-prompt", TEXTS, "--stop"),
    SAME("-jf", TEXTS, "--json-schema"),
    SAME("--max-new-tokens --num-predict", TEXTS, "--n-predict"),
    SAME("--log-disable --no-perf --no-show-timings", ALL, "--quiet"),
    SAME("--kl-divergence-base --save-all-logits", PPL, "--kl-base"),
    SAME("--kl-divergence", PPL, "--kl"),
    SAME("--usage", ALL, "--help"),
    SAME("--n-depth", BENCH, "--depth"),

    SO_ANYWAY("--no-warmup", TEXTS | PPL, "nothing runs before the prompt"),
    SO_ANYWAY("--mmap", ALL & ~(uint32_t)BENCH, MAPPED),
    SO_ANYWAY("-cnv --conversation", CHAT, "chat is a conversation"),
    SO_ANYWAY("--no-display-prompt", TEXTS, "only --echo prints the prompt"),
    SO_ANYWAY("-no-cnv --no-conversation", RUN, "run continues a text"),
    SO_ANYWAY("--no-context-shift", TEXTS, NO_SHIFT),
    SO_ANYWAY("--jinja", TEXTS, "templates are in Jinja"),
    SO_ANYWAY("--no-escape", TEXTS, "only --escape takes escapes apart"),
    SO_ANYWAY("--warmup", BENCH,
              "a few tokens run before the first measurement"),
    SO_ANYWAY("-ndio --no-direct-io", ALL, MAPPED),
    SO_ANYWAY("--perf --show-timings", ALL,
              "timing is shown unless --quiet is given"),
    SO_ANYWAY("--no-mmproj", ALL, "models read only text"),
    SO_ANYWAY("--offline", ALL, "nothing is downloaded"),

    REFUSED("-m --model", ALL,
            "this program carries its model; --weights FILE gives it other "
            "weights of the same shape"),
    REFUSED("-hf -hfr --hf-repo -hff --hf-file -hft --hf-token -hfd -hfrd "
            "--hf-repo-draft -hfv -hfrv --hf-repo-v -hffv --hf-file-v -mu "
            "--model-url "
            "-dr --docker-repo",
            ALL, NO_DOWNLOAD),
    REFUSED_UNLESS("-ngl --gpu-layers --n-gpu-layers", ALL, "0", NO_GPU),
    REFUSED_UNLESS("-mg --main-gpu", ALL, "0", NO_GPU),
    REFUSED_UNLESS("-sm --split-mode", ALL, "none", NO_GPU),
    REFUSED_UNLESS("-dev", ALL, "none", NO_GPU),
    REFUSED("-fit --fit -fitt --fit-target -fitc --fit-ctx -kvo --kv-offload "
            "--op-offload --no-host --rpc -bs --backend-sampling",
            ALL, NO_GPU),
    REFUSED("-ts --tensor-split -nkvo --no-kv-offload -ot --override-tensor "
            "-cmoe --cpu-moe -ncmoe --n-cpu-moe --list-devices --no-op-offload",
            ALL, NO_GPU),
    REFUSED("-b --batch-size -ub --ubatch-size", ALL,
            "how many tokens one pass over the weights takes is a choice of "
            "tern compile --max-tokens"),
    REFUSED("-tb --threads-batch", ALL,
            "prompt and generation have the same threads, --threads"),
    REFUSED("--no-mmap -dio --direct-io", ALL,
            MAPPED "; --mlock keeps them in memory"),
    REFUSED("--repack -nr --no-repack", ALL,
            "tern compile has chosen the order of the weights"),
    REFUSED("--swa-full --ctx-checkpoints --swa-checkpoints -cram --cache-ram "
            "--memory-f32 -kvu --kv-unified -dt --defrag-thold",
            ALL, "the KV cache is one piece that holds every token"),
    REFUSED_UNLESS("-mmp --mmap", BENCH, "1", MAPPED),
    REFUSED("-ctk -ctv --cache-type-k --cache-type-v", ALL,
            "how many bits the KV cache has is a choice of tern compile "
            "--kv-bits"),
    REFUSED("-fa --flash-attn", ALL,
            "attention is computed in one way, which tern compile chose"),
    REFUSED("--rope-scaling --rope-scale --rope-freq-base --rope-freq-scale "
            "--yarn-orig-ctx --yarn-ext-factor --yarn-attn-factor "
            "--yarn-beta-slow --yarn-beta-fast -gan --grp-attn-n -gaw "
            "--grp-attn-w",
            ALL, ROPE),
    REFUSED("--override-kv", ALL,
            "the model is as the checkpoint's config said at tern compile"),
    REFUSED("--numa", ALL,
            "memory is as the system gives it; numactl places a program"),
    REFUSED("-C --cpu-mask -Cr --cpu-range --cpu-strict -Cb --cpu-mask-batch "
            "-Crb --cpu-range-batch --cpu-strict-batch",
            ALL, AFFINITY),
    REFUSED("--prio --prio-batch --poll --poll-batch", ALL,
            "threads wait and are scheduled in one way; nice sets a priority"),
    REFUSED("--check-tensors", ALL,
            "tern inspect --check reads every tensor of a model"),
    REFUSED("--lora --lora-scaled --control-vector --control-vector-scaled "
            "--control-vector-layer-range",
            ALL, NO_ADAPTER),
    REFUSED("--mmproj -mm --image --audio", ALL, "models read only text"),
    REFUSED_UNLESS("-np --parallel", TEXTS, "1",
                   "there is one sequence at a time; bench --batch measures "
                   "several"),
    REFUSED("-cb --cont-batching", ALL,
            "there is one sequence at a time; bench --batch measures several"),

    REFUSED_UNLESS("--mirostat", TEXTS, "0", SAMPLERS),
    REFUSED_UNLESS("--typical --typical-p --tfs", TEXTS, "1", SAMPLERS),
    REFUSED_UNLESS("--cfg-scale", TEXTS, "1", SAMPLERS),
    REFUSED_UNLESS("--xtc-probability", TEXTS, "0", SAMPLERS),
    REFUSED_UNLESS("--dry-multiplier --dynatemp-range", TEXTS, "0", SAMPLERS),
    REFUSED_UNLESS("--top-nsigma --top-n-sigma", TEXTS, "-1", SAMPLERS),
    REFUSED("--mirostat-lr --mirostat-ent --xtc-threshold --dry-base "
            "--dry-allowed-length --dry-penalty-last-n --dry-sequence-breaker "
            "--penalize-nl --no-penalize-nl --dynatemp-exp --adaptive-target "
            "--adaptive-decay --samplers "
            "--sampler-seq --sampling-seq",
            TEXTS, SAMPLERS),
    REFUSED("-j", TEXTS, "a schema is read from a file, --json-schema FILE"),
    REFUSED("-md --model-draft --draft --draft-max --draft-min --draft-n "
            "--draft-p-min -ctkd -ctvd -ngld -cd --ctx-size-draft -td "
            "--threads-draft",
            ALL, ONE_MODEL),
    REFUSED_UNLESS("--keep", TEXTS, "0", NO_SHIFT),
    REFUSED("--context-shift", TEXTS, NO_SHIFT),
    REFUSED("--prompt-cache --prompt-cache-all --prompt-cache-ro", TEXTS,
            "a prompt is computed anew by each run"),
    REFUSED("-i --interactive -if --interactive-first", RUN,
            "a conversation is the command chat, or -cnv"),
    REFUSED("-i --interactive -if --interactive-first", CHAT,
            "chat asks for each message in any case"),
    REFUSED("-no-cnv --no-conversation", CHAT,
            "chat is a conversation; run continues a text"),
    REFUSED("--display-prompt", CHAT, "chat prints answers only"),
    REFUSED("-ins --instruct --chatml", TEXTS,
            "a conversation is the command chat, which writes it as the "
            "model's template says"),
    REFUSED("--random-prompt", TEXTS, "a text is given with --prompt"),
    REFUSED("-mli --multiline-input", TEXTS,
            "a \\ at the end of a line makes the message go on"),
    REFUSED("--in-prefix --in-suffix --in-prefix-bos --no-jinja", TEXTS,
            "the chat template says what stands around a message"),
    REFUSED("--warmup", TEXTS | PPL, "nothing runs before the prompt"),
    REFUSED("--chat-template-kwargs", CHAT,
            "a template gets the variables that docs/chat.md lists; "
            "--thinking sets enable_thinking"),
    REFUSED_UNLESS("--reasoning-format", CHAT, "none",
                   "an answer is printed as the model writes it, or without "
                   "its thoughts: --hide-thinking"),
    REFUSED_UNLESS("--reasoning-budget", CHAT, "-1",
                   "thoughts are as long as the model makes them; --thinking "
                   "off asks for none"),
    REFUSED("--reasoning-format --reasoning-budget -rea --reasoning", RUN,
            "an answer is printed as the model writes it"),
    REFUSED("--simple-io", TEXTS,
            "lines are edited at a terminal only; cat | makes it a pipe"),
    REFUSED("-cl --cache-list", ALL, "there is no folder of downloaded models"),
    REFUSED("--ppl-output-type --save-all-tokens", PPL,
            "--output-json prints an object"),
    REFUSED("-sp --special", TEXTS, "--print-ids shows every token"),
    REFUSED("--verbose-prompt -lv --verbosity --log-verbosity", ALL,
            "--verbose, --stats and the last line say what there is to say"),
    REFUSED("--log-file -lf -ld --logdir --log-colors --log-prefix "
            "--log-timestamps --log-enable --log-new --log-append",
            ALL, LOG),
    REFUSED("-o --output --output-file", RUN | CHAT | PPL,
            "text goes to standard output, which > FILE catches"),
    REFUSED("--host --port --api-key --path --alias -a --slot-save-path", ALL,
            NO_SERVER),
    REFUSED("--embedding --embeddings --pooling --embd-normalize "
            "--embd-output-format --attention",
            ALL,
            "embeddings are not printed; tern serve and libtern give them"),
    REFUSED("--license", ALL,
            "tern is under the Apache License 2.0 with LLVM "
            "exceptions"),
    REFUSED("--completion-bash", ALL,
            "tern completion bash prints completions for tern"),
    REFUSED("--ppl-stride", PPL, "windows follow one another"),
    REFUSED("--hellaswag --hellaswag-tasks --winogrande --winogrande-tasks "
            "--multiple-choice --multiple-choice-tasks",
            PPL, "ppl scores texts only"),
    REFUSED("-pg", BENCH,
            "bench measures prompts and generation alone; generation behind a "
            "prompt is -n with --depth"),
    REFUSED("-oe --output-err --delay --progress", BENCH,
            "the table goes to standard output, as it grows"),
};

const host_spelling *host_spelling_list(size_t *count) {
  *count = sizeof(spellings) / sizeof(spellings[0]);
  return spellings;
}

static int is_among(const char *names, const char *text, size_t length) {
  while (*names) {
    char name[LONGEST_NAME + 1];
    size_t size = strcspn(names, " ");
    if (size == length && size <= LONGEST_NAME) {
      memcpy(name, names, size);
      name[size] = 0;
      if (host_flag_is(name, text, length))
        return 1;
    }
    names += size + (names[size] == ' ');
  }
  return 0;
}

const host_spelling *host_spelling_find(const char *text, uint32_t command) {
  size_t length = strcspn(text, "="), count;
  const host_spelling *all = host_spelling_list(&count);
  for (size_t i = 0; i < count; ++i)
    if ((all[i].commands & command) && is_among(all[i].names, text, length))
      return &all[i];
  return NULL;
}

int host_spelling_allows(const host_spelling *spelling, const char *value) {
  char *end, *wanted_end;
  if (!spelling->value || !*spelling->value || !value)
    return 0;
  double wanted = strtod(spelling->value, &wanted_end);
  double given = strtod(value, &end);
  if (*value && !*end && !*wanted_end)
    return given == wanted;
  return strcmp(value, spelling->value) == 0;
}
