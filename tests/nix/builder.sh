# Runs the command of one derivation with this machine's tools. deploy/nix says in /nix/host where they are, so that a derivation is the
# same one on every machine. A program that is not of every Unix must be among the derivation's inputs.
# shellcheck shell=bash disable=SC2154,SC2123
set -euo pipefail
# shellcheck source=/dev/null
. /nix/host
PATH=
for input in $inputs; do
    PATH=$PATH$input/bin:
done
export PATH=$PATH/usr/bin:/bin HOME="$NIX_BUILD_TOP/home" SOURCE_DATE_EPOCH=1 TZ=UTC LC_ALL=C.UTF-8
mkdir -p "$HOME"
cd "$NIX_BUILD_TOP"
# shellcheck source=/dev/null
. "$scriptPath"
[ -e "$out" ] || { echo "nothing was made at $out" >&2; exit 1; }
