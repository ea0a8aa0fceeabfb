# Instances declared on NixOS. What is declared becomes a file for each instance, and a service of systemd that gives it to
# `ytorch declare`: NixOS says what should be, ytorch does it. docs/nixos.md is the page for people.
self:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.ytorch;

  instances = lib.filterAttrs (_: instance: instance.enable) cfg.instances;
  runsContainer = instance: builtins.elem instance.engine containers;
  containers = [
    "quadlet"
    "podman"
  ];

  # Settings that follow from an option, so that nobody can say two things at once.
  optionOfSetting = {
    bind = "bind";
    host_names = "hostNames";
    idle_exit_seconds = "idleSeconds";
    port = "port";
    time_zone = "timeZone";
  };

  declaration =
    name: instance:
    {
      inherit name;
      inherit (instance)
        bind
        engine
        limits
        port
        ;
      host_names = instance.hostNames;
      idle_exit_seconds = instance.idleSeconds;
      on_demand = instance.onDemand;
      settings =
        instance.settings
        // lib.optionalAttrs (instance.timeZone != null) { time_zone = instance.timeZone; };
    }
    // (
      if runsContainer instance then
        { image = if instance.image == null then null else "${instance.image}"; }
      else
        { program = "${cfg.package}/bin/ytorch-server"; }
    );

  service =
    name: instance:
    let
      ytorch = "${cfg.package}/bin/ytorch";
      declare = "${ytorch} declare ${pkgs.writeText "ytorch-${name}.json" (builtins.toJSON (declaration name instance))}";
      # An address that a network card has to get first.
      waits = lib.optionals (
        !builtins.elem instance.bind [
          "127.0.0.1"
          "0.0.0.0"
          "::1"
          "::"
        ]
      ) [ "network-online.target" ];
    in
    {
      description = "ytorch instance ${name}, as declared";
      wantedBy = [ "multi-user.target" ];
      wants = waits;
      after = [
        "local-fs.target"
        "network.target"
      ]
      ++ waits;
      # A supervised process lives in this very service; all others have units of their own, and a change costs no request.
      reloadIfChanged = instance.engine != "process";
      path = lib.optionals (runsContainer instance) [ config.virtualisation.podman.package ];
      environment = {
        YTORCH_ROOT = cfg.root;
        # Units are written to /run: /etc belongs to NixOS. They are gone after a restart, when this writes them again.
        YTORCH_SYSTEM_CONFIG = "/run";
      }
      // lib.optionalAttrs (instance.engine == "quadlet") {
        YTORCH_QUADLET = "${config.virtualisation.podman.package}/libexec/podman/quadlet";
      };
      # When the machine ends, systemd ends the server by itself. To wait for that here would be to wait for each other: a socket
      # ends after everything that, like this, needs the basic system.
      preStop = ''
        [ "$(systemctl is-system-running)" = stopping ] || exec ${ytorch} stop ${name}
      '';
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = declare;
        ExecReload = declare;
      };
    };

  # For root the command means the declared instances; everybody else has their own.
  command = pkgs.writeShellScriptBin "ytorch" ''
    if [ "$EUID" = 0 ]; then
      export YTORCH_ROOT="''${YTORCH_ROOT-${cfg.root}}" YTORCH_SYSTEM_CONFIG="''${YTORCH_SYSTEM_CONFIG-/run}"
    fi
    exec ${cfg.package}/bin/ytorch "$@"
  '';

  instanceOptions = {
    options = {
      enable = mkOption {
        type = types.bool;
        default = true;
        example = false;
        description = "Whether this instance runs. One that does not keeps its data.";
      };
      port = mkOption {
        type = types.port;
        example = 8100;
        description = "The port it listens on. Each instance has its own.";
      };
      bind = mkOption {
        type = types.strMatching "[0-9a-fA-F.:]+";
        default = "127.0.0.1";
        example = "0.0.0.0";
        description = "The address it listens on. Any but a loopback address lets other machines reach it, if the firewall does.";
      };
      openFirewall = mkOption {
        type = types.bool;
        default = false;
        example = true;
        description = "Whether the firewall lets other machines reach the port.";
      };
      engine = mkOption {
        type = types.enum ([ "native" ] ++ containers ++ [ "process" ]);
        default = "native";
        example = "quadlet";
        description = ''
          How its server is run: a sandboxed service (`native`), a container (`quadlet`, `podman`), or a supervised process without
          a sandbox (`process`).
        '';
      };
      image = mkOption {
        type = types.nullOr (types.either types.package types.path);
        default = null;
        example = lib.literalExpression "inputs.ytorch.packages.x86_64-linux.image";
        description = ''
          The image that a container runs: an archive that Podman loads, or a program that writes one. Without it the instance keeps
          the image that it has, and a new one gets the newest that Podman has.
        '';
      };
      settings = mkOption {
        type = types.attrsOf (
          types.oneOf [
            types.str
            types.int
            (types.listOf types.str)
          ]
        );
        default = { };
        example = {
          backup_times = [ "03:30" ];
          log_format = "json";
        };
        description = "Settings of its server, as in `config/server.toml`. They replace what is in that file.";
      };
      timeZone = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "Europe/Berlin";
        description = "The time zone of its pages, an IANA name. Without it, this machine's.";
      };
      hostNames = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "friend.example.org" ];
        description = "Names by which a reverse proxy is asked for it.";
      };
      onDemand = mkOption {
        type = types.bool;
        default = false;
        example = true;
        description = "Whether only its port is held: the first request starts the server, and it ends when it is idle.";
      };
      idleSeconds = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        example = 300;
        description = "With `onDemand`, after how long without a request the server ends. Without it, after ten minutes.";
      };
      limits = {
        memory = mkOption {
          type = types.nullOr (types.strMatching "[0-9]+(K|M|G|KiB|MiB|GiB)?");
          default = null;
          example = "512M";
          description = "Memory that it may take. Without it, 1G.";
        };
        tasks = mkOption {
          type = types.nullOr types.ints.positive;
          default = null;
          example = 64;
          description = "Processes and threads that it may have. Without it, 256.";
        };
        cpus = mkOption {
          type = types.nullOr types.numbers.positive;
          default = null;
          example = 1.5;
          description = "Processors that it may use.";
        };
      };
    };
  };

  assertion = assertion: message: { inherit assertion message; };
  option = name: rest: "services.ytorch.instances.${name}${rest}";

  # For every instance, what must hold of it alone.
  ofOne =
    name: instance:
    [
      (assertion (builtins.match "[a-z0-9][a-z0-9_.-]{0,39}" name != null) (
        "${option name ""}: the name of an instance is one to forty of `a-z 0-9 _ . -`, and starts with a letter or a digit."
      ))
      (assertion (instance.port != 0) "${option name ".port"}: 0 is no port.")
      (assertion (instance.image == null || runsContainer instance) (
        "${option name ".image"}: the engine `${instance.engine}` runs no container; choose `quadlet` or `podman`, or leave the image out."
      ))
      (assertion (!runsContainer instance || config.virtualisation.podman.enable) (
        "${option name ".engine"}: `${instance.engine}` needs Podman; set virtualisation.podman.enable = true."
      ))
      (assertion (!instance.onDemand || instance.engine != "process") (
        "${option name ".onDemand"}: the engine `process` cannot start a server on demand."
      ))
    ]
    ++ map (
      setting:
      assertion (!(optionOfSetting ? ${setting})) (
        "${option name ".settings.${setting}"}: say it by the option `${optionOfSetting.${setting} or ""}`."
      )
    ) (builtins.attrNames instance.settings);

  sharing =
    name:
    builtins.filter (other: instances.${other}.port == instances.${name}.port) (
      builtins.attrNames instances
    );
  ofPorts = map (
    name:
    # Told once, by the first of those that share it.
    assertion (sharing name == [ name ] || builtins.head (sharing name) != name) (
      "services.ytorch.instances: ${builtins.concatStringsSep " and " (sharing name)} have the same port ${
        toString instances.${name}.port
      }; give each its own."
    )
  ) (builtins.attrNames instances);
