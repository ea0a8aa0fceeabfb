# Configurations, and what is to come of them. An option that is missing in `declared` is as `usual` says; bad.nix has those that are refused.
{ lib }:
let
  # Wraps what is said of instances.
  ytorch = instances: { services.ytorch = { inherit instances; }; };
in
{
  # What `ytorch declare` is told of an instance of which only the port is said.
  usual = name: port: {
    inherit name port;
    bind = "127.0.0.1";
    engine = "native";
    host_names = [ ];
    idle_exit_seconds = null;
    limits = {
      cpus = null;
      memory = null;
      tasks = null;
    };
    on_demand = false;
    program = "/package/bin/ytorch-server";
    settings = { };
  };

  good = {
    nothing = {
      configuration = { };
      enable = false;
    };

    none-but-the-command = {
      configuration.services.ytorch.enable = true;
    };

    one = {
      configuration = ytorch { friend.port = 8100; };
      declared.friend.port = 8100;
    };

    two = {
      configuration = ytorch {
        anna.port = 8101;
        bert = {
          port = 8102;
          bind = "0.0.0.0";
          openFirewall = true;
        };
      };
      declared.anna.port = 8101;
      declared.bert = {
        port = 8102;
        bind = "0.0.0.0";
      };
      ports = [ 8102 ];
    };

    switched-off = {
      configuration = {
        services.ytorch = {
          enable = false;
          instances.friend.port = 8100;
        };
      };
      enable = false;
    };

    # One that does not run opens nothing, and its port is another's.
    one-that-does-not-run = {
      configuration = ytorch {
        anna = {
          enable = false;
          port = 8100;
          openFirewall = true;
        };
        bert.port = 8100;
      };
      declared.bert.port = 8100;
    };

    quadlet = {
      configuration = ytorch {
        friend = {
          port = 8100;
          engine = "quadlet";
          image = "/images/ytorch.tar";
        };
      };
      declared.friend = {
        port = 8100;
        engine = "quadlet";
        image = "/images/ytorch.tar";
      };
      quadlet = "/podman/libexec/podman/quadlet";
    };

    podman-without-an-image = {
      configuration = ytorch {
        friend = {
          port = 8100;
          engine = "podman";
        };
      };
      declared.friend = {
        port = 8100;
        engine = "podman";
        image = null;
      };
    };

    # It lives in the very service, which is therefore started anew.
    process = {
      configuration = ytorch {
        friend = {
          port = 8100;
          engine = "process";
        };
      };
      declared.friend = {
        port = 8100;
        engine = "process";
      };
      reloadIfChanged = false;
    };

    everything = {
      configuration = ytorch {
        friend = {
          port = 8100;
          bind = "192.0.2.7";
          hostNames = [ "friend.example.org" ];
          onDemand = true;
          idleSeconds = 300;
          timeZone = "Europe/Berlin";
          limits = {
            memory = "512M";
            tasks = 64;
            cpus = 1.5;
          };
          settings = {
            backup_times = [ "03:30" ];
            job_keep_days = 3;
            log_format = "json";
          };
        };
      };
      declared.friend = {
        port = 8100;
        bind = "192.0.2.7";
        host_names = [ "friend.example.org" ];
        on_demand = true;
        idle_exit_seconds = 300;
        limits = {
          memory = "512M";
          tasks = 64;
          cpus = 1.5;
        };
        settings = {
          backup_times = [ "03:30" ];
          job_keep_days = 3;
          log_format = "json";
          time_zone = "Europe/Berlin";
        };
      };
      wants = [ "network-online.target" ];
    };

    # What several say of one instance is one instance.
    said-in-several-places = {
      configuration.imports = [
        (ytorch { friend.port = lib.mkDefault 8100; })
        (ytorch {
          friend = lib.mkMerge [
            { port = 8200; }
            (lib.mkIf false { engine = "process"; })
            (lib.mkIf true { limits.tasks = lib.mkForce 32; })
          ];
        })
        (ytorch { friend.limits.tasks = 64; })
      ];
      declared.friend = {
        port = 8200;
        limits = {
          cpus = null;
          memory = null;
          tasks = 32;
        };
      };
    };
  };
}
