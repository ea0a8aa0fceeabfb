# Two declared instances on a NixOS machine: each answers on its port, keeps its token, and comes back after a restart of the machine.
self: {
  name = "ytorch";

  nodes.machine =
    { pkgs, ... }:
    {
      imports = [ self.nixosModules.default ];
      environment.systemPackages = [ pkgs.curl ];
      services.ytorch.instances = {
        anna = {
          port = 8101;
          limits.memory = "512M";
        };
        bert = {
          port = 8102;
          timeZone = "Europe/Berlin";
        };
      };
    };

  testScript = ''
    instances = {"anna": 8101, "bert": 8102}

    def all_answer():
        for name, port in instances.items():
            machine.wait_for_unit(f"ytorch-declared-{name}.service")
            health = machine.succeed(f"curl --fail --silent http://127.0.0.1:{port}/healthz")
            assert f'"{name}"' in health, health

    start_all()
    all_answer()
    tokens = {name: machine.succeed(f"ytorch token {name}") for name in instances}
    assert len(set(tokens.values())) == len(instances), tokens

    machine.shutdown()
    machine.start()
    all_answer()
    for name, token in tokens.items():
        assert machine.succeed(f"ytorch token {name}") == token
    listed = machine.succeed("ytorch list")
    assert all(name in listed for name in instances), listed
  '';
}
