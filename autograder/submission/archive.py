"""A zip read in memory, entry by entry, believing nothing that its headers say.

`list_archive(data, name, limits)` checks the list of entries; its `read` unpacks one of them, up to a cap.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from autograder.submission.folder import kind
from autograder.submission.model import MEBIBYTE, Files, Limits, SubmissionError, listed, shown, size
from autograder.submission.names import checked, odd, passed_over

ENTRY = b"PK\x01\x02"  # the signature of an entry in the central directory
RATIO = 200  # honest notebooks shrink by less; Deflate reaches 1032
SMALL = 8 * MEBIBYTE  # what unpacks to less harms nobody, whatever its ratio
ENCRYPTED = 0x1
# Others, such as LZMA, reserve whatever memory their own headers ask for.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def list_archive(data: bytes, name: str, limits: Limits) -> Files:
    """The files in a zip, in order. Raises SubmissionError if any entry looks like an attack or the zip is damaged."""
    # zipfile makes an object for every entry before one can count them, whatever number the header gives.
    if data.count(ENTRY) > 10 * limits.files:
        raise SubmissionError(f"{shown(name)} holds more than {limits.files:,} files: hand in your own only.")
    with _errors(name):
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries, special, notes = _sorted_out(archive.infolist(), limits)
    _refuse_excess(entries, len(special), len(data), name, limits)
    return Files(
        paths=tuple(sorted(entries)),
        special=dict(sorted(special.items())),
        read=lambda path, limit: _unpack(archive, entries[path], path, limit),
        notes=tuple(notes),
    )


def _sorted_out(
    infos: list[zipfile.ZipInfo], limits: Limits
) -> tuple[dict[str, zipfile.ZipInfo], dict[str, str], list[str]]:
    entries: dict[str, zipfile.ZipInfo] = {}
    special: dict[str, str] = {}
    notes: list[str] = []
    for info in infos:
        path = checked(info.filename)
        mode = info.external_attr >> 16
        if not path or info.filename.endswith(("/", "\\")) or stat.S_ISDIR(mode) or passed_over(path):
            continue
        if odd(path):
            notes.append(f"{shown(path)} was left out: there are characters in its name that do not print.")
        elif path.count("/") > limits.depth:
            notes.append(f"{shown(path)} was left out: it lies deeper than {limits.depth} folders.")
        elif path in entries or path in special:
            raise SubmissionError(f"{shown(path)} is in the archive twice: pack it again.")
        elif kind(mode):
            special[path] = kind(mode)
        else:
            entries[path] = info
    for path in entries:
        parts = path.split("/")
        for length in range(1, len(parts)):
            if "/".join(parts[:length]) in entries:
                raise SubmissionError(f"{shown('/'.join(parts[:length]))} is a file and a folder: pack it again.")
    return entries, special, notes


def _refuse_excess(entries: dict[str, zipfile.ZipInfo], specials: int, packed: int, name: str, limits: Limits) -> None:
    if len(entries) + specials > limits.files:
        raise SubmissionError(f"{shown(name)} holds more than {limits.files:,} files: hand in your own only.")
    encrypted = [path for path, info in entries.items() if info.flag_bits & ENCRYPTED]
    if encrypted:
        raise SubmissionError(f"{shown(name)} is encrypted ({listed(encrypted)}): pack it without a password.")
    total = sum(info.file_size for info in entries.values())
    if total > limits.archive:
        raise SubmissionError(f"{shown(name)} unpacks to more than {size(limits.archive)}: leave out data and models.")
    if total > SMALL and total > RATIO * packed:
        raise SubmissionError(f"{shown(name)} unpacks to over {RATIO} times its size, like a zip bomb.")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, limit: int) -> bytes:
    if info.compress_type not in METHODS:
        raise SubmissionError(f"{shown(path)} is packed with an unusual method: make an ordinary zip.")
    with _errors(path), archive.open(info) as file:
        data = file.read(limit + 1)  # stops there, however much the entry would unpack to
    if len(data) > limit:
        raise SubmissionError(f"{shown(path)} is larger than {size(limit)}.")
    return data


@contextmanager
def _errors(name: str) -> Iterator[None]:
    """What zipfile raises for damaged bytes (the fuzz tests found each of these) as a SubmissionError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, OverflowError) as error:
        raise SubmissionError(f"{shown(name)} is not a readable zip: {shown(str(error))}.") from None
    except NotImplementedError:
        raise SubmissionError(f"{shown(name)} needs a newer zip program: make an ordinary zip.") from None
