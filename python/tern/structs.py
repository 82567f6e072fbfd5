# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The structs of tern/engine.h and tern/tools.h for ctypes, field by field.

A struct that begins with `size` may be longer in the library than here, never shorter:
library.py checks it when it loads. test_python_shipped.py compares all with the header.
"""

from __future__ import annotations

import ctypes as c


class ProgressStruct(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("stage", c.c_uint32),
        ("text", c.c_char_p),
        ("done", c.c_uint64),
        ("total", c.c_uint64),
    ]


ProgressFunction = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(ProgressStruct))


class Options(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("threads", c.c_uint32),
        ("max_sequences", c.c_uint32),
        ("max_waiting", c.c_uint32),
        ("context", c.c_uint32),
        ("step_tokens", c.c_uint32),
        ("state_bytes", c.c_uint64),
        ("kept_bytes", c.c_uint64),
        ("weights", c.c_char_p),
        ("chat_template", c.c_char_p),
        ("model_name", c.c_char_p),
        ("compiler", c.c_char_p),
        ("compile_flags", c.POINTER(c.c_char_p)),
        ("compile_flag_count", c.c_size_t),
        ("on_progress", ProgressFunction),
        ("progress_data", c.c_void_p),
        ("state_tokens", c.c_uint64),
        ("grammar_bytes", c.c_uint64),
        ("interrupt", c.POINTER(c.c_int)),
    ]


class Info(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("vocab_size", c.c_uint32),
        ("hidden_size", c.c_uint32),
        ("layer_count", c.c_uint32),
        ("context", c.c_uint32),
        ("block", c.c_uint32),
        ("has_tokenizer", c.c_uint32),
        ("has_template", c.c_uint32),
        ("name", c.c_char_p),
        ("target", c.c_char_p),
        ("calls_form", c.c_uint32),
    ]


class MessageStruct(c.Structure):
    _fields_ = [
        ("role", c.c_char_p),
        ("content", c.c_char_p),
        ("content_bytes", c.c_size_t),
        ("marks", c.c_char_p),
    ]


class Chat(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("thinking", c.c_int32),
        ("messages", c.POINTER(MessageStruct)),
        ("message_count", c.c_size_t),
        ("tools", c.c_char_p),
        ("tools_bytes", c.c_size_t),
        ("json", c.c_char_p),
        ("json_bytes", c.c_size_t),
    ]


class Logprob(c.Structure):
    _fields_ = [("token", c.c_int32), ("reserved", c.c_uint32), ("logprob", c.c_double)]


class Event(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("kind", c.c_uint32),
        ("request", c.c_uint64),
        ("text", c.c_void_p),
        ("marks", c.c_void_p),
        ("text_bytes", c.c_size_t),
        ("token", c.c_int32),
        ("top_count", c.c_uint32),
        ("logprob", c.c_double),
        ("top", c.POINTER(Logprob)),
        ("hidden", c.c_void_p),
        ("finish", c.c_uint32),
        ("prompt_tokens", c.c_uint32),
        ("reused_tokens", c.c_uint32),
        ("answer_tokens", c.c_uint32),
        ("reserved", c.c_uint32),
        ("error", c.c_char_p),
        ("logits", c.c_void_p),
        ("queued_ns", c.c_uint64),
        ("first_token_ns", c.c_uint64),
        ("total_ns", c.c_uint64),
    ]


EventFunction = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Event))


class LogitBias(c.Structure):
    _fields_ = [("token", c.c_int32), ("value", c.c_float)]


class Request(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("flags", c.c_uint32),
        ("sequence", c.c_void_p),
        ("tokens", c.POINTER(c.c_int32)),
        ("token_count", c.c_size_t),
        ("text", c.c_char_p),
        ("text_bytes", c.c_size_t),
        ("chat", c.POINTER(Chat)),
        ("temperature", c.c_double),
        ("top_p", c.c_double),
        ("min_p", c.c_double),
        ("repeat_penalty", c.c_double),
        ("presence_penalty", c.c_double),
        ("top_k", c.c_int64),
        ("repeat_last_n", c.c_int64),
        ("seed", c.c_int64),
        ("max_tokens", c.c_int64),
        ("stops", c.POINTER(c.c_char_p)),
        ("stop_count", c.c_size_t),
        ("top", c.c_uint32),
        ("reserved", c.c_uint32),
        ("on_event", EventFunction),
        ("data", c.c_void_p),
        ("grammar", c.c_void_p),
        ("frequency_penalty", c.c_double),
        ("biases", c.POINTER(LogitBias)),
        ("bias_count", c.c_size_t),
    ]


class AnswerPart(c.Structure):
    _fields_ = [
        ("kind", c.c_uint32),
        ("index", c.c_uint32),
        ("text", c.c_void_p),
        ("bytes", c.c_size_t),
        ("name", c.c_char_p),
        ("id", c.c_char_p),
    ]


AnswerFunction = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(AnswerPart))


class CountsStruct(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("running", c.c_uint32),
        ("waiting", c.c_uint32),
        ("kept", c.c_uint32),
        ("running_bytes", c.c_uint64),
        ("kept_bytes", c.c_uint64),
        ("requests", c.c_uint64),
        ("steps", c.c_uint64),
        ("prompt_tokens", c.c_uint64),
        ("reused_tokens", c.c_uint64),
        ("answer_tokens", c.c_uint64),
        ("finished", c.c_uint64),
        ("cancelled", c.c_uint64),
        ("failed", c.c_uint64),
        ("refused", c.c_uint64),
        ("evicted", c.c_uint64),
        ("step_ns", c.c_uint64),
        ("running_tokens", c.c_uint64),
        ("shared_bytes", c.c_uint64),
    ]


# By their names in C.
SIZED = {
    "tern_engine_options": Options,
    "tern_chat": Chat,
    "tern_request": Request,
}
ALL = SIZED | {
    "tern_answer_part": AnswerPart,
    "tern_progress": ProgressStruct,
    "tern_engine_info": Info,
    "tern_message": MessageStruct,
    "tern_logprob": Logprob,
    "tern_event": Event,
    "tern_engine_counts": CountsStruct,
}

# tern_request_flags
LOGPROBS, HIDDEN, IGNORE_END, NO_BOS, PRIVATE, PROMPT_LOGPROBS, LOGITS = (
    1 << bit for bit in range(7)
)
# tern_event_kind
OPENING, TOKEN, END, PROMPT = range(4)
# tern_stage
STAGES = ("", "compile", "load")
# tern_finish, and their names as Answer.finish has them
FINISHES = ("", "stop", "length", "context", "cancelled", "failed")
MAX_TOP = 20
# tern_error
ERROR_BYTES = 512
