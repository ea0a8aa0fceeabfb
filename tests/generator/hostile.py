#!/usr/bin/env python3
"""Inputs that try to do harm: hostile.py KIND OUT [SOURCE]. Deterministic, standard library only.

  bomb       a zip whose history member is one array of spaces, a thousand times the size of the archive
  tricks     a zip whose members want to be written outside of their folder, beside SOURCE as the real history
  zeros-gz   two billion zeros, compressed
  unrelated  a folder of files that have nothing to do with a history
  half       the first half of SOURCE
"""

import gzip
import os
import sys
import zipfile

MIB = 1 << 20


def bomb(out, _source):
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("Takeout/YouTube and YouTube Music/history/watch-history.json", "w", force_zip64=True) as member:
            member.write(b"[")
            for _ in range(1024):
                member.write(b" " * MIB)
            member.write(b"]")


def tricks(out, source):
    with open(source, "rb") as file:
        history = file.read()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ["../../../evil-up.json", "/evil-absolute.json", "a/../../evil-middle.json", "C:\\evil-drive.json"]:
            archive.writestr(name, b"[]")
        link = zipfile.ZipInfo("evil-link.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, b"/etc/passwd")
        archive.writestr("Takeout/YouTube and YouTube Music/history/watch-history.json", history)


def zeros_gz(out, _source):
    with open(out, "wb") as raw, gzip.GzipFile("", "wb", 1, raw, 0) as file:
        for _ in range(2048):
            file.write(bytes(MIB))


def unrelated(out, _source):
    os.mkdir(out)
    for number in range(300):
        kind, body = [("txt", b"nothing to see\n"), ("json", b'{"name":"package","version":"1"}'), ("jpg", b"\xff\xd8\xff\xe0" * 50),
                      ("csv", b"a,b\n1,2\n"), ("html", b"<html><body>A page about bread</body></html>")][number % 5]
        with open(os.path.join(out, "file-%03d.%s" % (number, kind)), "wb") as file:
            file.write(body)


def half(out, source):
    with open(source, "rb") as file:
        whole = file.read()
    with open(out, "wb") as file:
        file.write(whole[: len(whole) // 2])


KINDS = {"bomb": bomb, "tricks": tricks, "zeros-gz": zeros_gz, "unrelated": unrelated, "half": half}

if __name__ == "__main__":
    KINDS[sys.argv[1]](sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
