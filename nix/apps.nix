# What `nix run` runs. Without a name it is the command `ytorch`.
{ lib, packages }:
let
  app = package: {
    type = "app";
    program = lib.getExe package;
    meta = { inherit (package.meta) description; };
  };
in
{
  default = app packages.ytorch;
  ytorch = app packages.ytorch;
  ytorch-server = app packages.ytorch-server;
}
