# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Answers of compiled ternary language models, by libtern.

    import tern

    with tern.Model("bard.so") as model:
        print(model.generate("ROMEO:", max_tokens=40, temperature=0).text)

Nothing is compiled or loaded by the import: the first Model loads libtern. All threads may
use a model at the same time; their answers share each step of it, and each is the same to
the bit as if it were alone.
"""

from .answer import Answer, Message, Stream, Token, TokenLogprob
from .errors import BusyError, Error, FailedError, InvalidError
from .grammar import Grammar
from .library import library_version
from .model import Counts, Model, Progress
from .sequence import Sequence
from .tools import Call, Parts
from .version import __version__

__all__ = [
    "Answer",
    "BusyError",
    "Call",
    "Counts",
    "Error",
    "FailedError",
    "Grammar",
    "InvalidError",
    "Message",
    "Model",
    "Parts",
    "Progress",
    "Sequence",
    "Stream",
    "Token",
    "TokenLogprob",
    "__version__",
    "library_version",
]
