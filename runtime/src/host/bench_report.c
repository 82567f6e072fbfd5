/*===- bench_report.c - measurements as a table, CSV or JSON ----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "bench.h"
#include "gpu_weak.h"

#include <stdio.h>
#include <string.h>

static unsigned long long number(uint64_t value) { return value; }

static unsigned long long model_bytes(const bench_report *report) {
  return report->model->weights_bytes;
}

static void print_head(const bench_report *report) {
  const host_program *program = report->program;
  char pages[128], versions[256], of[272] = "";
  if (program->gpu)
    tern_gpu_describe(program->gpu, pages, sizeof(pages));
  else
    host_describe_pages(program, pages, sizeof(pages));
  host_list_versions(program->versions, program->version_count, versions,
                     sizeof(versions));
  if (program->version_count > 1)
    snprintf(of, sizeof(of), " (of %s)", versions);
  printf("* model: %s, %.2f MiB\n* target: %s%s\n* CPU: %s\n* build: tern %s\n"
         "* %s: %s\n\n"
         "| threads | %-14s | %17s | %8s | %6s | %9s | %7s | %7s |\n"
         "| ------: | -------------- | ----------------: | -------: | -----: | "
         "--------: | ------: | ------: |\n",
         report->model->name, (double)model_bytes(report) / 1048576.0,
         report->model->target, of, report->cpu, TERN_VERSION_TEXT,
         program->gpu ? "GPU" : "weights in memory", pages, "test", "tokens/s",
         "MB/token", "GB/s", "bandwidth", "skipped", "GMAC/s");
}

static void print_markdown(const bench_report *report, const bench_row *r) {
  char bytes[32] = "", rate[32] = "", share[32] = "", skipped[32] = "",
       macs[32] = "", speed[64];
  if (report->rows == 0)
    print_head(report);
  int digits = r->mean_rate < 1e4 ? 2 : 0;
  snprintf(speed, sizeof(speed), "%.*f ± %.*f", digits, r->mean_rate, digits,
           r->sd_rate);
  if (r->gigamacs > 0)
    snprintf(macs, sizeof(macs), "%.2f", r->gigamacs);
  if (r->bytes_per_token > 0) {
    snprintf(bytes, sizeof(bytes), "%.2f", r->bytes_per_token * 1e-6);
    snprintf(rate, sizeof(rate), "%.2f", r->gigabytes);
    snprintf(skipped, sizeof(skipped), "%.1f%%", 100 * r->skipped);
  }
  if (r->bytes_per_token > 0 && r->in_cache)
    snprintf(share, sizeof(share), "in cache");
  else if (r->bandwidth > 0)
    snprintf(share, sizeof(share), "%.0f%%", 100 * r->gigabytes / r->bandwidth);
  /* The sign has two bytes and one column. */
  printf("| %7u | %-14s | %18s | %8s | %6s | %9s | %7s | %7s |\n", r->threads,
         r->test, speed, bytes, rate, share, skipped, macs);
}

static tern_pages pages_of(const bench_report *report) {
  const tern_artifact *artifact = &report->program->artifact;
  tern_pages pages;
  tern_memory_pages(artifact->weights, artifact->weights_bytes, &pages);
  return pages;
}

static void print_csv(const bench_report *report, const bench_row *r) {
  tern_pages pages = pages_of(report);
  if (report->rows == 0)
    printf("build,cpu_info,model,model_size,backend,n_threads,n_batch,n_prompt,"
           "n_gen,n_depth,avg_ns,stddev_ns,avg_ts,stddev_ts,bytes_per_token,"
           "gigabytes_per_second,read_bandwidth,in_cache,skipped,"
           "gigamacs_per_second,weights_resident,weights_huge\n");
  printf("\"tern %s\",\"%s\",\"%s\",%llu,\"%s\",%u,%u,%u,%u,%u,%.0f,%.0f,"
         "%.6f,%.6f,%.0f,%.6f,%.6f,%d,%.6f,%.6f,%llu,%llu\n",
         TERN_VERSION_TEXT, report->cpu, report->model->name,
         model_bytes(report), report->model->target, r->threads, r->batch,
         r->prompt, r->generated, r->depth, r->mean_ns, r->sd_ns, r->mean_rate,
         r->sd_rate, r->bytes_per_token, r->gigabytes, r->bandwidth,
         r->in_cache, r->skipped, r->gigamacs, number(pages.resident_bytes),
         number(pages.huge_bytes));
}

static void print_json(const bench_report *report, const bench_row *r) {
  tern_pages pages = pages_of(report);
  printf("{\"build\": \"tern %s\", \"cpu_info\": \"%s\", \"model\": \"%s\", "
         "\"model_size\": %llu, \"backend\": \"%s\", \"n_threads\": %u, "
         "\"n_batch\": %u, \"n_prompt\": %u, \"n_gen\": %u, \"n_depth\": %u, "
         "\"avg_ns\": %.0f, "
         "\"stddev_ns\": %.0f, \"avg_ts\": %.6f, \"stddev_ts\": %.6f, "
         "\"bytes_per_token\": %.0f, \"gigabytes_per_second\": %.6f, "
         "\"read_bandwidth\": %.6f, \"in_cache\": %s, \"skipped\": %.6f, "
         "\"gigamacs_per_second\": %.6f, \"weights_resident\": %llu, "
         "\"weights_huge\": %llu, \"samples_ns\": [",
         TERN_VERSION_TEXT, report->cpu, report->model->name,
         model_bytes(report), report->model->target, r->threads, r->batch,
         r->prompt, r->generated, r->depth, r->mean_ns, r->sd_ns, r->mean_rate,
         r->sd_rate, r->bytes_per_token, r->gigabytes, r->bandwidth,
         r->in_cache ? "true" : "false", r->skipped, r->gigamacs,
         number(pages.resident_bytes), number(pages.huge_bytes));
  for (int i = 0; i < r->sample_count; ++i)
    printf("%s%.0f", i ? ", " : "", r->samples[i]);
  printf("]}");
}

void host_bench_begin(bench_report *report, const host_program *program) {
  memset(report, 0, sizeof(*report));
  report->model = program->model;
  report->program = program;
  report->format = program->options.format;
  host_cpu_name(report->cpu, sizeof(report->cpu));
}

void host_bench_print(bench_report *report, const bench_row *row) {
  if (strcmp(report->format, "csv") == 0) {
    print_csv(report, row);
  } else if (strcmp(report->format, "jsonl") == 0) {
    print_json(report, row);
    putchar('\n');
  } else if (strcmp(report->format, "json") == 0) {
    fputs(report->rows ? ",\n  " : "[\n  ", stdout);
    print_json(report, row);
  } else {
    print_markdown(report, row);
  }
  fflush(stdout);
  ++report->rows;
}

void host_bench_end(const bench_report *report) {
  if (report->rows && strcmp(report->format, "json") == 0)
    fputs("\n]\n", stdout);
}
