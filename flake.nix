# ytorch by Nix: what is built, run, checked and declared. Each output is a file in nix/; this one only names them.
#
#   nix run .#ytorch -- create --instance=friend
#   nix build .#image && ./result | podman load
#   nix flake check
{
  description = "One person's video life on their own machine";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAllSystems = function: lib.genAttrs systems (system: function nixpkgs.legacyPackages.${system});
      # What was committed and when. A folder without a repository has no commit.
      release = {
        commit = self.rev or self.dirtyRev or "unknown";
        date = self.lastModifiedDate;
      };
      packagesFor = pkgs: import ./nix/packages.nix { inherit pkgs release; };
      own = pkgs: self.packages.${pkgs.stdenv.hostPlatform.system};
    in
    {
      packages = forAllSystems (pkgs: packagesFor pkgs // { default = (own pkgs).ytorch; });

      apps = forAllSystems (
        pkgs:
        import ./nix/apps.nix {
          inherit lib;
          packages = own pkgs;
        }
      );

      devShells = forAllSystems (pkgs: {
        default = import ./nix/shell.nix { inherit pkgs; };
      });

      checks = forAllSystems (
        pkgs:
        import ./nix/checks.nix {
          inherit pkgs self;
          packages = own pkgs;
        }
      );

      formatter = forAllSystems (pkgs: pkgs.nixfmt-tree);

      overlays.default = import ./nix/overlay.nix { inherit packagesFor; };

      nixosModules = {
        default = self.nixosModules.ytorch;
        ytorch = import ./nix/module.nix self;
      };
    };
}
