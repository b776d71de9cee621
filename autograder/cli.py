"""The command line: `autograder build | check | grade | show | verify`."""

from pathlib import Path

import click
from rich.console import Console

from autograder import __version__
from autograder.course import find_root, load
from autograder.errors import UserError

SOME_FAIL = 1
BAD_USAGE = 2


class Commands(click.Group):
    """A group that knows the nearest command to a mistyped one, and turns our errors into one line and status 2."""

    def resolve_command(self, ctx, args):
        """Suggest the nearest command for an unknown one."""
        import difflib

        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.commands, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else f" The commands are {', '.join(sorted(self.commands))}."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx):
        """Run the command; errors that a user can mend become one line on standard error."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"autograder: {error}", err=True)
            ctx.exit(BAD_USAGE)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="autograder")
def main():
    """An auto-graded deep-learning course: laws instead of answer keys.

    \b
    Students                               Instructors
      autograder check gradients.py          autograder grade class/ --topic gradients --out results
      autograder check --exercise tanh     Authors
      autograder show gradients              autograder build --check
                                             autograder verify gradients
    """


@main.command()
@click.argument("topic_or_path", required=False)
@click.option("--exercise", metavar="NAME", help="Only this exercise.")
@click.option("--topic", metavar="NAME", help="The topic, if the file's name does not say it.")
def check(topic_or_path, exercise, topic):
    """Run the laws you have on your file, and explain what fails.

    For each exercise: whether its laws hold, and for one that fails, the law in words, the smallest input that
    breaks it, what was expected and what came back. Works on modules and notebooks.

    \b
    Examples
      autograder check                            the assignment in this folder
      autograder check gradients.py               this file
      autograder check gradients.ipynb            this notebook
      autograder check gradients --exercise tanh  one exercise of a topic of the course
      autograder check mine.py --topic gradients  a file under another name

    Exit status: 0 all laws hold, 1 some fail, 2 the file or the name cannot be used.
    """
    from autograder.work import find_work

    work = find_work(topic_or_path, topic)  # what is wrong with the file is said before torch is imported

    from autograder import check as checking

    if not checking.check(work, exercise, Console(highlight=False, soft_wrap=True)):
        raise SystemExit(SOME_FAIL)


@main.command()
@click.argument("topic")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where to save it (default: TOPIC.png here).")
def show(topic, path, out):
    """Draw the topic's picture with your own functions, to a PNG.

    \b
    Examples
      autograder show gradients                         your stub in assignments/
      autograder show gradients my/gradients.py         another file
      autograder show gradients --out pictures/mine.png

    Exit status: 0 drawn, 2 not: an exercise it needs is not written, or raised an error.
    """
    from autograder.work import find_work

    work = find_work(str(path) if path else topic, topic if path else None)

    from autograder.show import show as draw

    saved, notes = draw(work, out or Path(f"{work.topic}.png"))
    for note in notes:
        click.echo(f"! {note}", err=True)
    click.echo(f"Drawn: {saved}")


@main.command()
@click.argument("topics", nargs=-1)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; fail if the assignments are out of date.")
def build(topics, only_check):
    """Make what students receive, and the otter packages, from the solutions and the laws.

    \b
    Examples
      autograder build                    everything: assignments/ and dist/
      autograder build gradients gan      two topics
      autograder build --check            for CI: name every file that differs from its source

    Exit status: 0 done (or no drift), 1 drift, 2 a source is not in the right form.
    """
    from autograder import build as building

    course = load(find_root())
    chosen = course.select(topics)
    if only_check:
        drifts = building.check(course, chosen)
        for drift in drifts:
            click.echo(str(drift))
        if drifts:
            click.echo(f"{len(drifts)} files differ from their sources: run `autograder build` and commit.", err=True)
            raise SystemExit(SOME_FAIL)
        click.echo(f"No drift in {len(chosen)} topics.")
        return
    written = building.build(course, chosen)
    click.echo(f"Built {len(chosen)} topics: {len(written)} files in {course.root / 'assignments'} and dist/.")


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--topic", metavar="NAME", required=True, help="The topic that the submissions answer.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder for the results.")
@click.option("--jobs", type=click.IntRange(1), help="How many submissions at once (default: one per core).")
@click.option("--unconfined", is_flag=True, help="Grade even where student code cannot be confined.")
def grade(paths, topic, out, jobs, unconfined):
    """Grade submissions: files, zips, or folders with one file or folder per student.

    Student code runs in a confined process, the laws in another. OUT/STUDENT/results.json has otter's results in
    Gradescope's form, OUT/grades.csv one row per student. A submission that cannot be graded gets zero and the
    reason, and stops no other.

    \b
    Examples
      autograder grade class/ --topic gradients --out results
      autograder grade ada.py grace.ipynb --topic gan --out results --jobs 1

    Exit status: 0 everything was graded, 1 a submission must be graded again, 2 bad usage.
    """
    from autograder.grading import class_table, grade_class
    from autograder.laws import load_laws
    from autograder.tables import print_whole

    course = load(find_root())
    chosen = course.topic(topic)
    console = Console(highlight=False, soft_wrap=True)
    outcomes = grade_class(course, chosen, paths, out, console, jobs, unconfined)
    print_whole(console, class_table(outcomes, load_laws(course.laws(chosen)), chosen.title))
    for student, outcome in sorted(outcomes.items()):
        if outcome.refusal:
            console.print(f"{student}: {outcome.refusal}", markup=False)
    tiers = sorted({outcome.tier for outcome in outcomes.values()})
    console.print(f"Confinement: tier {', '.join(tiers)}. Results: {out}", markup=False)
    if any(outcome.refusal.startswith("The judge failed") for outcome in outcomes.values()):
        raise SystemExit(SOME_FAIL)


@main.command()
@click.argument("topics", nargs=-1)
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1), help="Under how many course seeds.")
@click.option("--first-seed", default=0, show_default=True, type=click.IntRange(0), help="To go on with --seeds.")
@click.option("--quick", is_flag=True, help="In process; mistakes meet only the law that must catch them.")
@click.option("--mutants", is_flag=True, help="Try every single-change mutant of the references too.")
@click.option(
    "--sample", type=click.IntRange(1), help="Only so many mutants of each topic, drawn with the course seed."
)
@click.option("--law-seconds", default=2.0, show_default=True, help="What a law may take on a mutant, at least.")
@click.option("--out", type=click.Path(path_type=Path), help="Where reports on mutants go (default: dist/mutants).")
@click.option("--symptoms", is_flag=True, help="Also learn how each known mistake fails, for the feedback of grading.")
@click.option("--jobs", type=click.IntRange(1), help="How many processes (default: one per core).")
def verify(topics, seeds, first_seed, quick, mutants, sample, law_seconds, out, symptoms, jobs):
    """Test the tests: do the laws accept what is right and reject what is wrong?

    The reference and every alternative must earn full marks, the stub nothing, every known mistake must fail by the
    law that names it without costing another exercise, and every exercise keep its marks when all others are left
    out; no solution or hidden law may lie in assignments/. With --mutants, 97 % of the mutants that are not recorded
    as equivalent (tests/mistakes/TOPIC.equivalents.toml) must be killed. With --seeds, no verdict may depend on the
    seed.

    \b
    Examples
      autograder verify                          every topic
      autograder verify --quick                  the same question in a third of the time, not in the sandbox
      autograder verify --mutants                and every mutant of every reference
      autograder verify gan --mutants            one topic
      autograder verify --mutants --sample 40    for CI: forty mutants of each topic
      autograder verify gan --seeds 1000         is any verdict a matter of chance?
      autograder verify gan --seeds 1000 --first-seed 1000    and under the next thousand?
      autograder verify gan --symptoms           after changing a law, a mistake or the seed

    Exit status: 0 all is as it should be, 1 something is not, 2 bad usage.
    """
    from autograder.judge import diagnosis
    from autograder.verify_report import report, report_flakes, report_mutants

    course = load(find_root())
    chosen = course.select(topics)
    console = Console(highlight=False, soft_wrap=True)
    if quick and mutants and not sample:
        raise click.UsageError("--mutants lists the laws that reject nothing, which --quick does not find out.")
    good, findings = report(course, chosen, jobs, console, quick)
    if mutants or sample:
        out = out or course.root / "dist" / "mutants"
        good &= report_mutants(course, chosen, findings, sample, jobs, law_seconds, out, console)
    if seeds > 1:
        good &= report_flakes(course, chosen, range(first_seed, first_seed + seeds), jobs, console)
    if not good:
        raise SystemExit(SOME_FAIL)
    if symptoms:
        for topic in chosen:
            console.print(f"Learnt: {diagnosis.write(course, topic, diagnosis.learn(course, topic, jobs))}")


if __name__ == "__main__":
    main()
