# The Rust workspace as derivations see it: which files each of them reads, and no others. Whoever reads fewer files is built anew
# less often: a change in docs/ or README.md touches none of these sets.
{ lib }:
let
  inherit (lib) fileset;
  root = ../.;
  source =
    paths:
    fileset.toSource {
      inherit root;
      fileset = fileset.unions paths;
    };
  programs = [
    ../Cargo.toml
    ../Cargo.lock
    ../src
    # A member of the workspace, whose manifest cargo reads whatever it builds.
    ../tests/Cargo.toml
    ../tests/src/lib.rs
  ];
  everything = programs ++ [
    ../tests/src
    ../tests/tests
  ];
in
{
  inherit (lib.importTOML ../Cargo.toml) workspace;
  lockFile = ../Cargo.lock;
  sources = {
    programs = source programs;
    format = source (everything ++ [ ../rustfmt.toml ]);
    lints = source (everything ++ [ ../clippy.toml ]);
    # Without .config/nextest.toml, which names tests that are not here.
    tests = source programs;
    dependencies = source (programs ++ [ ../deny.toml ]);
    # A folder that is added must be added here: nix/checks.nix counts on it.
    nix = source [
      ../flake.nix
      (fileset.fileFilter (file: file.hasExt "nix") ../nix)
      (fileset.fileFilter (file: file.hasExt "nix") ../tests/nix)
    ];
  };
}
