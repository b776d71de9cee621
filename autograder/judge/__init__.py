"""From a submission to its verdicts: student code runs in a confined child, laws in a judge that never runs it.

- `examine` (examination.py) runs a topic's laws on one submission.
- `Worker` (worker.py) is a warm process that forks a judge for every submission, `Pool` one worker per core.
- `gradescope` (results.py) is an outcome in otter's form.
- `SandboxPlugin` (plugin.py) does the same under `otter run`.
"""
