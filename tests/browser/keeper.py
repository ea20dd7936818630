"""Keeps one demo for all the processes of a test run, and ends it as soon as the last of them has gone, however it went.

`python keeper.py FOLDER OPTION...`: whoever uses the demo holds a shared lock on FOLDER/in-use. What it says is in
FOLDER/said, which exists for as long as the demo does.
"""

import fcntl
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

IN_USE, SAID, DATA = "in-use", "said", "data"
LOOK_SECONDS = 0.2


def main() -> None:
    """The demo has run until nobody used it any more."""
    folder = Path(sys.argv[1])
    with (folder / IN_USE).open("wb") as in_use, (folder / SAID).open("wb") as said:
        asked = ["-m", "supporters.cli", "demo", "--data-dir", str(folder / DATA), *sys.argv[2:]]
        demo = subprocess.Popen([sys.executable, *asked], stdout=said, stderr=subprocess.STDOUT)
        while demo.poll() is None:
            with suppress(BlockingIOError):
                fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break  # no user is left; until this process ends, none can come
            time.sleep(LOOK_SECONDS)
        demo.terminate()
        demo.wait()
        (folder / SAID).unlink()


if __name__ == "__main__":
    main()
