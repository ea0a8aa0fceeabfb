# What `nix flake check` checks beside evaluating everything. Each check is a derivation that fails.
{
  pkgs,
  self,
  packages,
}:
let
  inherit (pkgs) lib;
  workspace = import ./workspace.nix { inherit lib; };

  # A command of cargo in the workspace, with its crates and without a network.
  cargoCheck =
    name:
    {
      src,
      tools,
      command,
    }:
    pkgs.rustPlatform.buildRustPackage {
      pname = "ytorch-${name}";
      inherit (workspace.workspace.package) version;
      inherit src;
      cargoLock = { inherit (workspace) lockFile; };
      nativeBuildInputs = tools;
      buildPhase = command;
      doCheck = false;
      installPhase = "touch $out";
      strictDeps = true;
    };

  check =
    name: tools: command:
    pkgs.runCommand "ytorch-${name}" {
      nativeBuildInputs = tools;
      strictDeps = true;
    } "${command}\ntouch $out\n";
in
{
  inherit (packages)
    ytorch
    ytorch-server
    image
    image-full
    ;

  clippy = cargoCheck "clippy" {
    src = workspace.sources.lints;
    tools = [ pkgs.clippy ];
    command = "cargo clippy --offline --locked --workspace --all-targets -- --deny warnings";
  };

  # What needs nothing but a disk, a clock and the loopback. Left to deploy/test: whatever starts our programs and watches them (the
  # end-to-end tests, the doors of both programs), for that needs Python, a browser, root, hosts or names of Debian; and what
  # reads docs/, for then a word there would build all of this anew.
  nextest = cargoCheck "nextest" {
    src = workspace.sources.tests;
    tools = [ pkgs.cargo-nextest ];
    command = ''
      cargo nextest run --offline --locked --workspace --exclude ytorch-tests --filterset ${lib.escapeShellArg ''
        not binary(document) & not (kind(test) & (package(ytorch-server) | package(ytorch-orchestrator)))
      ''}
    '';
  };

  # Advisories are no check: their database changes every day, and a sandbox has no network to fetch it.
  deny = cargoCheck "deny" {
    src = workspace.sources.dependencies;
    tools = [ pkgs.cargo-deny ];
    command = "HOME=$(mktemp -d) cargo deny --offline --log-level warn check bans licenses sources";
  };

  fmt =
    check "fmt"
      [
        pkgs.cargo
        pkgs.rustfmt
      ]
      ''
        cd ${workspace.sources.format}
        cargo fmt --all --check
      '';

  nix-format =
    check "nix-format"
      [
        pkgs.nixfmt
        pkgs.deadnix
      ]
      ''
        cd ${workspace.sources.nix}
        find . -name '*.nix' -exec nixfmt --check {} +
        deadnix --fail .
      '';

  # Not only a shell in /bin, but one anywhere in what the image holds.
  no-shell = check "no-shell" [ ] ''
    paths=${pkgs.closureInfo { rootPaths = [ packages.image.roots ]; }}/store-paths
    grep -q -- '-ytorch-server-' $paths || { echo "the server is not among what the image holds" >&2; exit 1; }
    while read -r path; do
      for shell in sh bash dash ash zsh ksh fish busybox; do
        for folder in bin sbin libexec; do
          ! [ -e "$path/$folder/$shell" ] || { echo "a shell is in the image slim: $path/$folder/$shell" >&2; exit 1; }
        done
      done
    done <$paths
  '';

  module = import ../tests/nix/module {
    inherit lib pkgs;
    module = self.nixosModules.default;
  };

  vm = pkgs.testers.runNixOSTest (import ./tests/vm.nix self);
}
