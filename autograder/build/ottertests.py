"""Test files made of a property module: the public laws for pytest, and one file per exercise for otter.

Otter runs each of its files as bare text, twice, without a module around it: so each holds the imports, helpers and
laws of its exercise and nothing else. It reads them in the machine's own encoding, so they are written in ASCII.
"""

import ast
import io
import itertools
import json
import re
import tokenize

from autograder.build.errors import BuildError
from autograder.build.prune import selection
from autograder.build.topic import TopicSource


def public_laws(source: TopicSource) -> str:
    """The module that students run with pytest: every public law, with what it needs."""
    name = source.topic.name
    docstring = f'"""The laws of {name} that you have: plain `pytest` in this folder runs them on {name}.py."""\n'
    imports, rest = selection(source.laws, source.laws.exercises, hidden=False)
    blank = "\n\n" if rest.startswith(("def ", "class ", "@")) else "\n"
    return "\n".join(filter(None, [docstring, imports])) + blank + rest


def otter_file(source: TopicSource, exercise: str, hidden: bool, seed: int = 0) -> str:
    """Otter's test file of one exercise, in its exception-based format, with the hidden laws only if `hidden`.

    `seed` is the course's own in what grades, and 0 in what students receive.
    """
    law_class = source.laws.exercises[exercise]
    laws = law_class.laws if hidden else law_class.public
    imports, rest = selection(source.laws, [exercise], hidden)
    future = "".join(line + "\n" for line in imports.splitlines() if line.startswith("from __future__"))
    imports = "".join(line + "\n" for line in imports.splitlines() if not line.startswith("from __future__"))
    # Otter adds up the points of single laws; all of them on one keeps the sum exact.
    points = [law_class.points] + [0] * (len(laws) - 1)
    parts = [
        f'"""The laws of {exercise}, for otter. Generated: change the course\'s own files instead."""\n\n{future}'
        "from otter.test_files import test_case\n\nfrom autograder.laws.otter import check_law\n",
        imports,
        f'OK_FORMAT = False\nname = "{exercise}"\npoints = {json.dumps(points)}\nall_or_nothing = True\n',
        "\n" + rest,
    ]
    seeded = f", seed={seed}" if seed else ""
    for number, law in enumerate(laws, 1):
        parts.append(
            f'\n@test_case(name="{exercise} - {law.name}", hidden={law.hidden})\n'
            f'def law_{number}(env):\n    check_law({law_class.name}, "{law.name}", env{seeded})\n'
        )
    text = "\n".join(filter(None, parts))
    try:
        return in_ascii(text)
    except ValueError as error:
        raise BuildError(source.laws.path, law_class.line, f"exercise {exercise}: {error}") from None


def in_ascii(text: str) -> str:
    """The same program in ASCII: other characters in strings and comments become escapes.

    Raises ValueError where that would change the program: a name with such characters.
    """
    line_starts = list(itertools.accumulate(map(len, text.splitlines(keepends=True)), initial=0))
    result = text
    for (first, start), (last, stop) in reversed(_strings_and_comments(text)):
        begin, end = line_starts[first - 1] + start, line_starts[last - 1] + stop
        result = result[:begin] + _escaped(text[begin:end]) + result[end:]
    if not result.isascii() or ast.dump(ast.parse(result)) != ast.dump(ast.parse(text)):
        raise ValueError("names in laws must be ASCII, for otter reads them in the machine's own encoding.")
    return result


def _escaped(token: str) -> str:
    """A string or comment in ASCII. A raw string knows no escapes, so it is written as an ordinary one."""
    prefix = re.match(r"\w*", token)[0].lower()
    if not token.isascii() and prefix == "r":
        return ascii(ast.literal_eval(token))
    return token.encode("ascii", "backslashreplace").decode()


def _strings_and_comments(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where each string (f-strings as a whole) and comment begins and ends, as (line, column)."""
    found, open_at, depth = [], None, 0
    # From Python 3.12 an f-string is several tokens.
    f_start, f_end = getattr(tokenize, "FSTRING_START", None), getattr(tokenize, "FSTRING_END", None)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == f_start:
            open_at = token.start if depth == 0 else open_at
            depth += 1
        elif token.type == f_end:
            depth -= 1
            if depth == 0:
                found.append((open_at, token.end))
        elif token.type in (tokenize.STRING, tokenize.COMMENT) and depth == 0:
            found.append((token.start, token.end))
    return found
