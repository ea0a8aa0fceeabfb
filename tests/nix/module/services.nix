# The services that the module makes of a configuration, for a machine that is no NixOS and has the programs in /usr/local: what
# tests/tests/declared.rs runs there. With `wrong`, the case of that name of bad.nix, which fails.
{
  configuration ? { },
  wrong ? null,
}:
let
  lib = import ../modules.nix { inherit lib; };
  configured =
    if wrong == null then configuration else (import ./bad.nix).wrong.${wrong}.configuration;
  found = import ./evaluate.nix {
    inherit lib;
    module = import ../../../nix/module.nix { };
    writeText = builtins.toFile;
    package = {
      type = "derivation";
      name = "ytorch";
      outPath = "/usr/local";
    };
  } configured;
in
if found.refused == [ ] then found.services else throw (builtins.head found.refused)
