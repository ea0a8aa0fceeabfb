# Configurations that are refused, and in which words.
let
  # Wraps what is said of instances.
  ytorch = instances: { services.ytorch = { inherit instances; }; };
  refuses = message: configuration: {
    inherit configuration;
    refused = [ message ];
  };
in
{
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
