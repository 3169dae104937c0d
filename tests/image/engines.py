"""Running a built image with docker, or with buildah where there is none."""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

Mounts = Mapping[str, Path]
"""Folder of the container → folder of this machine; a name that ends in `:ro` is read-only."""


class Engine(Protocol):
    """What the check asks of either."""

    def about(self) -> dict[str, Any]:
        """The image's configuration, as Docker writes it."""
        ...

    def sizes(self) -> tuple[int, int]:
        """Bytes of the base's layers and of ours, unpacked."""
        ...

    def line(self, words: Sequence[str], mounts: Mounts, env: Mapping[str, str]) -> list[str]:
        """The command line that runs `words` in the image, as its user."""
        ...

    def written(self) -> list[str]:
        """Paths that runs have added or changed outside volumes and /tmp."""
        ...

    def close(self) -> None:
        """Remove what was made to run it."""
        ...


def told(*line: str) -> str:
    """What a command prints; CalledProcessError if it fails."""
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout


def _unpacked(blobs: Path, layer: dict[str, Any]) -> int:
    """Bytes of a layer's archive."""
    path = blobs / layer["digest"].partition(":")[2]
    if not layer["mediaType"].endswith("gzip"):
        return path.stat().st_size
    with gzip.open(path) as file:
        return sum(len(block) for block in iter(lambda: file.read(1 << 20), b""))


class Docker:
    """With a root filesystem that is read-only in truth."""

    def __init__(self, image: str) -> None:
        self._image = image

    def about(self) -> dict[str, Any]:
        return dict(json.loads(told("docker", "image", "inspect", self._image))[0]["Config"])

    def sizes(self) -> tuple[int, int]:
        # newest first; the last of ours is the first COPY above the base
        lines = told("docker", "history", "--human=false", "--no-trunc",
                     "--format", "{{.Size}} {{.CreatedBy}}", self._image).splitlines()  # fmt: skip
        first = max(number for number, line in enumerate(lines) if "/opt/gatepost" in line)
        sizes = [int(line.split()[0]) for line in lines]
        return sum(sizes[first + 1 :]), sum(sizes[: first + 1])

    def line(self, words: Sequence[str], mounts: Mounts, env: Mapping[str, str]) -> list[str]:
        options = [f"--volume={path}:{name}" for name, path in mounts.items()]
        options += [f"--env={name}={value}" for name, value in env.items()]
        entry = ["--entrypoint", words[0], self._image, *words[1:]]
        return [
            "docker", "run", "--rm", "--read-only", "--tmpfs=/tmp", "--network=host",
            "--cap-drop=ALL", "--security-opt=no-new-privileges", *options, *entry,
        ]  # fmt: skip

    def written(self) -> list[str]:
        return []  # it could not have

    def close(self) -> None:
        pass


class Buildah:
    """In a chroot: nothing makes the root filesystem read-only there, so what was written to it is
    looked for afterwards."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._name = told("buildah", "from", "--pull-never", image).strip()
        self._root = Path(told("buildah", "mount", self._name).strip())
        self._before = self._seen()

    def about(self) -> dict[str, Any]:
        return dict(json.loads(told("buildah", "inspect", self._name))["Docker"]["config"])

    def sizes(self) -> tuple[int, int]:
        # buildah makes one layer of all that a Dockerfile does
        *base, ours = self._layers()
        return sum(base), ours

    def _layers(self) -> list[int]:
        layout = self._root.parent / f"layout-{os.getpid()}"
        shutil.rmtree(layout, ignore_errors=True)
        told(
            "buildah",
            "push",
            "--quiet",
            "--disable-compression",
            self._image,
            f"oci:{layout}:check",
        )
        try:
            blobs = layout / "blobs/sha256"
            index = json.loads((layout / "index.json").read_text())
            manifest = blobs / index["manifests"][0]["digest"].partition(":")[2]
            return [_unpacked(blobs, one) for one in json.loads(manifest.read_text())["layers"]]
        finally:
            shutil.rmtree(layout)

    def line(self, words: Sequence[str], mounts: Mounts, env: Mapping[str, str]) -> list[str]:
        options = [f"--volume={path}:{name}" for name, path in mounts.items()]
        options += [f"--env={name}={value}" for name, value in env.items()]
        return ["buildah", "run", "--isolation", "chroot", *options, self._name, "--", *words]

    def written(self) -> list[str]:
        now = self._seen()
        return sorted(path for path in now if now[path] != self._before.get(path))

    def _seen(self) -> dict[str, tuple[int, int]]:
        found = {}
        for folder, _, names in os.walk(self._root):
            inside = Path(folder).relative_to(self._root)
            # the engine's own mount points, and what may be written
            if inside.parts[:1] in {("proc",), ("sys",), ("dev",), ("run",), ("tmp",), ("data",)}:
                continue
            for name in names:
                status = (Path(folder) / name).lstat()
                found[str(inside / name)] = (status.st_mtime_ns, status.st_size)
        return found

    def close(self) -> None:
        told("buildah", "umount", self._name)
        told("buildah", "rm", self._name)


def engine_for(image: str) -> Engine:
    """That which built it: docker if it is there and answers."""
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "info"], check=False, capture_output=True)
        if asked.returncode == 0:
            return Docker(image)
    return Buildah(image)
