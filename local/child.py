"""Runs between fork and exec: give up root, ask to die with the parent, become the program.

Called as ``child.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM ARG…`` (uid -1 keeps the user). A small program of its
own, because Python code in a forked child of a threaded parent may dead-lock.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, death_signal, uid, gid = (int(argument) for argument in sys.argv[1:5])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, which clears the request.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("The parent ended before its child had started.")
    os.execvp(sys.argv[5], sys.argv[5:])


if __name__ == "__main__":
    main()
