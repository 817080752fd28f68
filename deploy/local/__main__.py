"""`python -m deploy.local up | down | status | clean`: what `make up` and `make down` call."""

import shutil
import sys
from pathlib import Path
from typing import Final

from deploy.local.control import NotRunningError, ask
from deploy.local.packages import MissingPackagesError
from deploy.local.program import ProgramFailedError
from deploy.local.seat import write_private
from deploy.local.services import ROOT, UP_DIRECTORY, PrivateServices

_LOCAL: Final = ROOT / ".local"


def up() -> None:
    """Start them, or find them alive, and write `.local/env`."""
    services = PrivateServices(UP_DIRECTORY, durable=True)
    fresh = services.detach(lambda name, seconds: print(f"  {name:<11} ready in {seconds:.1f} s", flush=True))
    path = _LOCAL / "env"
    write_private(path, "".join(f"{name}={value}\n" for name, value in services.environment().items()))
    print("The private services run." if fresh else "The private services run already.")
    print(f"Their settings: {_shown(path)}   (in a shell: set -a; . {_shown(path)}; set +a)")


def down() -> None:
    """End them; their data stays."""
    ended = PrivateServices(UP_DIRECTORY, durable=True).end()
    (_LOCAL / "env").unlink(missing_ok=True)
    print(
        "The private services have ended; their data stays until `make clean`." if ended else "No private services run."
    )


def status() -> None:
    """One line for each service."""
    for name, report in ask(UP_DIRECTORY, "report")["services"].items():
        print(f"{name:<11} {report['state']:<9} pid {report['pid']}")


def clean() -> None:
    """End them and remove their data."""
    services = PrivateServices(UP_DIRECTORY, durable=True)
    services.end()
    services.remove()
    shutil.rmtree(_LOCAL, ignore_errors=True)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def main() -> None:
    """Do what the first argument says; a failure is one message for a person, and exit code 1."""
    actions = {"up": up, "down": down, "status": status, "clean": clean}
    action = actions.get(" ".join(sys.argv[1:]))
    if action is None:
        sys.exit(f"usage: python -m deploy.local {' | '.join(actions)}")
    try:
        action()
    except (MissingPackagesError, NotRunningError, ProgramFailedError) as problem:
        sys.exit(f"\n{problem}")


if __name__ == "__main__":
    main()