in
{
  options.services.ytorch = {
    enable = mkOption {
      type = types.bool;
      default = cfg.instances != { };
      defaultText = lib.literalExpression "config.services.ytorch.instances != { }";
      example = true;
      description = "Whether the command `ytorch` is installed and the declared instances run.";
    };
    package = mkOption {
      type = types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.ytorch;
      defaultText = lib.literalExpression "ytorch.packages.\${system}.ytorch";
      example = lib.literalExpression "pkgs.ytorch";
      description = "Both programs. Another package is an upgrade of every instance without a container.";
    };
    root = mkOption {
      type = types.strMatching "(/[a-zA-Z0-9._+@,=-]+)+";
      default = "/var/lib/ytorch";
      example = "/srv/ytorch";
      description = "The folder that holds the instances, each with its data, backups and logs.";
    };
    instances = mkOption {
      type = types.attrsOf (types.submodule instanceOptions);
      default = { };
      example = {
        friend.port = 8100;
      };
      description = "The instances of this machine, by name.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = builtins.concatLists (lib.mapAttrsToList ofOne instances) ++ ofPorts;
    environment.systemPackages = [ command ];
    networking.firewall.allowedTCPPorts = map (instance: instance.port) (
      builtins.filter (instance: instance.openFirewall) (builtins.attrValues instances)
    );
    systemd.services = lib.mapAttrs' (
      name: instance: lib.nameValuePair "ytorch-declared-${name}" (service name instance)
    ) instances;
  };
}
