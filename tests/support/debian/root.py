"""An empty Debian 12 in a folder: made by debootstrap, entered by chroot in namespaces of its own."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers import archive

_HERE = Path(__file__).parent
_INHERITED = ("CERT", "_CA", "PROXY", "PIP_", "NPM_CONFIG")  # how this machine reaches the world
_SET_UP = ("etc/resolv.conf", "etc/pip.conf", "root/.config/pip/pip.conf", "root/.npmrc")
_AUTHORITIES = "usr/local/share/ca-certificates"


@dataclass(frozen=True, slots=True)
class Root:
    """The folder."""

    folder: Path

    def take(self, source: Path, name: str) -> None:
        """Copy a file or a folder into it."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)

    def entering(self, *command: str) -> Sequence[str]:
        """What runs a command inside: all it starts ends with it."""
        alone = ("unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child")
        return (*alone, str(_HERE / "enter.sh"), str(self.folder), *command)

    def environment(self, more: Mapping[str, str]) -> Mapping[str, str]:
        """What a program inside starts with."""
        kept = {name: value for name, value in os.environ.items() if any(each in name.upper() for each in _INHERITED)}
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {**kept, "PATH": path, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8", **more}


def make(folder: Path) -> Root:
    """Debian's smallest, with this machine's way to the world, and programs in place of systemd's."""
    packages = folder / "packages"
    packages.mkdir(parents=True)
    _run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "debootstrap"], packages)
    (package,) = packages.glob("debootstrap_*.deb")
    _run(["dpkg-deb", "--extract", str(package), str(packages)], packages)
    program, scripts = packages / "usr/sbin/debootstrap", {"DEBOOTSTRAP_DIR": str(packages / "usr/share/debootstrap")}
    root = Root(folder / "root")
    wanted = ("--variant=minbase", "--include=ca-certificates", "bookworm", str(root.folder), archive())
    _run([str(program), *wanted], packages, {**os.environ, **scripts})
    _set_up(root)
    return root


def _set_up(root: Root) -> None:
    for name in (*_SET_UP, _AUTHORITIES):
        if (source := Path("/") / name).exists():
            root.take(source, name)
    (root.folder / "etc/hosts").write_text("127.0.0.1 localhost debian\n")
    for name in ("systemctl", "systemd-run"):
        root.take(_HERE / "init.py", f"usr/local/bin/{name}")
    policy = root.folder / "usr/sbin/policy-rc.d"  # without it Debian starts nothing in a chroot
    policy.write_text("#!/bin/sh\nexit 0\n")
    policy.chmod(0o755)
    _run([*root.entering("update-ca-certificates")], root.folder, root.environment({}))


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@dataclass(slots=True)
class Typist:
    """Somebody who types into a shell inside; `log` is the terminal."""

    process: asyncio.subprocess.Process
    log: Path

    async def type(self, text: str) -> None:
        """A block, to its end; the shell ends at the first command that fails."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        before = self.log.stat().st_size
        self.process.stdin.write(f"{{\n{text}\n}} </dev/null\necho done >&3\n".encode())
        await self.process.stdin.drain()
        if await self.process.stdout.readline() != b"done\n":
            await self.process.wait()
            raise AssertionError(f"{text}\n\nfailed:\n{self.log.read_bytes()[before:].decode()[-6000:]}")

    async def end(self) -> None:
        """The shell ends, and all that it started."""
        self.process.kill()
        await self.process.wait()


async def at_work(root: Root, variables: Mapping[str, str]) -> Typist:
    """A shell as root's, in its home, with these variables set."""
    terminal = root.folder / "root" / "terminal"
    terminal.touch()
    shell = "exec 3>&1 >>/root/terminal 2>&1; cd /root; exec bash -e"
    process = await asyncio.create_subprocess_exec(
        *root.entering("bash", "-c", shell),
        env=root.environment(variables),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    return Typist(process, terminal)
