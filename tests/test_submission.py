"""Reading what students hand in: each way of handing in is either read or refused with its reason."""

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder import submission
from autograder.submission import Limits, SubmissionError

ANSWER = "def sigmoid(x):\n    return x\n"


def write(path: Path, content: str | bytes = ANSWER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def notebook(*cells, **metadata) -> str:
    made = [cell if not isinstance(cell, str) else new_code_cell(cell) for cell in cells]
    return nbformat.writes(new_notebook(cells=made, metadata=metadata))


def source_of(content: str | bytes, folder: Path, name: str = "gradients.py", **options) -> str:
    read = submission.read(write(folder / name, content), "gradients", **options)
    return "\n".join(cell.source for cell in read.cells)


def refusal(path: Path, stem: str = "gradients", **options) -> str:
    with pytest.raises(SubmissionError) as caught:
        submission.read(path, stem, **options)
    message = str(caught.value)
    assert message.isprintable() and len(message) < 500  # one line, safe to print
    return message


class TestModule:
    def test_a_module_is_one_cell_labelled_with_its_name(self, tmp_path):
        read = submission.read(write(tmp_path / "gradients.py"), "gradients")
        assert read.name == "gradients.py"
        assert read.cells == (submission.Cell("gradients.py", ANSWER),)
        assert read.helpers == {} and read.notes == ()

    def test_a_module_may_bear_any_name(self, tmp_path):
        assert submission.read(write(tmp_path / "alice.py"), "gradients").name == "alice.py"

    def test_percent_cells_of_a_module_are_all_kept(self, tmp_path):
        text = '# %%\na = 1\n\n# %% tags=["picture"]\ndef picture():\n    return a\n'
        assert source_of(text, tmp_path) == text

    def test_a_syntax_error_is_left_to_whoever_runs_it(self, tmp_path):
        assert source_of("def f(:\n", tmp_path) == "def f(:\n"

    def test_files_beside_a_single_module_are_not_its_helpers(self, tmp_path):
        write(tmp_path / "bob.py")
        assert submission.read(write(tmp_path / "alice.py"), "gradients").helpers == {}

    def test_the_code_of_a_converted_notebook_loses_what_only_ipython_runs(self, tmp_path):
        text = "get_ipython().run_line_magic('matplotlib', 'inline')\nx = 1\ngrader.check('sigmoid')\n"
        assert source_of(text, tmp_path) == "pass\nx = 1\npass\n"

    @pytest.mark.parametrize("content", ["", " \n\t\r\n", b"\xef\xbb\xbf", b"\xff\xfe"])
    def test_an_empty_file_is_refused(self, tmp_path, content):
        assert refusal(write(tmp_path / "gradients.py", content)) == "gradients.py is empty."

    def test_another_kind_of_file_is_refused(self, tmp_path):
        assert "hand in a .py, an .ipynb, a .zip or a folder" in refusal(write(tmp_path / "gradients.tar.gz", b"x"))

    def test_a_missing_file_is_refused(self, tmp_path):
        assert refusal(tmp_path / "gradients.py") == "gradients.py: there is no such file."

    def test_source_over_the_cap_is_refused(self, tmp_path):
        path = write(tmp_path / "gradients.py")
        os.truncate(path, 10 * 2**30)  # sparse: ten gigabytes that take no room
        assert refusal(path) == "gradients.py is larger than 4 MiB."

    def test_source_at_the_cap_is_read(self, tmp_path):
        text = "#" * (Limits().source - 1) + "\n"
        assert source_of(text, tmp_path) == text


class TestEncodings:
    TEXT = "name = 'Ærøskøbing'\n"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_utf8_with_and_without_its_mark(self, tmp_path, encoding):
        assert source_of(self.TEXT.encode(encoding), tmp_path) == self.TEXT

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
    def test_utf16_and_utf32_with_their_mark_are_read_with_a_note(self, tmp_path, encoding):
        read = submission.read(write(tmp_path / "gradients.py", self.TEXT.encode(encoding)), "gradients")
        assert read.cells[0].source == self.TEXT
        assert len(read.notes) == 1 and encoding.upper() in read.notes[0]

    def test_utf16_big_endian(self, tmp_path):
        assert source_of(b"\xfe\xff" + self.TEXT.encode("utf-16-be"), tmp_path) == self.TEXT

    def test_utf16_without_a_mark_is_refused_with_a_hint(self, tmp_path):
        message = refusal(write(tmp_path / "gradients.py", "x = 1\n".encode("utf-16-le")))
        assert "line 1" in message and "UTF-16" in message

    @pytest.mark.parametrize("first", ["", "#!/usr/bin/env python\n"])
    @pytest.mark.parametrize("cookie", ["latin-1", "cp1252", "ISO-8859-15"])
    def test_a_coding_cookie_in_one_of_the_first_two_lines_counts(self, tmp_path, first, cookie):
        text = f"{first}# -*- coding: {cookie} -*-\n{self.TEXT}"
        assert source_of(text.encode(cookie), tmp_path) == text

    def test_a_coding_cookie_below_code_does_not_count(self, tmp_path):
        content = f"x = 1\n# coding: latin-1\n{self.TEXT}".encode("latin-1")
        assert "gradients.py, line 3: byte 0xc6 is not UTF-8" in refusal(write(tmp_path / "gradients.py", content))

    @pytest.mark.parametrize("cookie", ["no-such", "unicode_escape", "punycode", "rot13", "zlib", "idna", "utf-7"])
    def test_encodings_that_are_no_alphabet_are_refused(self, tmp_path, cookie):
        message = refusal(write(tmp_path / "gradients.py", f"# coding: {cookie}\nx = 1\n"))
        assert f"line 1: there is no text encoding {cookie!r}" in message

    def test_wrong_bytes_are_refused_with_their_line(self, tmp_path):
        path = write(tmp_path / "gradients.py", b"a = 1\r\nb = 2\rc = '\xe9'\n")
        assert refusal(path) == "gradients.py, line 3: byte 0xe9 is not UTF-8 text; save the file as UTF-8."

    def test_a_truncated_utf16_file_is_refused(self, tmp_path):
        assert "is not UTF-16-LE text" in refusal(write(tmp_path / "gradients.py", b"\xff\xfex\0="))

    def test_windows_line_ends_are_read_as_line_ends(self, tmp_path):
        assert source_of("a = 1\r\n\r\nb = '''\r\n'''\r\n", tmp_path) == "a = 1\n\nb = '''\n'''\n"

    def test_lone_carriage_returns_are_read_as_line_ends_with_a_note(self, tmp_path):
        read = submission.read(write(tmp_path / "gradients.py", b"a = 1\rb = 2\r"), "gradients")
        assert read.cells[0].source == "a = 1\nb = 2\n" and "carriage returns" in read.notes[0]

    def test_a_nul_character_is_refused_with_its_line(self, tmp_path):
        assert "line 2: there is a NUL" in refusal(write(tmp_path / "gradients.py", b"a = 1\nb = '\0'\nc = 3\n"))


class TestNotebook:
    def read(self, folder, text, **options):
        return submission.read(write(folder / "gradients.ipynb", text), "gradients", **options)

    def test_only_code_cells_are_read_and_numbered_among_themselves(self, tmp_path):
        read = self.read(tmp_path, notebook(new_markdown_cell("# x = 0"), "a = 1", new_markdown_cell("no"), "b = 2"))
        assert [(cell.label, cell.source) for cell in read.cells] == [("cell 1", "a = 1"), ("cell 2", "b = 2")]

    @pytest.mark.parametrize("source", ["a = 1\nb = 2", ["a = 1\n", "b = 2"]])
    def test_source_is_a_text_or_a_list_of_lines(self, tmp_path, source):
        text = json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": source}]})
        assert self.read(tmp_path, text).cells[0].source == "a = 1\nb = 2"

    def test_the_cell_after_a_syntax_error_is_kept(self, tmp_path):
        read = self.read(tmp_path, notebook("def f(:", "b = 2"))
        assert [cell.source for cell in read.cells] == ["def f(:", "b = 2"]

    @pytest.mark.parametrize(
        "metadata", [{"tags": ["picture"]}, {"tags": ["otter_ignore"]}, {"otter": {"ignore": True}}]
    )
    def test_marked_cells_are_skipped_with_a_note(self, tmp_path, metadata):
        read = self.read(tmp_path, notebook("a = 1", new_code_cell("boom", metadata=metadata), "c = 3"))
        assert [cell.label for cell in read.cells] == ["cell 1", "cell 3"]
        assert len(read.notes) == 1 and read.notes[0].startswith("Skipped 1 code cell ")

    @pytest.mark.parametrize("metadata", [{"tags": ["exercise"]}, {"otter": {"ignore": False}}, {"tags": []}])
    def test_other_marks_skip_nothing(self, tmp_path, metadata):
        assert self.read(tmp_path, notebook(new_code_cell("# IGNORE\na = 1", metadata=metadata))).cells

    def test_otter_calls_are_taken_out_and_the_code_around_them_stays(self, tmp_path):
        text = notebook(
            'import otter\n\ngrader = otter.Notebook("gradients.ipynb")',
            'x = 1\ngrader.check("sigmoid")  # 1 point\ny = 2',
            "grader.check_all()",
            "import otter, math",
        )
        sources = [cell.source for cell in self.read(tmp_path, text).cells]
        assert sources == ["pass\n\npass", "x = 1\npass\ny = 2", "pass", "import otter, math"]

    def test_magics_become_pass_with_a_note_and_line_numbers_stay(self, tmp_path):
        lines = ["%matplotlib inline", "import math", "if math:", "    !ls 'quote (", "help?", "?math", "files = !ls"]
        cell = "\n".join([*lines, "pip install torch", "x = 1"])
        read = self.read(tmp_path, notebook(cell))
        assert read.cells[0].source == "pass\nimport math\nif math:\n    pass\npass\npass\npass\npass\nx = 1"
        assert read.notes[0] == "cell 1, line 1: skipped %matplotlib inline"
        assert [note.split(":")[0] for note in read.notes] == [f"cell 1, line {line}" for line in (1, 4, 5, 6, 7, 8)]

    @pytest.mark.parametrize(
        "code",
        [
            'text = """\n%d items\n!\nwhat?\n"""',
            "x = (7\n     % 3)",
            "x = 7 \\\n  % 3",
            "x = [1,  # a bracket ( in a comment\n% 3]",
            "x = [1,  # one\n% 3]",
            "y = x != 3",
            "s = 'is it?'  # is it?",
            "z = f'{x!r}'",
            "t = 'it''s' \"%s\" % x",
            "u = r'\\'\nv = 1",
        ],
    )
    def test_python_that_looks_like_magic_is_untouched(self, tmp_path, code):
        assert self.read(tmp_path, notebook("%pylab\n" + code)).cells[0].source == "pass\n" + code

    @pytest.mark.parametrize("before", ["x = 1  # it's (", "x = '('", 'x = 1  # """', "x = (1,\n     2)"])
    def test_magics_are_found_after_any_python(self, tmp_path, before):
        assert self.read(tmp_path, notebook(f"{before}\n%pylab")).cells[0].source == f"{before}\npass"

    @pytest.mark.parametrize("magic", ["time", "capture output", "prun"])
    def test_cell_magics_that_run_python_keep_their_cell(self, tmp_path, magic):
        assert self.read(tmp_path, notebook(f"%%{magic}\nx = 1")).cells[0].source == "\nx = 1"

    @pytest.mark.parametrize("magic", ["bash", "html", "writefile torch.py", "timeit", "javascript", ""])
    def test_other_cell_magics_lose_their_cell_with_a_note(self, tmp_path, magic):
        read = self.read(tmp_path, notebook(f"%%{magic}\nx = 1", "y = 2"))
        assert [cell.label for cell in read.cells] == ["cell 2"] and "its cell with it" in read.notes[0]

    def test_a_nul_loses_its_cell_alone(self, tmp_path):
        read = self.read(tmp_path, notebook("a = '\0'", "b = 2"))
        assert [cell.label for cell in read.cells] == ["cell 2"] and "cell 1" in read.notes[0]

    def test_half_characters_are_replaced_so_that_the_cell_can_be_stored(self, tmp_path):
        text = '{"cells": [{"cell_type": "code", "source": "a = \'\\ud800\'"}]}'
        read = self.read(tmp_path, text)
        assert read.cells[0].source == "a = '\ufffd'" and read.digest and "surrogates" in read.notes[0]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
    def test_byte_order_marks(self, tmp_path, encoding):
        assert self.read(tmp_path, notebook("a = 'é'").encode(encoding)).cells[0].source == "a = 'é'"

    def test_windows_line_ends_within_cells(self, tmp_path):
        assert self.read(tmp_path, notebook("a = 1\r\nb = 2\r\n")).cells[0].source == "a = 1\nb = 2\n"

    def test_wrong_bytes_are_refused_with_their_line(self, tmp_path):
        path = write(tmp_path / "gradients.ipynb", b'{\n"cells": "\xe9"}')
        assert "gradients.ipynb, line 2: byte 0xe9" in refusal(path)

    def test_format_3_is_read_from_its_worksheets(self, tmp_path):
        cells = [
            {"cell_type": "heading", "source": "no"},
            {"cell_type": "code", "input": ["a = 1"], "language": "python"},
        ]
        text = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}, {"cells": [cells[1]]}]})
        assert [cell.label for cell in self.read(tmp_path, text).cells] == ["cell 1", "cell 2"]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "line 1: this is no notebook (JSON:"),
            ('{\n"cells": [\n<<<<<<< HEAD', "line 3: this is no notebook"),
            ("[" * 100_000, "nested too deeply"),
            ("[]", "not an object"),
            ("3", "not an object"),
            ("{}", "it has no cells"),
            ('{"cells": {}}', "its cells are not a list"),
            ('{"cells": null}', "its cells are not a list"),
            ('{"cells": [3]}', "entry 1 of its cells is not a cell"),
            ('{"cells": [{}]}', "entry 1 of its cells is not a cell"),
            ('{"cells": [{"cell_type": "code"}]}', "source of code cell 1 is not text"),
            ('{"cells": [{"cell_type": "code", "source": [1]}]}', "source of code cell 1 is not text"),
            ('{"worksheets": 1}', "its worksheets are not a list"),
            ('{"worksheets": [1]}', "its cells are not a list"),
            ('{"cells": []}', "has no code cells"),
            ('{"cells": [{"cell_type": "code", "source": " "}]}', "no code to grade"),
            (
                '{"cells": [{"cell_type": "code", "source": "x"}], "metadata": {"kernelspec": {"language": "R"}}}',
                "in R,",
            ),
            (" \n", "is empty"),
        ],
    )
    def test_what_is_no_notebook_is_refused_with_its_reason(self, tmp_path, text, reason):
        assert reason in refusal(write(tmp_path / "gradients.ipynb", text))

    @pytest.mark.parametrize("metadata", [3, [], {"kernelspec": []}, {"language_info": {"name": 3}}])
    def test_metadata_of_wrong_types_are_no_obstacle(self, tmp_path, metadata):
        cell = {"cell_type": "code", "source": "a = 1", "metadata": {"tags": 3, "otter": []}}
        assert self.read(tmp_path, json.dumps({"cells": [cell], "metadata": metadata})).cells

    def test_ten_thousand_code_cells_are_read_and_one_more_is_refused(self, tmp_path):
        cells = [{"cell_type": "code", "source": "a = 1"}] * 10_000
        assert len(self.read(tmp_path, json.dumps({"cells": cells})).cells) == 10_000
        path = write(tmp_path / "more.ipynb", json.dumps({"cells": [*cells, cells[0]]}))
        assert "10,001 code cells; at most 10,000" in refusal(path)

    def test_outputs_do_not_count_as_source(self, tmp_path):
        output = nbformat.v4.new_output("stream", text="x" * 6_000_000)
        assert self.read(tmp_path, notebook(new_code_cell("a = 1", outputs=[output]))).cells

    def test_source_and_file_have_their_caps(self, tmp_path):
        assert "more than 4 MiB of code" in refusal(write(tmp_path / "a.ipynb", notebook("#" * (4 * 2**20 + 1))))
        assert "larger than 16 MiB" in refusal(write(tmp_path / "b.ipynb", notebook("#" * (16 * 2**20))))

    def test_numbers_of_a_million_digits_cost_nothing(self, tmp_path):
        text = notebook("a = 1").replace('"nbformat": 4', '"nbformat": ' + "9" * 1_000_000)
        assert self.read(tmp_path, text).cells

    def test_json_of_too_many_objects_is_refused_before_it_is_read(self, tmp_path):
        path = write(tmp_path / "gradients.ipynb", '{"cells": [' + "{}," * 1_000_000 + "{}]}")
        assert refusal(path) == "gradients.ipynb is too complex: clear its outputs and save it again."

    def test_notes_are_bounded(self, tmp_path):
        read = self.read(tmp_path, notebook("%a " + "\x1b[31m" * 5000 + "\n" + "%magic\n" * 5000 + "x = 1"))
        assert len(read.notes) == 31 and "4,971 more" in read.notes[-1]
        assert all(note.isprintable() and len(note) < 400 for note in read.notes)


