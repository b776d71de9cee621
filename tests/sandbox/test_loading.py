"""Submissions are loaded from memory: files, helpers, notebooks' cells, and whatever is wrong with them."""

import pytest

from autograder.sandbox import SandboxError


def test_helper_modules_and_packages_beside_the_main_file(submit):
    child = submit(
        "import helper\nfrom tools.deep import g\nfrom tools import inner\n"
        "def f(): return helper.one(), g(), inner.name\n",
        **{
            "helper.py": b"import tools.deep\ndef one(): return 1",
            "tools/__init__.py": b"",
            "tools/deep.py": b"from . import inner\ndef g(): return inner.name",
            "tools/inner.py": b"name = __name__",
        },
    )
    assert child.errors == [] and child.notes == []
    assert child.target.f() == (1, "tools.inner", "tools.inner")


def test_helpers_do_not_hide_libraries_and_it_is_said(submit):
    child = submit("import torch, random\ndef f(): return hasattr(torch, 'mine'), hasattr(random, 'mine')",
                   **{"torch.py": b"mine = 1", "random.py": b"mine = 1", "fine.py": b""})  # fmt: skip
    assert child.target.f() == (False, False)
    assert [note.split()[0] for note in child.notes] == ["random.py", "torch.py"]


def test_names_before_an_error_are_kept_and_the_error_is_told(submit):
    child = submit("def f(): return 1\n\nboom = 1 / 0\ndef g(): return 2\n")
    ((cell, error),) = child.errors
    assert cell is None and isinstance(error, ZeroDivisionError)
    assert (error.frames[-1].line, error.frames[-1].source) == (3, "boom = 1 / 0")
    assert child.target.f() == 1 and not hasattr(child.target, "g")


def test_syntax_errors_say_where(submit):
    child = submit("def f(:\n    pass\n")
    ((_, error),) = child.errors
    assert isinstance(error, SyntaxError) and error.frames[-1].line == 1 and "work.py" in error.frames[-1].filename
    assert not hasattr(child.target, "f")


def test_errors_in_helpers_are_told_with_their_place(submit):
    child = submit("def f(): return 1\nimport helper\n", **{"helper.py": b"x = 1\nraise KeyError('inside')"})
    ((_, error),) = child.errors
    assert isinstance(error, KeyError) and [frame.filename for frame in error.frames] == ["work.py", "helper.py"]
    assert child.target.f() == 1


@pytest.mark.parametrize("statement", ["import sys; sys.exit(0)", "raise KeyboardInterrupt", "raise SystemExit"])
def test_leaving_at_the_top_is_an_error_like_others(submit, statement):
    child = submit(f"def f(): return 1\n{statement}\n")
    assert len(child.errors) == 1 and child.target.f() == 1


def test_cells_run_one_by_one_and_one_error_does_not_stop_the_next(warm):
    cells = ["import math\ndef f(): return math.pi", "broken = 1 / 0", "def g(: pass", "def h(): return f() + 1"]
    with warm.spawn({}, "week/work.ipynb", cells=cells) as child:
        assert [cell for cell, _ in child.errors] == [2, 3]
        assert [type(error).__mro__[2] for _, error in child.errors] == [ZeroDivisionError, SyntaxError]
        assert child.errors[0][1].frames[-1].filename == "week/work.ipynb, cell 2"
        assert child.target.h() == pytest.approx(4.14159, abs=1e-4)


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbftext = 'gr\xc3\xbc\xc3\x9fe'\n",
        b"# -*- coding: latin-1 -*-\ntext = 'gr\xfc\xdfe'\n",
        b"text = 'gr\xc3\xbc\xc3\x9fe'\r\nif True:\r\n    x = 1\r\n",
    ],
    ids=["byte_order_mark", "declared_latin_1", "windows_line_ends"],
)
def test_encodings(warm, source):
    with warm.spawn({"work.py": source}, "work.py") as child:
        assert child.errors == [] and child.target.text == "grüße"


@pytest.mark.parametrize("source", [b"\xff\xfe\x00", b"x = '\xfc'", b"x = 1\x00", b"# coding: no-such-code\n"])
def test_undecodable_sources_are_errors_not_deaths(warm, source):
    with warm.spawn({"work.py": source}, "work.py") as child:
        assert len(child.errors) == 1 and child.alive


def test_the_module_knows_its_name_and_runs_as_no_script(submit):
    child = submit("name = __name__\nscript = False\nif __name__ == '__main__':\n    script = True\n"
                   "import dataclasses, inspect\n@dataclasses.dataclass\nclass D:\n    x: int = 1\n"
                   "def f(): return inspect.getsource(D).splitlines()[1]\n")  # fmt: skip
    assert child.errors == [] and child.target.name == "work" and child.target.script is False
    assert child.target.f() == "class D:" and child.target.D().x == 1


def test_names_of_libraries_as_name_of_the_submission(warm):
    with warm.spawn({"random.py": b"import random\ndef f(): return random.random() < 1"}, "random.py") as child:
        assert child.target.f() is True


def test_the_main_file_must_be_there(warm):
    with pytest.raises(SandboxError, match="not among"):
        warm.spawn({"a.py": b""}, "b.py")


def test_output_is_kept_in_part(submit):
    child = submit("import sys\nprint('hello')\nsys.stderr.write('bad\\n')\n"
                   "def f():\n    print('x' * 1000)\n    return 1\ndef g(n):\n    print('y' * n)\n")  # fmt: skip
    assert child.output == "hello\nbad\n"
    assert child.target.f() == 1 and child.output.endswith("x\n")
    child.target.g(1 << 20)
    assert len(child.output) == 64 * 1024 and child.alive


def test_matplotlib_can_be_imported_and_draws(submit):
    """Students leave the import of a plot at the top, where its failing would cost them everything below."""
    child = submit(
        "import matplotlib.pyplot as plt\n"
        "def f():\n    figure, axes = plt.subplots()\n    axes.set_title('$x^2$')\n    figure.canvas.draw()\n"
        "    plt.show()\n    return len(figure.axes)\n"
    )
    assert child.errors == [] and child.target.f() == 1
