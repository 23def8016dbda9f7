"""A stand-in for GitHub's actions/runner, close enough to stand under test.

The package is the common code of bin/Runner.Listener and bin/Runner.Worker.
What it imitates was read from the runner's public source (2.336.0) and its
documentation; nothing of it is copied.
"""