class TestFolder:
    def test_the_topics_name_selects_among_several(self, tmp_path):
        write(tmp_path / "gradients.py")
        write(tmp_path / "gan.py", "other = 1\n")
        assert submission.read(tmp_path, "gan").cells[0].source == "other = 1\n"
        assert submission.read(tmp_path, "gradients").cells[0].source == ANSWER

    def test_failing_that_the_only_module_or_notebook_is_read(self, tmp_path):
        write(tmp_path / "homework.ipynb", notebook("a = 1"))
        assert submission.read(tmp_path, "gradients").name == "homework.ipynb"

    def test_several_files_of_other_names_are_refused_by_name(self, tmp_path):
        write(tmp_path / "one.py")
        write(tmp_path / "two.py")
        message = refusal(tmp_path)
        assert "one.py, two.py" in message and "gradients.py or gradients.ipynb" in message

    @pytest.mark.parametrize("place", ["01_gradients", "handed/in/twice"])
    def test_a_nested_folder_is_entered(self, tmp_path, place):
        write(tmp_path / place / "gradients.py")
        write(tmp_path / place / "helper.py", "h = 1\n")
        read = submission.read(tmp_path, "gradients")
        assert read.name == "gradients.py" and read.helpers == {"helper.py": b"h = 1\n"}

    def test_the_topics_file_is_found_among_the_folders_of_topics(self, tmp_path):
        write(tmp_path / "01_gradients" / "gradients.py")
        write(tmp_path / "11_gan" / "gan.py", "other = 1\n")
        assert submission.read(tmp_path, "gan", other_topics=["gradients"]).cells[0].source == "other = 1\n"

    def test_two_folders_with_the_topics_file_are_refused_by_name(self, tmp_path):
        write(tmp_path / "final" / "gradients.py")
        write(tmp_path / "final2" / "gradients.py")
        assert "final/, final2/" in refusal(tmp_path)

    def test_two_nested_folders_with_code_of_no_name_are_refused(self, tmp_path):
        write(tmp_path / "a" / "x.py")
        write(tmp_path / "b" / "y.py")
        assert "a/, b/" in refusal(tmp_path)

    @pytest.mark.parametrize(("module", "cell", "winner"), [(2, 1, "gradients.ipynb"), (0, 1, "gradients.py")])
    def test_of_module_and_notebook_the_one_further_along_is_read(self, tmp_path, module, cell, winner):
        stub = "def f{}():\n    raise NotImplementedError\n"
        write(tmp_path / "gradients.py", "a = 1\n" + "".join(stub.format(k) for k in range(module)))
        write(tmp_path / "gradients.ipynb", notebook("a = 1\n" + "".join(stub.format(k) for k in range(cell))))
        read = submission.read(tmp_path, "gradients")
        assert read.name == winner and f"{winner} was graded" in read.notes[0]

    def test_module_and_notebook_equally_far_are_refused(self, tmp_path):
        write(tmp_path / "gradients.py")
        write(tmp_path / "gradients.ipynb", notebook(ANSWER))
        assert "hand in one of them" in refusal(tmp_path)

    def test_what_the_handout_brings_along_is_passed_over(self, tmp_path):
        write(tmp_path / "gradients.py")
        for name in ("README.md", "test_gradients.py", "tests/sigmoid.py", "__pycache__/gradients.pyc", ".OTTER_LOG"):
            write(tmp_path / name)
        for name in (
            ".ipynb_checkpoints/gradients.ipynb",
            "venv/lib/helper.py",
            "__MACOSX/._gradients.py",
            "conftest.py",
        ):
            write(tmp_path / name)
        read = submission.read(tmp_path, "gradients")
        assert read.helpers == {} and read.notes == ()

    def test_modules_and_packages_beside_the_main_file_are_helpers(self, tmp_path):
        write(tmp_path / "gradients.py", "from tools.numeric import f\n")
        for name in ("utilities.py", "tools/__init__.py", "tools/numeric.py", "space/inner/deep.py"):
            write(tmp_path / name, name)
        read = submission.read(tmp_path, "gradients")
        expected = ("space/inner/deep.py", "tools/__init__.py", "tools/numeric.py", "utilities.py")
        assert read.helpers == {name: name.encode() for name in expected} and read.notes == ()

    @pytest.mark.parametrize(
        "name",
        ["torch.py", "numpy/__init__.py", "json.py", "autograder.py", "random.py", "hypothesis.py", "sitecustomize.py"],
    )
    def test_helpers_that_would_hide_a_library_are_named_and_left_out(self, tmp_path, name):
        write(tmp_path / "gradients.py")
        write(tmp_path / name)
        read = submission.read(tmp_path, "gradients")
        assert read.helpers == {} and len(read.notes) == 1
        assert name in read.notes[0] and "library" in read.notes[0]

    def test_files_that_are_no_modules_are_named_and_left_out(self, tmp_path):
        for name in ("gradients.py", "data.csv", "my-helper.py", "nested.zip", "ﬁ.py"):
            write(tmp_path / name)
        read = submission.read(tmp_path, "gradients")
        notes = "\n".join(read.notes)
        assert read.helpers == {}
        assert "(not a Python module): data.csv" in notes and "(an archive within): nested.zip" in notes
        assert "(not a name that Python can import): my-helper.py, ﬁ.py" in notes

    def test_other_topics_are_no_helpers_and_leave_the_digest_alone(self, tmp_path):
        write(tmp_path / "gradients.py")
        before = submission.read(tmp_path, "gradients", other_topics={"gan"})
        write(tmp_path / "gan.py")
        write(tmp_path / "gan.ipynb")
        assert submission.read(tmp_path, "gradients", other_topics={"gan"}) == before

    def test_an_empty_folder_is_refused(self, tmp_path):
        assert "holds no .py and no .ipynb" in refusal(tmp_path)

    def test_a_folder_with_nothing_but_an_archive_is_refused_by_its_name(self, tmp_path):
        write(tmp_path / "answers.zip")
        assert "Archives within it are not opened: answers.zip" in refusal(tmp_path)

    def test_too_many_files_are_refused(self, tmp_path):
        for number in range(6):
            write(tmp_path / f"m{number}.py")
        assert "more than 5 files" in refusal(tmp_path, limits=Limits(files=5))

    def test_helpers_have_a_cap_together(self, tmp_path):
        write(tmp_path / "gradients.py")
        for number in range(5):
            write(tmp_path / f"m{number}.py", b"#" * 1000)
        assert "larger than 4,000 bytes together" in refusal(tmp_path, limits=Limits(archive=4000))

    def test_what_lies_too_deep_is_left_out_with_a_note(self, tmp_path):
        write(tmp_path / "gradients.py")
        write(tmp_path / "/".join("abcdefghijk") / "x.py")
        read = submission.read(tmp_path, "gradients")
        assert read.helpers == {} and "deeper than 8 folders" in read.notes[0]

    def test_a_path_longer_than_the_system_takes_is_no_obstacle(self, tmp_path):
        write(tmp_path / "gradients.py")
        inside = os.open(tmp_path, os.O_RDONLY)
        for _ in range(30):  # 6,000 characters, where Linux takes 4,096 in one call
            os.mkdir("d" * 200, dir_fd=inside)
            next_inside = os.open("d" * 200, os.O_RDONLY, dir_fd=inside)
            os.close(inside)
            inside = next_inside
        os.close(inside)
        assert submission.read(tmp_path, "gradients").cells

    def test_the_current_folder_can_be_read(self, tmp_path, monkeypatch):
        write(tmp_path / "gradients.py")
        monkeypatch.chdir(tmp_path)
        assert submission.read(Path("."), "gradients").cells


