# The check `module` of the flake: a derivation that fails with what is not as expected.
{
  lib,
  pkgs,
  module,
}:
let
  differences = import ./compare.nix { inherit lib module; };
in
pkgs.runCommand "ytorch-module" { } (
  if differences == [ ] then
    "touch $out"
  else
    ''
      echo ${lib.escapeShellArg (builtins.concatStringsSep "\n" differences)} >&2
      exit 1
    ''
)
