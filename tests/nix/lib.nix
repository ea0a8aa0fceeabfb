# The functions of nixpkgs' `lib` that ytorch uses; those of modules come from modules.nix. What is missing here is missing on purpose: a
# name that nobody meant fails.
let
  genAttrs =
    names: function:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = function name;
      }) names
    );
  lib = {
    inherit genAttrs;
    optional = condition: value: lib.optionals condition [ value ];
    optionals = condition: values: if condition then values else [ ];
    escapeShellArg = value: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString value)}'";
    escapeShellArgs = values: builtins.concatStringsSep " " (map lib.escapeShellArg values);
    getExe =
      package:
      "${package}/bin/${package.meta.mainProgram or (throw "${package.name} has no meta.mainProgram")}";
    makeBinPath = packages: builtins.concatStringsSep ":" (map (package: "${package}/bin") packages);
    importTOML = path: builtins.fromTOML (builtins.readFile path);
    fileset = import ./fileset.nix;
    licenses = {
      mit.spdxId = "MIT";
      asl20.spdxId = "Apache-2.0";
    };
    platforms.linux = [
      "x86_64-linux"
      "aarch64-linux"
    ];
  }
  // import ./modules.nix { inherit lib; };
in
lib
