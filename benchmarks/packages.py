"""The packages of ecosystem.toml: read the list, fetch the sdists, unpack them with nothing of them run."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LIST_FILE = Path(__file__).with_name("ecosystem.toml")
FETCHER = Path(__file__).with_name("fetch_sdist.py")
FETCH_SECONDS = 600
MAX_UNPACKED_BYTES = 1 << 30
SHA256 = re.compile(r"[0-9a-f]{64}")


class PackageError(Exception):
    """A package cannot be listed, fetched or unpacked; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Package:
    """One pinned sdist; `paths` are the folders in it to lint, all of it when empty."""

    name: str
    version: str
    sha256: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of an archive: its path as stored, its size in bytes, and its content to read."""

    path: PurePosixPath
    size: int
    stream: IO[bytes]


def read_packages(list_file: Path = LIST_FILE) -> list[Package]:
    """Give the packages of a list file; PackageError names the entry that is wrong."""
    try:
        entries = tomllib.loads(list_file.read_text(encoding="utf-8")).get("package", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackageError(f"{list_file}: {error}") from error
    packages: list[Package] = []
    for entry in entries:
        try:
            package = Package(**{**entry, "paths": tuple(entry.get("paths", ()))})
        except TypeError as error:
            raise PackageError(f"{list_file}: {entry}: {error}") from error
        texts = (package.name, package.version, package.sha256, *package.paths)
        if not all(isinstance(text, str) for text in texts) or SHA256.fullmatch(package.sha256) is None:
            raise PackageError(f"{list_file}: {entry}: all values are strings, sha256 is 64 hexadecimal digits")
        if any(escapes(PurePosixPath(text)) for text in texts):
            raise PackageError(f"{list_file}: {entry}: name, version and paths do not lead out of a folder")
        packages.append(package)
    return packages


def source_tree(package: Package, cache: Path) -> Path:
    """Give the folder with the unpacked sdist, fetching and unpacking it if the cache does not hold it yet.

    The folder is named by the sha256 and appears in one rename, so a half unpacked one is never taken for whole.
    """
    tree = cache / "trees" / f"{package.name}-{package.version}-{package.sha256[:12]}"
    if tree.is_dir():
        return tree
    archive = fetch(package, cache / "sdists" / package.sha256)
    tree.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{package.name}-", dir=tree.parent))
    try:
        unpack(archive, fresh)
        fresh.rename(tree)
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise PackageError(f"{archive.name}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return tree


def fetch(package: Package, directory: Path) -> Path:
    """Give the path of the sdist in `directory`, asking pip for it if it is not there; its sha256 is right."""
    held = [path for path in directory.iterdir() if path.suffix != ".part"] if directory.is_dir() else []
    if not held:
        command = [sys.executable, str(FETCHER), package.name, package.version, "--sha256", package.sha256]
        command += ["--directory", str(directory)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=FETCH_SECONDS)
        except subprocess.CalledProcessError as error:
            last = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
            raise PackageError(last.removeprefix("error: ")) from error
        except subprocess.TimeoutExpired as error:
            raise PackageError(f"no sdist after {FETCH_SECONDS} s") from error
        held = [path for path in directory.iterdir() if path.suffix != ".part"]
    if len(held) != 1:
        raise PackageError(f"{directory} holds {len(held)} files, not one sdist")
    with held[0].open("rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != package.sha256:
        raise PackageError(f"{held[0]} has sha256 {digest.hexdigest()}, not {package.sha256}")
    return held[0]


def unpack(archive: Path, directory: Path) -> None:
    """Write the regular files of an sdist below `directory`, without the archive's top folder.

    Links and devices are left out, modes and owners are not kept. Raises PackageError for a path that leads out of
    the folder and for more than MAX_UNPACKED_BYTES in all.
    """
    total = 0
    for member in members(archive):
        if escapes(member.path):
            raise PackageError(f"{archive.name}: {member.path} leads out of the sdist")
        total += member.size
        if total > MAX_UNPACKED_BYTES:
            raise PackageError(f"{archive.name}: more than {MAX_UNPACKED_BYTES} bytes unpacked")
        target = directory.joinpath(*member.path.parts[1:] or member.path.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            shutil.copyfileobj(member.stream, stream)


def members(archive: Path) -> Iterator[Member]:
    """Give the regular files of a .tar.* or .zip sdist in the order they are stored."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as bundle:
            for info in bundle.infolist():
                if not info.is_dir() and not is_zip_link(info):
                    with bundle.open(info) as stream:
                        yield Member(PurePosixPath(info.filename), info.file_size, stream)
        return
    with tarfile.open(archive) as tar:
        for entry in tar:
            if not entry.isreg():
                continue
            content = tar.extractfile(entry)
            assert content is not None, "a regular member has content"
            with content:
                yield Member(PurePosixPath(entry.name), entry.size, content)


def is_zip_link(info: zipfile.ZipInfo) -> bool:
    """Whether the Unix mode kept in a zip entry is a symbolic link's (APPNOTE 4.4.15: upper half, by host)."""
    return (info.external_attr >> 16) & 0o170000 == 0o120000


def escapes(path: PurePosixPath) -> bool:
    """Whether a stored path could be written outside its folder, on POSIX or on Windows."""
    return path.is_absolute() or ".." in path.parts or any("\\" in part or ":" in part for part in path.parts)
