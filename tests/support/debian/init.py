#!/usr/bin/python3
"""What stands in for systemd in a root where it does not run: installed there as `systemctl` and as `systemd-run`.

Of a unit it takes what decides whether the program works: ExecStart as its user and without capabilities, with the
unit's environment, working directory, cache and mask. Standard library of Debian 12's Python only.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PATH = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def assignments(text: str) -> Mapping[str, str]:
    """The lines ``name=value``; of a unit those of all its sections together, of a name the last."""
    lines = (line.strip() for line in text.splitlines())
    return dict(line.split("=", 1) for line in lines if "=" in line and line[0] not in "#;[")


def as_user(user: str) -> Sequence[str]:
    """What a program is started with, so that it has this user's rights and none beside."""
    group = "nogroup" if user == "nobody" else user
    rights = ("--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")
    return ("setpriv", f"--reuid={user}", f"--regid={group}", *rights)


def start(name: str) -> None:
    """A unit; its log is ``/var/log/<name>.log``."""
    unit = assignments(Path(f"/etc/systemd/system/{name}.service").read_text())
    user = unit.get("User", "nobody")  # DynamicUser: one that owns nothing
    own = assignments(unit.get("Environment", ""))
    environment = {**PATH, **own, **assignments(Path(unit["EnvironmentFile"]).read_text())}
    if cache := unit.get("CacheDirectory"):
        folder = ["install", "--directory", f"--owner={user}", f"--mode={unit['CacheDirectoryMode']}"]
        subprocess.run([*folder, f"/var/cache/{cache}"], check=True)
    with Path(f"/var/log/{name}.log").open("w") as log:
        subprocess.Popen(
            [*as_user(user), *unit["ExecStart"].split()],
            cwd=unit["WorkingDirectory"],
            env=environment,
            umask=int(unit["UMask"], 8),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def systemctl(*words: str) -> None:
    """``daemon-reload``, and ``enable --now UNIT …``."""
    match words:
        case ["daemon-reload"]:
            pass
        case ["enable", "--now", *names]:
            for name in names:
                start(name.removesuffix(".service"))
        case _:
            sys.exit(f"systemctl: {words} is not known here")


def systemd_run(*words: str) -> None:
    """A program as a user, in the foreground, with an environment of its own."""
    user, environment, rest = "root", dict(PATH), list(words)
    while rest and rest[0].startswith("--"):
        name, _, value = rest.pop(0).partition("=")
        match name, value.partition("=")[::2]:
            case "--uid", _:
                user = value
            case "--property", ("EnvironmentFile", file):
                environment |= assignments(Path(file).read_text())
            case (("--pipe" | "--wait" | "--quiet"), _):
                pass
            case _:
                sys.exit(f"systemd-run: {name} is not known here")
    os.chdir("/")
    os.execvpe("setpriv", [*as_user(user), *rest], environment)


if __name__ == "__main__":
    (systemctl if Path(sys.argv[0]).name == "systemctl" else systemd_run)(*sys.argv[1:])
