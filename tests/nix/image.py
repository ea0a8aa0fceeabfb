"""Writes an image as nixpkgs' streamLayeredImage would: a program that prints an archive for `podman load`.

A layer for each path of the store, one for this machine's libraries, which only the stand-in has, and one with the links to the
contents and the folders that were made by hand. It compresses nothing and knows no base image.
"""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile

DESCRIPTION, PATHS, ROOT, OUTPUT = sys.argv[1:]


def layer(fill):
    """The bytes of a tar archive that `fill` writes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        fill(archive)
    return buffer.getvalue()


def add(archive, path, name, owned=False):
    """Adds one file, folder or link. Times and names of owners are nobody's business; owners only if they are `owned`."""
    entry = archive.gettarinfo(path, name)
    entry.mtime, entry.uname, entry.gname = 1, "", ""
    if not owned:
        entry.uid = entry.gid = 0
    if entry.isreg():
        with open(path, "rb") as file:
            archive.addfile(entry, file)
    else:
        archive.addfile(entry)


def tree(top):
    """A path and everything below it, in order."""
    yield top
    if os.path.isdir(top) and not os.path.islink(top):
        for name in sorted(os.listdir(top)):
            yield from tree(os.path.join(top, name))


def libraries(paths):
    """What the programs in `paths` are linked to."""
    found = set()
    for path in (path for top in paths for path in tree(top) if os.path.isfile(path) and not os.path.islink(path)):
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        told = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
        found.update(re.findall(r"/\S+", told))
    return sorted(library for library in found if not library.startswith("/nix/"))


def fill_libraries(archive, paths):
    for library in libraries(paths):
        add(archive, os.path.realpath(library), library)


def fill_root(archive, contents):
    """The folders and links that make the root: each file of the contents is a link into the store."""
    made = set()
    for path in list(tree(ROOT))[1:]:
        made.add(os.path.relpath(path, ROOT))
        add(archive, path, os.path.relpath(path, ROOT), owned=True)
    for top in contents:
        for path in list(tree(top))[1:]:
            name = os.path.relpath(path, top)
            if name in made:
                continue
            made.add(name)
            entry = tarfile.TarInfo(name)
            entry.mtime = 1
            if os.path.isdir(path) and not os.path.islink(path):
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            else:
                entry.type, entry.linkname = tarfile.SYMTYPE, path
            archive.addfile(entry)


def main():
    with open(DESCRIPTION, encoding="utf-8") as file:
        told = json.load(file)
    with open(PATHS, encoding="utf-8") as file:
        paths = [path for path in file.read().split() if path != DESCRIPTION]
    layers = [layer(lambda archive, top=top: [add(archive, path, path) for path in tree(top)]) for top in paths]
    layers.append(layer(lambda archive: fill_libraries(archive, paths)))
    layers.append(layer(lambda archive: fill_root(archive, told["contents"])))
    digests = [hashlib.sha256(data).hexdigest() for data in layers]
    config = json.dumps(
        {
            "created": told["created"],
            "architecture": told["architecture"],
            "os": "linux",
            "config": told["config"],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created": told["created"], "comment": "stand-in"} for _ in digests],
        },
        sort_keys=True,
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    names = [f"{digest}/layer.tar" for digest in digests]
    manifest = [{"Config": config_name, "RepoTags": [f"{told['name']}:{told['tag']}"], "Layers": names}]
    with open(OUTPUT, "wb") as output:
        output.write(b'#!/bin/sh\nexec tail -n +3 "$0"\n')
        with tarfile.open(fileobj=output, mode="w|", format=tarfile.GNU_FORMAT) as archive:
            for name, data in [*zip(names, layers), (config_name, config), ("manifest.json", json.dumps(manifest).encode())]:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mtime = len(data), 1
                archive.addfile(entry, io.BytesIO(data))
    os.chmod(OUTPUT, 0o755)


main()
