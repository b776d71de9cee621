"""An auto-graded deep-learning course: laws instead of answer keys, and grades that student code cannot touch."""

__version__ = "0.1.0"
