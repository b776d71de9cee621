"""Which names count: what is passed over, what cannot be trusted, and what would hide a library.

`passed_over(path)` is silent, `checked(name)` refuses the names that slip out of an archive, `importable(path)` and
`hides_a_library(path)` decide about helper modules.
"""

import re
import sys
import unicodedata

from autograder.submission.model import SubmissionError, shown

FOLDERS_PASSED_OVER = {"__pycache__", "__macosx", "tests", "node_modules", "venv", "env", "site-packages"}
FILES_PASSED_OVER = re.compile(
    r"readme(\..*)?|test_.*\.py|conftest\.py|setup\.py|.*\.pyc|thumbs\.db|desktop\.ini|icon\r",
    re.IGNORECASE | re.DOTALL,
)

# What the course imports, and what those import: a helper of that name would stand in for it.
LIBRARIES = frozenset(
    """
    autograder otter torch torchgen torchvision torchaudio functorch numpy scipy sympy mpmath networkx pandas
    matplotlib mpl_toolkits pylab PIL kiwisolver cycler contourpy fontTools pyparsing dateutil six
    gymnasium farama_notifications cloudpickle typing_extensions jaxtyping wadler_lindig beartype typeguard
    hypothesis sortedcontainers attr attrs pytest pluggy iniconfig packaging exceptiongroup tomli conftest
    nbformat jupytext nbconvert jupyter IPython ipykernel jinja2 markupsafe msgpack pyseccomp seccomp landlock
    click rich pygments filelock fsspec yaml setuptools pkg_resources pip sitecustomize usercustomize
    """.split()
)
MAXIMAL_NAME = 255  # bytes in one component, as file systems have it
DRIVE = re.compile(r"[A-Za-z]:([/\\]|$)")


def passed_over(path: str) -> bool:
    """Whether a relative path is no part of the answer: hidden, a cache, a test, a README."""
    *folders, name = path.split("/")
    if any(part.startswith(".") or part.lower() in FOLDERS_PASSED_OVER for part in folders):
        return True
    return name.startswith(".") or FILES_PASSED_OVER.fullmatch(name) is not None


def checked(name: str) -> str:
    """The name of an archive's entry as a relative posix path.

    Raises SubmissionError if it points out of the archive: absolute, with a drive letter or with a component "..".
    """
    path = name.replace("\\", "/")
    if path.startswith("/") or DRIVE.match(path):
        raise SubmissionError(f"{shown(name)}: an archive must not hold absolute names; pack it again.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise SubmissionError(f"{shown(name)}: an archive must not hold names with '..'; pack it again.")
    return "/".join(parts)


def odd(path: str) -> bool:
    """Whether a name has control, formatting or undecodable characters, or a length that no file system allows."""
    return not path.isprintable() or any(len(part.encode()) > MAXIMAL_NAME for part in path.split("/"))


def importable(path: str) -> bool:
    """Whether `import` can reach this helper: a .py file, every part of its path a normalised identifier."""
    if not path.endswith(".py"):
        return False
    parts = path[: -len(".py")].split("/")
    return all(part.isidentifier() and unicodedata.normalize("NFKC", part) == part for part in parts)


def hides_a_library(path: str) -> bool:
    """Whether a helper module, or the package that it lies in, bears the name of a library."""
    top = path.split("/")[0].removesuffix(".py")
    return top in LIBRARIES or top in sys.stdlib_module_names
