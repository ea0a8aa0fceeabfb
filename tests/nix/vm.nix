# `testers.runNixOSTest` without a machine: it evaluates the modules of every node, refuses what their assertions refuse, and lets Python
# compile the test's script. What a machine would do with them it cannot show.
{
  lib,
  pkgs,
  build,
}:
test:
let
  given = if builtins.isFunction test then test { inherit lib pkgs; } else test;
  ofType = type: default: lib.mkOption { inherit type default; };
  list = ofType (lib.types.listOf lib.types.anything) [ ];
  # What NixOS itself would bring, as far as ytorch's module and its test set or read it.
  system.options = {
    assertions = list;
    environment.systemPackages = list;
    networking.firewall.allowedTCPPorts = list;
    systemd.services = ofType (lib.types.attrsOf lib.types.anything) { };
    virtualisation.podman.enable = ofType lib.types.bool false;
  };
  evaluated =
    name: node:
    let
      inherit
        (lib.evalModules {
          modules = [
            system
            node
          ];
          specialArgs = { inherit pkgs; };
        })
        config
        ;
      refused = builtins.filter (one: !one.assertion) config.assertions;
    in
    if refused == [ ] then
      { inherit (config) environment networking systemd; }
    else
      throw "the node ${name}: ${(builtins.head refused).message}";
  nodes = builtins.mapAttrs evaluated given.nodes;
  # Its packages are not built for this.
  configurations = builtins.unsafeDiscardStringContext (builtins.toJSON nodes);
  script =
    if builtins.isFunction given.testScript then
      given.testScript { inherit nodes; }
    else
      given.testScript;
in
build {
  name = "vm-test-run-${given.name}";
  files = {
    inherit configurations;
    testScript = builtins.unsafeDiscardStringContext script;
  };
  script = ''
    python3 -c 'import sys; compile(open(sys.argv[1]).read(), "testScript", "exec")' "$testScriptPath"
    cp "$configurationsPath" $out
    echo "NO VM RAN for ${given.name}: ${toString (builtins.length (builtins.attrNames nodes))} node(s) evaluated, and the script compiles" >&2
  '';
}
