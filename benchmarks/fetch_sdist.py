"""Ask pip for one sdist by its sha256, without the build backend that `pip download` would run.

`pip download` prepares metadata and so executes what it fetched, which also fails where a package asks for a system
library (mysql_config, pg_config). This script stops one step earlier: pip's own finder chooses the file and pip's own
session fetches it, so that indexes, links, certificates, proxies and caches are those pip is configured with. It is
the only place that knows pip's internals and it is run as a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from pathlib import Path

CHUNK_BYTES = 1 << 16


def fetch(name: str, version: str, sha256: str | None, directory: Path) -> Path:
    """Download the sdist of `name` `version` to `directory` and give its path.

    Without `sha256` any content is accepted (for those who write the list). Raises LookupError when pip finds no such
    sdist or its content has another sum; pip's and requests' own errors pass through.
    """
    from pip._internal.cli.req_command import RequirementCommand
    from pip._internal.commands import create_command
    from pip._vendor.packaging.specifiers import SpecifierSet

    command = create_command("download")
    assert isinstance(command, RequirementCommand)
    options, _ = command.parse_args(["--no-binary", ":all:", "--ignore-requires-python", "--no-input"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session, ignore_requires_python=True)
        specifier = SpecifierSet(f"=={version}") if version else None
        candidate = finder.find_best_candidate(name, specifier).best_candidate
        if candidate is None:
            raise LookupError(f"pip finds no sdist of {name} {version}")
        as_stored = {"Accept-Encoding": "identity"}
        response = session.get(candidate.link.url_without_fragment, headers=as_stored, stream=True)
        response.raise_for_status()
        target = directory / Path(candidate.link.filename).name
        partial = target.with_name(f"{target.name}.{os.getpid()}.part")
        digest = hashlib.sha256()
        try:
            with partial.open("wb") as stream:
                for chunk in response.iter_content(CHUNK_BYTES):
                    digest.update(chunk)
                    stream.write(chunk)
            if sha256 is not None and digest.hexdigest() != sha256:
                raise LookupError(f"{target.name} has sha256 {digest.hexdigest()}, not {sha256}")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    print(f"{candidate.version} {digest.hexdigest()} {target}")
    return target


def main() -> int:
    """Fetch what the command line names; 0 when it is there, 1 when it cannot be had."""
    parser = argparse.ArgumentParser(description="Download one sdist with pip, running nothing of it.")
    parser.add_argument("name")
    parser.add_argument("version", nargs="?", default="", help="default: the newest (to write the list)")
    parser.add_argument("--sha256", help="refuse a file with another sum")
    parser.add_argument("--directory", type=Path, default=Path(), metavar="DIR")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    try:
        fetch(options.name, options.version, options.sha256, options.directory)
    except LookupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