class TestDigest:
    def test_the_same_content_has_the_same_digest(self, tmp_path):
        first = submission.read(write(tmp_path / "a" / "gradients.py"), "gradients")
        assert first.digest == submission.read(write(tmp_path / "b" / "gradients.py"), "gradients").digest
        assert len(first.digest) == 64

    def test_outputs_do_not_change_it(self, tmp_path):
        output = nbformat.v4.new_output("stream", text="x")
        texts = [notebook("a = 1"), notebook(new_code_cell("a = 1", outputs=[output], execution_count=3))]
        paths = [write(tmp_path / str(k) / "gradients.ipynb", text) for k, text in enumerate(texts)]
        assert len({submission.read(path, "gradients").digest for path in paths}) == 1

    def test_any_change_of_name_cell_or_helper_changes_it(self):
        cell = submission.Cell
        variants = [
            submission.Submission("a.py", (cell("a.py", "x"),)),
            submission.Submission("b.py", (cell("a.py", "x"),)),
            submission.Submission("a.py", (cell("a.py", "y"),)),
            submission.Submission("a.py", (cell("a.py", "x"), cell("", ""))),
            submission.Submission("a.py", (cell("a.pyx", ""),)),
            submission.Submission("a.py", (cell("a.py", "x"),), {"h.py": b""}),
            submission.Submission("a.py", (cell("a.py", "x"),), {"h.py": b"1"}),
            submission.Submission("a.py", (cell("a.py", "x"),), {"h.py1": b""}),
        ]
        assert len({variant.digest for variant in variants}) == len(variants)

    def test_the_order_of_helpers_does_not_matter(self):
        first, second = ({"a.py": b"1", "b.py": b"2"}, {"b.py": b"2", "a.py": b"1"})
        assert len({submission.Submission("m.py", (), helpers).digest for helpers in (first, second)}) == 1


