"""Bytes to text: byte-order marks, coding cookies, line ends. Each function's `name` stands in its messages."""

import codecs
import re

from autograder.submission.model import SubmissionError, shown

# The longer marks first: UTF-32's begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# PEP 263: a comment in one of the first two lines, the second counting if the first is blank or a comment.
COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
BLANK = re.compile(rb"[ \t\f]*(?:#.*)?")
# Encodings of text files. Python knows others that are programs rather than alphabets (unicode_escape, punycode, …).
ALPHABETS = ("utf-8", "ascii", "iso8859", "cp", "koi8", "mac-", "shift_jis", "euc_", "gb", "big5", "tis-620", "ptcp")


def source_text(data: bytes, name: str) -> tuple[str, list[str]]:
    """The text of a .py with line ends "\\n", and notes on what was repaired.

    Raises SubmissionError, with the line, for bytes that are not in the file's encoding and for NUL.
    """
    marked = _by_mark(data)
    if marked:
        body, encoding = marked
    else:
        body, encoding = data, _cookie(data, name) or "utf-8"
    text = _decode(body, encoding, name)
    if "\0" in text:
        line = _line(text[: text.index("\0")])
        hint = " Is it saved as UTF-16? Save it as UTF-8." if text.count("\0") > len(text) // 4 else ""
        raise SubmissionError(f"{shown(name)}, line {line}: there is a NUL character, which Python refuses.{hint}")
    notes = []
    if encoding.startswith("utf-16") or encoding.startswith("utf-32"):
        notes.append(f"{shown(name)} is saved as {encoding[:6].upper()}, which Python cannot import: save it as UTF-8.")
    if re.search(r"\r(?!\n)", text):
        notes.append(f"{shown(name)}: single carriage returns were read as line ends.")
    return unified(text), notes


def notebook_text(data: bytes, name: str) -> str:
    """The text of a notebook's JSON: UTF-8, or what its byte-order mark says. Raises SubmissionError with the line."""
    body, encoding = _by_mark(data) or (data, "utf-8")
    return _decode(body, encoding, name)


def unified(text: str) -> str:
    """The text with every line end, Windows' and the old Macintosh's too, as a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _by_mark(data: bytes) -> tuple[bytes, str] | None:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data[len(mark) :], encoding
    return None


def _cookie(data: bytes, name: str) -> str | None:
    head = data[:4096].splitlines()[:2]
    for number, line in enumerate(head, 1):
        found = COOKIE.match(line)
        if found:
            declared = found[1].decode("ascii", "replace")
            return _codec(declared, f"{shown(name)}, line {number}")
        if not BLANK.fullmatch(line):
            return None
    return None


def _codec(declared: str, place: str) -> str:
    try:
        codec = codecs.lookup(declared).name
    except (LookupError, ValueError):
        codec = ""
    if not codec.startswith(ALPHABETS):
        raise SubmissionError(f"{place}: there is no text encoding {shown(declared, 40)!r}; save the file as UTF-8.")
    return codec


def _decode(body: bytes, encoding: str, name: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line(body[: error.start].decode(encoding, "ignore"))
        raise SubmissionError(
            f"{shown(name)}, line {line}: byte 0x{body[error.start]:02x} is not {encoding.upper()} text; "
            "save the file as UTF-8."
        ) from None


def _line(before: str) -> int:
    return unified(before).count("\n") + 1
