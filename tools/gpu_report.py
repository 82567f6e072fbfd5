# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of gpu_check.py: a line for each record of what its steps have said."""

from __future__ import annotations


def add_shares(records: list[dict]) -> None:
    """Of the bandwidth that the first step has found."""
    read = 0
    for record in records:
        if (record["step"], record["name"]) == ("device", "read"):
            read = record["value"]
    for record in records:
        if record.pop("share", None) and read:
            record["share"] = round(record["value"] / read, 3)


def result_of(record: dict) -> str:
    if "error" in record:
        return f"FAILED: {record['error']}"
    if "equal" in record:
        text = f": {record['text']}" if "text" in record else ""
        return "equal" if record["equal"] else f"DIFFERENT{text}"
    if "value" not in record:
        return record["text"]
    words = f"{record['value']} {record['unit']}".strip()
    if "us" in record:
        words += f", {record['us']} us, {record['tops']} TOPS"
    if "share" in record:
        words += f", {100 * record['share']:.0f} % of read"
    return words + (f": {record['text']}" if record.get("text") else "")


def print_table(records: list[dict]) -> None:
    width = min(max(len(record["name"]) for record in records), 60)
    for record in records:
        print(f"{record['step']:9} {record['name'][:width]:{width}}  {result_of(record)}")
