"""A dump of the environment's database, and putting it back in the database's place."""

import asyncio
from pathlib import Path

from tests.support.services.private_services import query


async def dump(url: str, file: Path) -> None:
    """As an operator's nightly backup: while everything runs."""
    await _run("pg_dump", "--format=custom", f"--file={file}", url)


async def put_back(url: str, admin_url: str, file: Path) -> None:
    """Drop the database, and make it again as the dump has it."""
    name = url.rpartition("/")[2].partition("?")[0]
    await query(admin_url, f'DROP DATABASE "{name}" WITH (FORCE)')
    await query(admin_url, f'CREATE DATABASE "{name}"')
    await _run("pg_restore", f"--dbname={url}", str(file))


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]}: {out.decode(errors='replace')[-500:]}")
