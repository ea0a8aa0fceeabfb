# What the module makes of a configuration, without NixOS: its options are real, and what it sets lies in options that take anything.
# `writeText` is given, because where a text goes differs: into the store, or into the eyes of a test.
{
  lib,
  module,
  writeText,
  package,
  # What NixOS would say beside it, such as that Podman is there.
  podman ? true,
}:
configuration:
let
  anything = lib.mkOption {
    type = lib.types.anything;
    default = { };
  };
  nixos = {
    options = {
      assertions = lib.mkOption {
        type = lib.types.listOf lib.types.anything;
        default = [ ];
      };
      environment = anything;
      networking = anything;
      systemd = anything;
      virtualisation = anything;
    };
    config.virtualisation.podman = {
      enable = podman;
      package = "/podman";
    };
  };
  inherit
    (lib.evalModules {
      modules = [
        module
        nixos
        { services.ytorch.package = lib.mkDefault package; }
        configuration
      ];
      specialArgs.pkgs = {
        inherit writeText;
        writeShellScriptBin = name: text: { inherit name text; };
      };
    })
    config
    ;
in
{
  inherit (config.services.ytorch) enable;
  refused = map (one: one.message) (builtins.filter (one: !one.assertion) config.assertions);
  services = config.systemd.services or { };
  ports = config.networking.firewall.allowedTCPPorts or [ ];
  commands = config.environment.systemPackages or [ ];
}
