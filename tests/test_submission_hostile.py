"""Submissions that mean harm: links, pipes, archives that slip or explode, and whatever a fuzzer thinks of."""

import io
import json
import os
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autograder import submission
from autograder.submission import Limits, Submission, SubmissionError
from autograder.submission.ipython import plain

ANSWER = b"x = 1\n"
SECRET = b"password = 'swordfish'\n"
FUZZ = settings(
    max_examples=400, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@contextmanager
def seconds(limit: int):
    """End the test, rather than the patience of whoever runs it, if something blocks."""

    def ring(number, frame):
        raise TimeoutError(f"not done after {limit} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refusal(path: Path, **options) -> str:
    with pytest.raises(SubmissionError) as caught, seconds(10):
        submission.read(path, "gradients", **options)
    message = str(caught.value)
    assert message.isprintable() and len(message) < 600
    assert "swordfish" not in message
    return message


def pack(*entries, method=zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of (name or ZipInfo, content) entries, names taken as they stand."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo()
            if info is not name:
                info.filename, info.compress_type = name, method
            archive.writestr(info, content)
    return buffer.getvalue()


def special_entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (mode | 0o644) << 16
    return info


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "staff" / "gradients.py"
    path.parent.mkdir()
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "eve"
    path.mkdir()
    return path


@pytest.fixture
def zipped(tmp_path):
    def make(*entries, **options) -> Path:
        path = tmp_path / "eve.zip"
        path.write_bytes(entries[0] if isinstance(entries[0], bytes) else pack(*entries, **options))
        return path

    return make


class TestSpecialFiles:
    def test_a_link_as_the_submission(self, folder, secret):
        (folder / "gradients.py").symlink_to(secret)
        assert "is a symbolic link" in refusal(folder / "gradients.py")

    def test_a_link_to_a_folder_as_the_submission(self, folder, secret):
        (folder / "mine").symlink_to(secret.parent)
        assert "is a symbolic link" in refusal(folder / "mine")

    def test_a_link_as_the_main_file_of_a_folder(self, folder, secret):
        (folder / "gradients.py").symlink_to(secret)
        assert "gradients.py is a symbolic link" in refusal(folder)

    def test_a_link_as_the_only_file_of_a_folder(self, folder, secret):
        (folder / "homework.py").symlink_to(secret)
        assert "homework.py is a symbolic link" in refusal(folder)

    def test_a_link_as_a_helper_is_named_and_not_followed(self, folder, secret):
        (folder / "gradients.py").write_bytes(ANSWER)
        (folder / "helper.py").symlink_to(secret)
        read = submission.read(folder, "gradients")
        assert read.helpers == {} and "symbolic link" in read.notes[0] and "helper.py" in read.notes[0]

    def test_a_link_to_a_folder_within_is_not_followed(self, folder, secret):
        (folder / "gradients.py").write_bytes(ANSWER)
        (folder / "package").symlink_to(secret.parent)
        (folder / "loop").symlink_to(folder)
        assert submission.read(folder, "gradients").helpers == {}

    def test_a_link_through_proc_is_not_followed(self, folder, secret):
        with open(secret) as file:
            (folder / "gradients.py").symlink_to(f"/proc/self/fd/{file.fileno()}")
            assert "is a symbolic link" in refusal(folder)

    @pytest.mark.parametrize("inner", [True, False])
    def test_a_named_pipe_blocks_nobody(self, folder, inner):
        os.mkfifo(folder / "gradients.py")
        assert "is a named pipe" in refusal(folder if inner else folder / "gradients.py")

    @pytest.mark.parametrize("name", ["gradients.zip", "gradients.ipynb"])
    def test_a_named_pipe_under_other_names(self, folder, name):
        os.mkfifo(folder / name)
        assert "is a named pipe" in refusal(folder / name)

    def test_a_named_pipe_as_a_helper_is_named_and_not_opened(self, folder):
        (folder / "gradients.py").write_bytes(ANSWER)
        os.mkfifo(folder / "helper.py")
        with seconds(10):
            assert "named pipe" in submission.read(folder, "gradients").notes[0]

    def test_a_socket(self, folder, monkeypatch):
        monkeypatch.chdir(folder)  # the path of a socket must be short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("gradients.py")
        assert "is a socket" in refusal(folder)

    def test_a_device(self):
        assert "is a device" in refusal(Path("/dev/zero"))

    def test_a_folder_in_place_of_the_main_file(self, folder):
        (folder / "gradients.py").mkdir()
        assert "holds no .py" in refusal(folder)

    def test_a_file_changed_into_a_link_after_it_was_listed(self, folder, secret, monkeypatch):
        from autograder.submission import reader

        (folder / "gradients.py").write_bytes(ANSWER)
        list_folder = reader.list_folder

        def list_and_swap(*arguments):
            files = list_folder(*arguments)
            (folder / "gradients.py").unlink()
            (folder / "gradients.py").symlink_to(secret)
            return files

        monkeypatch.setattr(reader, "list_folder", list_and_swap)
        assert "is a symbolic link" in refusal(folder)

    def test_a_folder_changed_into_a_link_after_it_was_listed(self, folder, secret, monkeypatch):
        from autograder.submission import reader

        (folder / "mine").mkdir()
        (folder / "mine" / "gradients.py").write_bytes(ANSWER)
        list_folder = reader.list_folder

        def list_and_swap(*arguments):
            files = list_folder(*arguments)
            (folder / "mine").rename(folder / "moved")
            (folder / "mine").symlink_to(secret.parent)
            return files

        monkeypatch.setattr(reader, "list_folder", list_and_swap)
        assert "cannot be read" in refusal(folder)

    def test_a_pipe_swapped_in_between_the_look_and_the_opening(self, folder, monkeypatch):
        (folder / "gradients.py").write_bytes(ANSWER)
        opened = os.open

        def swap_and_open(path, *arguments, **keywords):
            if os.fspath(path).endswith("gradients.py"):
                (folder / "gradients.py").unlink()
                os.mkfifo(folder / "gradients.py")
            return opened(path, *arguments, **keywords)

        monkeypatch.setattr(os, "open", swap_and_open)
        assert "is a named pipe" in refusal(folder)

    def test_names_with_control_characters_are_left_out_and_shown_escaped(self, folder):
        (folder / "gradients.py").write_bytes(ANSWER)
        for name in (b"\x1b[31mred.py", b"new\nline.py", b"\xff\xfe.py", "\u202eyp.x".encode()):
            Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(ANSWER)
        read = submission.read(folder, "gradients")
        assert read.helpers == {} and len(read.notes) == 4
        assert all(note.isprintable() for note in read.notes) and read.digest

    def test_no_descriptor_stays_open(self, folder, secret):
        (folder / "gradients.py").write_bytes(ANSWER)
        (folder / "package").mkdir()
        (folder / "package" / "helper.py").symlink_to(secret)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            submission.read(folder, "gradients")
            refusal(folder / "package")
        assert len(os.listdir("/proc/self/fd")) == before


class TestArchive:
    def test_an_honest_zip_is_read_with_its_helpers(self, zipped):
        read = submission.read(
            zipped(("./a/gradients.py", ANSWER), ("a/h/t.py", b"t"), ("README.md", b"")), "gradients"
        )
        assert read.name == "gradients.py" and read.cells[0].source == "x = 1\n" and read.helpers == {"h/t.py": b"t"}

    def test_a_zip_made_on_windows_may_use_backslashes(self, zipped):
        read = submission.read(zipped(("a\\gradients.py", ANSWER), ("a\\t.py", b"t")), "gradients")
        assert read.helpers == {"t.py": b"t"}

    def test_folder_and_zip_read_alike(self, zipped, folder):
        for name in ("gradients.py", "t.py"):
            (folder / name).write_bytes(ANSWER)
        packed = submission.read(zipped(("gradients.py", ANSWER), ("t.py", ANSWER)), "gradients")
        assert packed == submission.read(folder, "gradients")

    @pytest.mark.parametrize("name", ["../gradients.py", "a/../../gradients.py", "..\\gradients.py", "a/..", ".."])
    def test_slips(self, zipped, name):
        assert "names with '..'" in refusal(zipped(("gradients.py", ANSWER), (name, ANSWER)))

    @pytest.mark.parametrize(
        "name", ["/etc/gradients.py", "\\gradients.py", "C:\\gradients.py", "c:/x.py", "//host/x.py"]
    )
    def test_absolute_names_and_drives(self, zipped, name):
        assert "absolute names" in refusal(zipped(("gradients.py", ANSWER), (name, ANSWER)))

    @pytest.mark.parametrize("second", ["gradients.py", "./gradients.py", "a/..//gradients.py", ".//gradients.py"])
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_names_that_come_twice(self, zipped, second):
        assert "gradients.py" in refusal(zipped(("gradients.py", ANSWER), (second, SECRET)))

    def test_a_name_that_is_file_and_folder(self, zipped):
        assert "is a file and a folder" in refusal(zipped(("gradients.py", ANSWER), ("a.py", b""), ("a.py/b.py", b"")))

    @pytest.mark.parametrize("name", ["a\x1b[2J.py", "a\nb.py", "\u202eyp.py", "n" * 300 + ".py", "\x7f.py"])
    def test_names_that_do_not_print_are_left_out(self, zipped, name):
        read = submission.read(zipped(("gradients.py", ANSWER), (name, ANSWER)), "gradients")
        assert read.helpers == {} and len(read.notes) == 1 and read.notes[0].isprintable()

    def test_a_deep_name_is_left_out(self, zipped):
        read = submission.read(zipped(("gradients.py", ANSWER), ("d/" * 30_000 + "x.py", ANSWER)), "gradients")
        assert read.helpers == {} and "deeper than 8 folders" in read.notes[0]

    @pytest.mark.parametrize(
        ("mode", "words"),
        [(stat.S_IFLNK, "a symbolic link"), (stat.S_IFIFO, "a named pipe"), (stat.S_IFCHR, "a device")],
    )
    def test_special_entries(self, zipped, mode, words):
        assert f"gradients.py is {words}" in refusal(zipped((special_entry("gradients.py", mode), b"/etc/passwd")))
        read = submission.read(zipped(("gradients.py", ANSWER), (special_entry("t.py", mode), b"x")), "gradients")
        assert read.helpers == {} and words in read.notes[0]

    def test_an_archive_within_is_not_opened(self, zipped):
        inner = pack(("gradients.py", SECRET))
        assert "not opened: inner.zip" in refusal(zipped(("inner.zip", inner)))

    def test_an_encrypted_entry(self, zipped):
        data = bytearray(pack(("gradients.py", ANSWER)))
        data[data.index(b"PK\x01\x02") + 8] |= 1
        assert "without a password" in refusal(zipped(bytes(data)))

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_unusual_compression_is_not_run(self, zipped, method):
        assert "unusual method" in refusal(zipped(("gradients.py", ANSWER), method=method))

    def test_too_many_files(self, zipped):
        assert "more than 2,000 files" in refusal(zipped(*((f"m{k}.py", b"") for k in range(2001))))

    def test_too_much_in_all(self, zipped):
        block = os.urandom(2**18).hex().encode()  # shrinks to half
        path = zipped(*((f"{k}.csv", block) for k in range(3)), ("gradients.py", ANSWER))
        assert submission.read(path, "gradients").cells
        assert "unpacks to more than 1 MiB" in refusal(path, limits=Limits(archive=2**20))

    def test_a_bomb_by_its_ratio(self, zipped):
        assert "like a zip bomb" in refusal(zipped(("gradients.py", ANSWER), ("zeros.csv", bytes(60 * 2**20))))

    def test_a_bomb_in_the_main_file_stops_at_the_cap(self, zipped):
        assert "gradients.py is larger than 4 MiB" in refusal(zipped(("gradients.py", bytes(7 * 2**20))))

    def test_a_bomb_that_lies_about_its_size(self, zipped):
        data = bytearray(pack(("gradients.py", b"#" * (50 * 2**20))))
        for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
            struct.pack_into("<I", data, data.index(signature) + offset, 100)
        assert "not a readable zip" in refusal(zipped(bytes(data)))

    def test_many_entries_over_the_same_bytes(self, zipped):
        data = pack(*((f"m{k}.py", b"#" * 1000) for k in range(50)), ("gradients.py", ANSWER))
        first = struct.unpack_from("<I", data, data.index(b"PK\x01\x02") + 42)[0]
        overlapping = bytearray(data)
        place = data.index(b"PK\x01\x02")
        while place >= 0:  # every entry points to the first one's bytes
            struct.pack_into("<I", overlapping, place + 42, first)
            place = data.find(b"PK\x01\x02", place + 4)
        assert "not a readable zip" in refusal(zipped(bytes(overlapping)))

    @pytest.mark.parametrize("content", [b"PK", b"hello", b"PK\x05\x06" + bytes(18), b"\x1f\x8b" + bytes(100)])
    def test_what_is_no_zip(self, zipped, content):
        assert refusal(zipped(content))

    def test_a_truncated_zip(self, zipped):
        data = pack(("gradients.py", os.urandom(1000)))
        assert "not a readable zip" in refusal(zipped(data[:-30]))

    def test_a_damaged_entry(self, zipped):
        data = bytearray(pack(("gradients.py", ANSWER), method=zipfile.ZIP_STORED))
        data[data.index(ANSWER)] ^= 1
        assert "not a readable zip" in refusal(zipped(bytes(data)))

    def test_an_archive_file_over_the_cap(self, zipped):
        path = zipped(("gradients.py", ANSWER))
        os.truncate(path, 2**40)
        assert "larger than 64 MiB" in refusal(path)


# Each is as costly as its caps allow; the child reads it and prints its own peak of memory in MiB.
COSTLY = {
    "directory": ("eve.zip", lambda: b"".join(fat_entry(k) for k in range(1000)) + directory_end(1000, 66046 * 1000)),
    "entries": ("eve.zip", lambda: (b"PK\x01\x02" + bytes(42)) * 1_400_000 + directory_end(0, 46 * 1_400_000)),
    "objects": ("eve.ipynb", lambda: b'{"cells":[' + b"{}," * 5_000_000 + b"{}]}"),
    "keys": ("eve.ipynb", lambda: b'{"cells":[' + b",".join(b'"%x"' % k for k in range(1_600_000)) + b"]}"),
    "few objects": ("eve.ipynb", lambda: b'{"cells":[' + b'{"a":1},' * 999_000 + b"{}]}"),
    "magics": ("eve.py", lambda: b"%a\n" * 1_390_000),
    "brackets": ("eve.py", lambda: b"grader\n" + b"[" * 4_000_000),
    "comments": ("eve.py", lambda: b"grader\n" + b"#\n" * 2_000_000),
    "indents": ("eve.py", lambda: b"grader\n" + b" " * 4_000_000 + b"x"),
    "cells": (
        "eve.ipynb",
        lambda: json.dumps({"cells": [{"cell_type": "code", "source": "%a\n" * 130}] * 9999}).encode(),
    ),
}


def fat_entry(number: int) -> bytes:
    name = b"%05d" % number + b"\xb0" * 65_530  # in the archive's old alphabet: two bytes of memory a letter, or more
    return struct.pack(
        "<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, len(name), 465, 0, 0, 0, 0, 0
    ) + (name + bytes(465))


def directory_end(entries: int, size: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, size, 0, 0)


READ_AND_WEIGH = """
import re, sys
from pathlib import Path
from autograder import submission

def peak():  # in KiB; the peak that getrusage gives counts the parent's, from before the exec
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])

before = peak()
try:
    submission.read(Path(sys.argv[1]), "gradients")
except submission.SubmissionError as error:
    print(error, file=sys.stderr)
print((peak() - before) // 1024)
"""


@pytest.mark.parametrize("name", COSTLY)
def test_the_costliest_submissions_stay_within_half_a_gigabyte_and_twenty_seconds(tmp_path, name):
    file, make = COSTLY[name]
    (tmp_path / file).write_bytes(make())
    command = [sys.executable, "-c", READ_AND_WEIGH, str(tmp_path / file)]
    limit = 20  # seconds of processor time; the kernel ends what takes longer
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=Path(submission.__file__).parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 512, f"{done.stdout} MiB"


def read_or_refuse(path: Path) -> Submission | None:
    """Whatever the bytes are, one of the two outcomes, soon, and fit to print and to store."""
    started = time.process_time()
    try:
        read = submission.read(
            path, "gradients", Limits(source=2**16, notebook=2**17, archive=2**18, files=50, cells=20)
        )
    except SubmissionError as error:
        assert str(error).isprintable() and len(str(error)) < 600
        read = None
    else:
        assert read.cells and len(read.digest) == 64
        assert all("\0" not in cell.source and "\r" not in cell.source for cell in read.cells)
        assert all(note.isprintable() for note in read.notes)
    assert time.process_time() - started < 5
    return read


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
lines = st.sampled_from(
    ["x = 1\n", "%magic\n", "!ls '(\n", "?x", "\r\n", '"""', "'", "(", "\\\n", "%%time\n", "\0", "\ud800"]
)
sources = st.lists(lines, max_size=8).map("".join) | st.lists(lines, max_size=8) | json_values
metadata = json_values | st.fixed_dictionaries(
    {}, optional={"tags": json_values | st.just(["picture"]), "otter": json_values, "kernelspec": json_values}
)
cell_types = st.sampled_from(["code", "markdown"]) | json_values
notebook_cells = json_values | st.fixed_dictionaries(
    {"cell_type": cell_types}, optional={"source": sources, "input": sources, "metadata": metadata}
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(notebook_cells, max_size=5) | json_values,
        "worksheets": st.lists(st.fixed_dictionaries({"cells": st.lists(notebook_cells, max_size=3)}), max_size=2),
        "metadata": metadata,
        "nbformat": json_values,
    },
)


class TestFuzz:
    @FUZZ
    @given(document=documents | json_values)
    def test_any_json_as_a_notebook(self, tmp_path, document):
        (tmp_path / "a.ipynb").write_text(json.dumps(document))
        read_or_refuse(tmp_path / "a.ipynb")

    @FUZZ
    @given(document=documents, edits=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=4))
    def test_damaged_json_as_a_notebook(self, tmp_path, document, edits):
        data = bytearray(json.dumps(document).encode())
        for place, replacement in edits:
            data[place : place + len(replacement)] = replacement
        (tmp_path / "a.ipynb").write_bytes(data)
        read_or_refuse(tmp_path / "a.ipynb")

    @FUZZ
    @given(
        data=st.binary(max_size=200),
        mark=st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"#coding:"]),
    )
    def test_any_bytes_as_a_module_a_notebook_and_a_zip(self, tmp_path, data, mark):
        for name in ("a.py", "a.ipynb", "a.zip"):
            (tmp_path / name).write_bytes(mark + data)
            read_or_refuse(tmp_path / name)

    @FUZZ
    @given(
        names=st.lists(st.sampled_from(["gradients.py", "t.py", "a/t.py", "a.ipynb", "d.csv", "l.py"]), unique=True),
        edits=st.lists(st.tuples(st.integers(0, 800), st.binary(min_size=1, max_size=4)), max_size=6),
        method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]),
        cut=st.integers(0, 40),
    )
    def test_damaged_zips(self, tmp_path, names, edits, method, cut):
        entries = [(special_entry(name, stat.S_IFLNK) if name == "l.py" else name, ANSWER * 9) for name in names]
        data = bytearray(pack(*entries, method=method))
        for place, replacement in edits:
            place %= len(data)
            data[place : place + len(replacement)] = replacement
        (tmp_path / "a.zip").write_bytes(data[: len(data) - max(0, cut - 30)])
        read_or_refuse(tmp_path / "a.zip")

    @FUZZ
    @given(names=st.lists(st.text(st.sampled_from("ab./\\:C \n\x1b\u202eé"), min_size=1, max_size=8), max_size=6))
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_any_names_in_a_zip(self, tmp_path, names):
        (tmp_path / "a.zip").write_bytes(pack(*((f"{name}.py", ANSWER) for name in names), ("gradients.py", ANSWER)))
        read = read_or_refuse(tmp_path / "a.zip")
        for path in read.helpers if read else ():
            assert all(part not in ("", ".", "..") for part in path.split("/")) and path.isprintable()

    @FUZZ
    @given(source=st.text(st.sampled_from("ab %!?#'\"()[]\\\n=")) | st.lists(lines, max_size=12).map("".join))
    @example('x = """\n%d\n"""\n%d')
    def test_taking_magics_out_keeps_the_lines_and_every_valid_program(self, source):
        cleaned = plain(source).source
        assert cleaned.count("\n") == source.count("\n")
        if "grader" not in source and "\0" not in source and is_python(source):
            assert cleaned == source


def is_python(source: str) -> bool:
    import ast
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(source)
        except (SyntaxError, ValueError):
            return False
    return True
