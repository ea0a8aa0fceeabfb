"""Compares an image's configuration with what Containerfile says of the target `slim`.

What Nix adds on purpose is named here; everything else must be equal. It reads the instructions that the file has, not all that exist.
"""

import json
import re
import shlex
import sys

CONTAINERFILE, IMAGE, COMMIT = sys.argv[1:]
TARGET = "slim"
SECONDS = 1_000_000_000
ADDED_ENVIRONMENT = {"SSL_CERT_FILE", "TZDIR"}


def instructions(text):
    """The instructions of the target's stage and of those that it begins from, and arguments with their defaults."""
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).replace("\\\n", " ")
    arguments = dict(re.findall(r"^ARG (\w+)=(\S*)$", text, re.M))
    arguments["REVISION"] = COMMIT
    text = re.sub(r"\$\{(\w+)\}", lambda found: arguments.get(found.group(1), found.group(0)), text)
    stages = {}
    for base, name, body in re.findall(r"^FROM (\S+) AS (\S+)$(.*?)(?=^FROM |\Z)", text, re.M | re.S):
        own = [line.split(None, 1) for line in body.splitlines() if line.strip()]
        stages[name] = stages.get(base, []) + own
    return stages[TARGET]


def pairs(words):
    return dict(word.split("=", 1) for word in shlex.split(words))


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text).group(1)) * SECONDS


def expected():
    told = {"Labels": {}, "Env": {}}
    for name, rest in instructions(open(CONTAINERFILE, encoding="utf-8").read()):
        if name == "LABEL":
            told["Labels"].update(pairs(rest))
        elif name == "ENV":
            told["Env"].update(pairs(rest))
        elif name == "USER":
            told["User"] = rest
        elif name == "STOPSIGNAL":
            told["StopSignal"] = rest
        elif name == "ENTRYPOINT":
            told["Entrypoint"] = json.loads(rest)
        elif name == "CMD":
            told["Cmd"] = json.loads(rest)
        elif name == "HEALTHCHECK":
            options = dict(re.findall(r"--([a-z-]+)=(\S+)", rest))
            told["Healthcheck"] = {
                "Test": ["CMD", *json.loads(rest.split(" CMD ", 1)[1])],
                "Interval": seconds(options["interval"]),
                "Timeout": seconds(options["timeout"]),
                "StartPeriod": seconds(options["start-period"]),
            }
        elif name not in ("COPY", "ARG", "RUN"):
            sys.exit(f"{name} in {CONTAINERFILE} is not understood by this comparison")
    return told


def found():
    image = json.load(open(IMAGE, encoding="utf-8"))[0]
    config = image["Config"]
    told = {name: config.get(name) for name in ("Labels", "User", "StopSignal", "Entrypoint", "Cmd")}
    # Podman 4 says it in another place than Podman 5.
    told["Healthcheck"] = image.get("Healthcheck") or config.get("Healthcheck")
    environment = dict(word.split("=", 1) for word in config["Env"])
    missing = ADDED_ENVIRONMENT - environment.keys()
    if missing:
        sys.exit(f"the image lacks {sorted(missing)}")
    told["Env"] = {name: value for name, value in environment.items() if name not in ADDED_ENVIRONMENT}
    return told


def main():
    wanted, given = expected(), found()
    different = [name for name in sorted(wanted.keys() | given.keys()) if wanted.get(name) != given.get(name)]
    for name in different:
        print(f"{name}: Containerfile has {wanted.get(name)}, and the image has {given.get(name)}")
    sys.exit(1 if different else 0)


main()
