"""bin/Runner.PluginHost: hosts the old checkout and artifact plugins.

No run-service job uses them, so there is nothing here to run.
"""

import os


def main(_bin_directory):
    os.write(2, b"Runner.PluginHost of the stand-in runner hosts no plugin\n")
    return 1
