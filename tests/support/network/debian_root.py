"""A clean Debian 12 below a folder, without systemd: what a page tells a person to type is typed there.

Units are started as systemd starts them (user, settings, cache folder), not in its sandbox; `systemd-analyze` and the
contract's tests look at the rest of them. Everything that runs there ends with the block.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIRROR: Final = "http://deb.debian.org/debian"
_OF_THIS_MACHINE: Final = (
    "etc/resolv.conf", "etc/hosts", "etc/pip.conf", "root/.npmrc", "usr/etc/npmrc", "usr/local/share/ca-certificates",
)  # fmt: skip
"""How this machine reaches registries; what is not here is not needed."""
_PASSED_ON: Final = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_SYSTEMCTL: Final = '''#!/usr/bin/python3
"""What of systemctl and systemd-run the page uses, where there is no systemd."""
import os, pwd, re, subprocess, sys
from pathlib import Path

def environment(files, more=()):
    lines = [line for name in files for line in Path(name).read_text().splitlines() if "=" in line]
    return {"PATH": "/usr/bin:/bin", **dict(line.split("=", 1) for line in (*lines, *more))}

def run(user, settings, command, wait):
    pipe = None if wait else open("/var/log/unit.log", "ab")
    child = subprocess.Popen(command, user=user, group=user, extra_groups=[], env=settings, cwd="/", stdout=pipe,
                             stderr=pipe, stdin=subprocess.DEVNULL, start_new_session=not wait)
    return child.wait() if wait else 0

name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
if name == "systemd-run":
    options = [each for each in arguments if each.startswith("--")]
    command = arguments[len(options):]
    user = next(each.split("=")[1] for each in options if each.startswith("--uid="))
    files = [each.split("=")[2] for each in options if each.startswith("--property=EnvironmentFile=")]
    sys.exit(run(user, environment(files), command, True))
if arguments[:2] == ["enable", "--now"]:
    unit = Path(f"/etc/systemd/system/{arguments[2]}.service").read_text()
    of = lambda key: re.findall(rf"(?m)^{key}=(.*)$", unit)
    user = of("User")[0]
    for folder in of("CacheDirectory"):
        path = Path("/var/cache") / folder
        path.mkdir(mode=0o700, exist_ok=True)
        os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    run(user, environment(of("EnvironmentFile"), of("Environment")), of("ExecStart")[0].split(), False)
'''


@dataclass(frozen=True, slots=True)
class DebianRoot:
    """The folder, and its first process: what is started in its namespace ends with it."""

    path: Path
    _init: int

    def type(self, lines: str, variables: Mapping[str, str] | None = None) -> str:
        """Type these lines as root, in a shell that ends at the first one that fails; what they print."""
        passed = {key: value for key, value in os.environ.items() if key.startswith(_PASSED_ON)}
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        typed = subprocess.run(
            ["nsenter", f"--target={self._init}", "--pid", "--mount", f"--root={self.path}", "--wd=/root",
             "sh", "-ec", lines],
            env={**passed, "PATH": path, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8",
                 **(variables or {})},
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert typed.returncode == 0, f"{lines}\n{typed.stdout[-4000:]}\n{typed.stderr[-4000:]}"
        return typed.stdout

    def put(self, name: str, text: str, mode: int = 0o644) -> None:
        """A file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)


@contextmanager
def a_debian_root(path: Path) -> Generator[DebianRoot]:
    """Debian's smallest set of packages. Needs root, debootstrap and Debian's archive."""
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(path), MIRROR], check=True, capture_output=True)
    for name in _OF_THIS_MACHINE:
        _copied(Path("/") / name, path / name)
    mounts = f"mount -t proc proc {path}/proc && mount -t tmpfs tmpfs {path}/run"
    command = ["unshare", "--pid", "--mount", "--fork", "--kill-child=SIGKILL"]
    command += ["sh", "-c", f"{mounts} && echo ready && exec sleep infinity"]
    outer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert outer.stdout is not None
        assert outer.stdout.readline() == "ready\n"
        init = int(Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()[0])
        root = DebianRoot(path, init)
        root.put("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)  # services start when the test says so
        for name in ("systemctl", "systemd-run"):
            root.put(f"usr/local/bin/{name}", _SYSTEMCTL, 0o755)
        yield root
    finally:
        outer.send_signal(signal.SIGTERM)
        outer.wait()
        shutil.rmtree(path, ignore_errors=True)


def _copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        shutil.copy(source, target)
