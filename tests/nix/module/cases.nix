# Configurations, good and bad, and what is to come of them. An option that is missing in `declared` is as `usual` says.
{ lib }:
let
  # Wraps what is said of instances.
  ytorch = instances: { services.ytorch = { inherit instances; }; };
  refuses = message: configuration: {
    inherit configuration;
    refused = [ message ];
  };
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

  # Refused with these words.
  refused = {
    one-port-twice =
      refuses "services.ytorch.instances: anna and bert have the same port 8100; give each its own."
        (ytorch {
          anna.port = 8100;
          bert.port = 8100;
        });
    a-name-that-is-none =
      refuses
        "services.ytorch.instances.My friend: the name of an instance is one to forty of `a-z 0-9 _ . -`, and starts with a letter or a digit."
        (ytorch {
          "My friend".port = 8100;
        });
    a-name-too-long =
      refuses
        "services.ytorch.instances.a123456789012345678901234567890123456789b: the name of an instance is one to forty of `a-z 0-9 _ . -`, and starts with a letter or a digit."
        (ytorch {
          a123456789012345678901234567890123456789b.port = 8100;
        });
    no-port = refuses "services.ytorch.instances.friend.port: 0 is no port." (ytorch {
      friend.port = 0;
    });
    an-image-without-a-container =
      refuses
        "services.ytorch.instances.friend.image: the engine `native` runs no container; choose `quadlet` or `podman`, or leave the image out."
        (ytorch {
          friend = {
            port = 8100;
            image = "/images/ytorch.tar";
          };
        });
    a-container-without-podman =
      refuses
        "services.ytorch.instances.friend.engine: `quadlet` needs Podman; set virtualisation.podman.enable = true."
        (ytorch {
          friend = {
            port = 8100;
            engine = "quadlet";
          };
        })
      // {
        podman = false;
      };
    a-process-on-demand =
      refuses
        "services.ytorch.instances.friend.onDemand: the engine `process` cannot start a server on demand."
        (ytorch {
          friend = {
            port = 8100;
            engine = "process";
            onDemand = true;
          };
        });
    a-setting-that-is-an-option =
      refuses "services.ytorch.instances.friend.settings.time_zone: say it by the option `timeZone`."
        (ytorch {
          friend = {
            port = 8100;
            settings.time_zone = "UTC";
          };
        });
  };

  # Not evaluated at all. The words are those of the module system, which no expression can catch: tests/tests/declared.rs reads them.
  wrong = {
    an-unknown-option = {
      configuration = ytorch { friend.prot = 8100; };
      words = "The option `services.ytorch.instances.friend.prot' does not exist.";
    };
    an-unknown-limit = {
      configuration = ytorch {
        friend = {
          port = 8100;
          limits.disk = "1G";
        };
      };
      words = "The option `services.ytorch.instances.friend.limits.disk' does not exist.";
    };
    a-missing-port = {
      configuration = ytorch { friend = { }; };
      words = "The option `services.ytorch.instances.friend.port' was accessed but has no value defined.";
    };
    a-port-that-is-a-text = {
      configuration = ytorch { friend.port = "8100"; };
      words = "A definition for option `services.ytorch.instances.friend.port' is not of type `16 bit unsigned integer; between 0 and 65535 (both inclusive)'.";
    };
    an-engine-that-is-none = {
      configuration = ytorch {
        friend = {
          port = 8100;
          engine = "docker";
        };
      };
      words = "A definition for option `services.ytorch.instances.friend.engine' is not of type `one of ";
    };
    two-ports = {
      configuration.imports = [
        (ytorch { friend.port = 8100; })
        (ytorch { friend.port = 8101; })
      ];
      words = "The option `services.ytorch.instances.friend.port' has conflicting definition values";
    };
    a-memory-without-a-unit-that-is-known = {
      configuration = ytorch {
        friend = {
          port = 8100;
          limits.memory = "12 apples";
        };
      };
      words = "A definition for option `services.ytorch.instances.friend.limits.memory' is not of type `null or string matching the pattern ";
    };
    a-setting-that-is-a-set = {
      configuration = ytorch {
        friend = {
          port = 8100;
          settings.log = { };
        };
      };
      words = "A definition for option `services.ytorch.instances.friend.settings.log' is not of type ";
    };
    a-root-that-no-unit-can-name = {
      configuration.services.ytorch = {
        root = "/srv/my videos";
        instances.friend.port = 8100;
      };
      words = "A definition for option `services.ytorch.root' is not of type `string matching the pattern ";
    };
  };
}
