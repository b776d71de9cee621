"""Draw a topic's picture with the functions of a student."""

from pathlib import Path

from autograder.check import open_work
from autograder.errors import UserError
from autograder.laws import LawViolation
from autograder.work import Work


def show(work: Work, out: Path) -> tuple[Path, list[str]]:
    """Save the picture that the code in `work` draws to `out`; return the path and what went wrong on loading.

    Raises UserError, saying which of the student's lines stopped it, if the picture cannot be drawn.
    """
    import matplotlib

    matplotlib.use("Agg")  # no window: the picture goes to a file
    target, notes = open_work(work)
    try:
        figure = target.picture()
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out, dpi=120)
    except NotImplementedError as error:
        raise UserError(f"The picture needs an exercise that is not written yet ({error}).") from None
    except LawViolation as error:
        raise UserError(f"{work.path} draws no picture: {error}") from None
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}.") from None
    except Exception as error:
        where = target.autograder_where(error)
        raise UserError(f"The picture cannot be drawn: {type(error).__name__}: {error} ({where})") from error
    return out, notes
