# Stands for the flake of nixpkgs where it cannot be fetched: the attributes that our flake uses, and no others, built by this machine's
# Rust toolchain and C compiler. `deploy/nix` puts it in the place of the input; nothing in our flake knows of it.
#
# A flake that passes here evaluates, builds what it says from the files it names, and fails where it should. What that cannot prove:
#
# - that nixpkgs has an attribute by that name in the locked revision, or that it does the same there;
# - anything of nixpkgs' own packages: compiler, libraries, hooks, patches, ffmpeg, yt-dlp, the size of closures and images;
# - the hash of the lock file, which only a download can show wrong;
# - purity: there is no sandbox. Cargo builds the profile `dev`, not `release`, in a folder that all derivations share, and takes crates
#   from this machine's CARGO_HOME;
# - NixOS: no virtual machine is started (vm.nix), and the module system is a small one of our own (modules.nix).
{
  description = "The part of nixpkgs that ytorch uses, made of this machine";

  outputs =
    _:
    let
      lib = import ./lib.nix;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs systems (system: import ./packages.nix { inherit lib system; });
    };
}
