"""In the child: run a submission's sources from memory.

`Submission.run` executes the main file (or the cells of a notebook) as a module named after it. Helper modules beside
it are imported from the same dictionary of sources, by a finder that comes first but never answers for the standard
library or for a library that is already loaded.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
import types
from collections.abc import Callable

LIBRARIES = {"autograder", "gymnasium", "jaxtyping", "matplotlib", "msgpack", "numpy", "pytest", "scipy", "torch"}


class Sources(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Modules held in memory: `files` maps "helper.py" and "package/module.py" to their bytes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.protected = LIBRARIES | set(sys.stdlib_module_names) | {name.partition(".")[0] for name in sys.modules}

    def path_of(self, fullname: str) -> str | None:
        """The file that defines a module."""
        base = fullname.replace(".", "/")
        return next((path for path in (f"{base}/__init__.py", f"{base}.py") if path in self.files), None)

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> object:
        """A spec for a module of the submission."""
        filename = self.path_of(fullname)
        if filename is None or fullname.partition(".")[0] in self.protected:
            return None
        is_package = filename.endswith("/__init__.py")
        return importlib.util.spec_from_loader(fullname, self, origin=filename, is_package=is_package)

    def get_source(self, fullname: str) -> str:
        """The source text."""
        return importlib.util.decode_source(self.files[self.path_of(fullname) or ""])

    def get_code(self, fullname: str) -> types.CodeType:
        """The compiled module; raises SyntaxError."""
        filename = self.path_of(fullname) or fullname
        return compile_source(self.files[filename], filename)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run it."""
        exec(self.get_code(module.__name__), module.__dict__)

    def shadowed(self) -> list[str]:
        """Files that would hide a library, and do not."""
        tops = {path.partition("/")[0].removesuffix(".py"): path for path in self.files}
        return sorted(path for top, path in tops.items() if top in self.protected)


def compile_source(source: bytes | str, filename: str) -> types.CodeType:
    """Compile, and remember the lines for tracebacks and `inspect`."""
    code = compile(source, filename, "exec", dont_inherit=True)
    text = importlib.util.decode_source(source) if isinstance(source, bytes) else source
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    return code


class Submission:
    """One submission's main module, `filenames` of its sources, and what it raised while loading."""

    def __init__(self, describe: Callable[[BaseException], list]) -> None:
        self.describe = describe
        self.module = types.ModuleType("submission")
        self.filenames: set[str] = set()

    def run(self, files: dict[str, bytes], main: str, cells: list[str] | None) -> list:
        """Execute it; returns [[(cell or None, described exception)], notes]. Names defined before an error stay."""
        name = main.rpartition("/")[2].rpartition(".")[0] or main
        sources = Sources({path: data for path, data in files.items() if path != main})
        sys.meta_path.insert(0, sources)
        self.module = types.ModuleType(name)
        self.module.__file__ = main
        if name not in sources.protected:
            sys.modules[name] = self.module
        notes = [f"{path} was not used: it would hide a library of the same name" for path in sources.shadowed()]
        if cells is None:
            parts: list[tuple[int | None, str, bytes | str]] = [(None, main, files[main])]
        else:
            parts = [(number, f"{main}, cell {number}", cell) for number, cell in enumerate(cells, 1)]
        self.filenames = {*files, *(filename for _, filename, _ in parts)}
        errors = [(number, error) for number, *part in parts if (error := self.execute(*part)) is not None]
        return [errors, notes]

    def execute(self, filename: str, source: bytes | str) -> list | None:
        """Run one file or cell in the module; the described exception if it raised."""
        try:
            exec(compile_source(source, filename), self.module.__dict__)
        except BaseException as error:
            return self.describe(error)
        return None
