# The tools of `deploy/test`, for `nix develop`. Not here: the fuzz targets' nightly compiler and cargo-fuzz, which need rustup, and what
# tests on hosts take from Debian (debootstrap's systems), which need root.
{ pkgs }:
pkgs.mkShell {
  packages = [
    pkgs.cargo
    pkgs.rustc
    pkgs.clippy
    pkgs.rustfmt
    pkgs.rust-analyzer
    pkgs.cargo-nextest
    pkgs.cargo-deny
    pkgs.cargo-auditable
    pkgs.shellcheck
    pkgs.nixfmt
    pkgs.deadnix
    pkgs.git
    pkgs.python3
    pkgs.openssl
    pkgs.libfaketime
    pkgs.caddy
    pkgs.nginx
    pkgs.prometheus
    pkgs.chromium
    pkgs.chromedriver
    pkgs.podman
  ];
}