class TestDiscover:
    def test_files_folders_and_zips_of_a_class_in_order(self, tmp_path):
        for name in ("dave.zip", "Bob.ipynb", "alice.py", "carol/gradients.py", "erin.rar"):
            write(tmp_path / name)
        for name in (".hidden.py", "README.md", "roster.csv", "__pycache__/x.pyc", ".git/config"):
            write(tmp_path / name)
        expected = [
            ("alice", "alice.py"),
            ("Bob", "Bob.ipynb"),
            ("carol", "carol"),
            ("dave", "dave.zip"),
            ("erin", "erin.rar"),
        ]
        assert submission.discover([tmp_path], "gradients") == [(who, tmp_path / name) for who, name in expected]

    def test_a_folder_that_holds_the_topic_is_one_students(self, tmp_path):
        write(tmp_path / "carol" / "gradients.py")
        write(tmp_path / "carol" / "helper.py")
        assert submission.discover([tmp_path / "carol"], "gradients") == [("carol", tmp_path / "carol")]

    def test_a_file_named_after_the_topic_belongs_to_its_folder(self, tmp_path):
        paths = [write(tmp_path / who / "gradients.py") for who in ("dave", "carol")]
        assert submission.discover(paths, "gradients") == [("carol", paths[1]), ("dave", paths[0])]

    def test_students_who_handed_in_other_topics_alone_are_left_out(self, tmp_path):
        for name in ("carol/gradients.py", "carol/gan.py", "dave/gan.py", "erin/notes.txt"):
            write(tmp_path / name)
        found = {
            topic: submission.discover([tmp_path], topic, {"gan", "gradients"} - {topic})
            for topic in ("gan", "gradients")
        }
        assert [who for who, _ in found["gan"]] == ["carol", "dave", "erin"]
        assert [who for who, _ in found["gradients"]] == ["carol", "erin"]  # erin is told that nothing is there

    def test_ids_are_made_fit_for_files_and_tables(self, tmp_path):
        names = ["=cmd|x.py", "Zoë Müller (1).py", "a\x1b[31mb.py", "..py", "x" * 200 + ".py"]
        for name in names[:3] + names[4:]:
            write(tmp_path / name)
        students = [who for who, _ in submission.discover([tmp_path], "gradients")]
        assert students == ["a__31mb", "cmd_x", "x" * 100, "Zoë_Müller__1"]

    @pytest.mark.parametrize(
        ("first", "second"), [("alice.py", "alice.zip"), ("a b.py", "a_b.py"), ("Al.py", "al.ipynb")]
    )
    def test_two_submissions_of_one_id_are_refused_naming_both(self, tmp_path, first, second):
        write(tmp_path / first)
        write(tmp_path / second)
        with pytest.raises(SubmissionError) as caught:
            submission.discover([tmp_path], "gradients")
        assert first in str(caught.value) and second in str(caught.value)

    def test_the_same_path_twice_is_one_submission(self, tmp_path):
        path = write(tmp_path / "alice.py")
        assert submission.discover([path, tmp_path, path], "gradients") == [("alice", path)]

    def test_links_are_listed_and_refused_when_read(self, tmp_path):
        secret = write(tmp_path / "secret" / "gradients.py")
        (tmp_path / "class").mkdir()
        (tmp_path / "class" / "eve.py").symlink_to(secret)
        (tmp_path / "class" / "mallory").symlink_to(secret.parent)
        found = submission.discover([tmp_path / "class"], "gradients", {"gan"})
        assert [who for who, _ in found] == ["eve", "mallory"]
        for _, path in found:
            assert "is a symbolic link" in refusal(path)

    def test_a_missing_path_is_refused(self, tmp_path):
        with pytest.raises(SubmissionError, match="no such file"):
            submission.discover([tmp_path / "nobody"], "gradients")

    def test_a_name_without_letters_is_refused(self, tmp_path):
        with pytest.raises(SubmissionError, match="no letter or digit"):
            submission.discover([write(tmp_path / "---.py")], "gradients")
