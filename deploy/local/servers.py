"""Another set of servers than the machine's own: those of another Debian release, in a root of their own.

``SERVERS=trixie`` before `make test` or `make up` chooses it. The first time it fetches Debian 13's RabbitMQ 4,
PostgreSQL 17, Redis 8 and PgBouncer, by the machine's own source of Debian packages, with all that they need down to
the C library, into ``.local/servers/trixie``. Nothing is installed, nothing outside of that folder changes, and it
needs no rights: each program there is told to take the loader and the libraries that lie beside it.

Standard library only, as `packages`.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]
_SETS: Final = {
    "trixie": ("rabbitmq-server", "postgresql-17", "redis-server", "pgbouncer", "patchelf"),
    "trixie-valkey": ("rabbitmq-server", "postgresql-17", "valkey-server", "pgbouncer", "patchelf"),
}
_ELF: Final = b"\x7fELF"
_PROGRAMS: Final = (
    "usr/bin",
    "usr/sbin",
    "usr/lib/postgresql/*/bin",
    "usr/lib/erlang/bin",
    "usr/lib/erlang/erts-*/bin",
    "usr/lib/erlang/lib/*/priv/bin",
)
_SOURCES: Final = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
_ARCHIVE: Final = re.compile(r"(?m)^(?:URIs:\s*|deb\s+(?:\[[^]]*\]\s*)?)(\S+/debian/?)(?:\s|$)")
_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class ServersError(Exception):
    """The set cannot be had; the text says why."""


def chosen() -> str | None:
    """The name of the set that is to be used; None: the machine's own programs."""
    return os.environ.get("SERVERS") or None


def root() -> Path:
    """Where the programs lie: ``/``, or the root of the chosen set."""
    name = chosen()
    return Path("/") if name is None else _folder(name) / "root"


def prepare(name: str) -> None:
    """Fetch a set, unless it is there. Raises ServersError."""
    if name not in _SETS:
        raise ServersError(f"SERVERS={name} is not known: {', '.join(_SETS)}")
    folder = _folder(name)
    if (folder / "ready").exists():
        return
    print(f"Fetching {', '.join(_SETS[name])} of Debian's {_suite(name)} into {folder} ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packages = _fetch(folder, _suite(name), _SETS[name])
    for package in packages:
        _run(["dpkg-deb", "--extract", str(package), str(folder / "root")])
    _link_merged(folder / "root")
    _bind(folder / "root")
    _move_erlang(folder / "root")
    shutil.rmtree(folder / "apt")
    (folder / "ready").write_text("\n".join(sorted(package.name for package in packages)) + "\n")


def _folder(name: str) -> Path:
    return _ROOT / ".local" / "servers" / name


def _suite(name: str) -> str:
    return name.partition("-")[0]


def _fetch(folder: Path, suite: str, names: Sequence[str]) -> Sequence[Path]:
    """Download packages with whatever they depend on: apt is shown a machine on which nothing is installed."""
    apt = folder / "apt"
    for each in ("state/lists/partial", "cache/archives/partial"):
        (apt / each).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {archive()} {suite} main\n")
    options = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    command = ["apt-get", "-qq", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    _run([*command, "update"])
    _run([*command, "--yes", "--download-only", "install", *names])
    return sorted((apt / "cache" / "archives").glob("*.deb"))


def archive() -> str:
    """The address from which this machine takes Debian's packages. Raises ServersError."""
    for path in (_SOURCES[0], *sorted(_SOURCES[1].glob("*"))):
        found = _ARCHIVE.search(path.read_text()) if path.is_file() else None
        if found is not None:
            return found[1]
    raise ServersError("this machine has no source of Debian packages in /etc/apt")


def _link_merged(top: Path) -> None:
    """``/bin`` and its like are links in Debian; packages that still put files there have made folders of them."""
    for name in ("bin", "sbin", "lib", "lib64"):
        place, merged = top / name, top / "usr" / name
        if place.is_symlink():
            continue
        merged.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            shutil.copytree(place, merged, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(place)
        place.symlink_to(f"usr/{name}")


def _bind(top: Path) -> None:
    """Tell each program where its loader and its libraries are."""
    (loader,) = top.glob("usr/lib64/ld-linux-*.so.*")
    libraries = [path for path in (top / "usr/lib").glob("*-linux-gnu*") if path.is_dir()]
    where = ":".join(str(path) for library in libraries for path in (library, library / "systemd"))
    patchelf = [str(loader), "--library-path", where, str(top / "usr/bin/patchelf")]
    for program in _programs(top):
        if subprocess.run(
            [*patchelf, "--print-interpreter", str(program)], capture_output=True, check=False
        ).returncode:
            continue  # it has all in itself
        with tempfile.TemporaryDirectory(dir=top) as folder:
            changed = Path(folder) / program.name
            shutil.copy2(program, changed)
            _run([*patchelf, "--set-interpreter", str(loader), "--force-rpath", "--set-rpath", where, str(changed)])
            changed.replace(program)


def _move_erlang(top: Path) -> None:
    """Its scripts say where it lies."""
    for pattern in ("usr/lib/erlang/bin/*", "usr/lib/erlang/erts-*/bin/*"):
        for script in top.glob(pattern):
            if script.is_file() and not script.is_symlink() and not _is_elf(script):
                content = script.read_bytes()
                script.write_bytes(content.replace(b"=/usr/lib/erlang", f"={top}/usr/lib/erlang".encode()))


def _programs(top: Path) -> Iterator[Path]:
    for pattern in _PROGRAMS:
        for folder in top.glob(pattern):
            for path in sorted(folder.iterdir()):
                if path.name != "patchelf" and path.is_file() and not path.is_symlink() and _is_elf(path):
                    yield path


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF


def _run(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServersError(f"{' '.join(command[:2])} failed:\n{(done.stderr or done.stdout).strip()[-2_000:]}")
