# Every case of cases.nix and bad.nix against the module: the list of what is not as expected, empty if all is well. It works with the `lib` of
# nixpkgs as with the small one of modules.nix.
{ lib, module }:
let
  cases = import ./cases.nix { inherit lib; };
  bad = import ./bad.nix;
  evaluate =
    case:
    import ./evaluate.nix {
      inherit lib module;
      # So that the text itself stands in the service.
      writeText = _: text: text;
      package = {
        type = "derivation";
        name = "ytorch";
        outPath = "/package";
      };
      podman = case.podman or true;
    } case.configuration;

  prefix = "/package/bin/ytorch declare ";
  seen =
    name: service:
    let
      inherit (service.serviceConfig) ExecStart ExecReload;
      length = builtins.stringLength ExecStart;
      at = builtins.stringLength prefix;
    in
    {
      declared = builtins.fromJSON (builtins.substring at length ExecStart);
      isDeclared = builtins.substring 0 at ExecStart == prefix;
      reloadsTheSame = ExecReload == ExecStart;
      stops =
        service.preStop
        == "[ \"$(systemctl is-system-running)\" = stopping ] || exec /package/bin/ytorch stop ${name}\n";
      inherit (service) wantedBy wants reloadIfChanged;
      inherit (service.environment) YTORCH_ROOT YTORCH_SYSTEM_CONFIG;
      quadlet = service.environment.YTORCH_QUADLET or null;
      hasPodman = service.path == [ "/podman" ];
    };
  expected =
    case: name: declared:
    let
      isContainer = builtins.elem (declared.engine or "native") [
        "quadlet"
        "podman"
      ];
      usual = cases.usual name declared.port;
    in
    {
      declared = (if isContainer then removeAttrs usual [ "program" ] else usual) // declared;
      isDeclared = true;
      reloadsTheSame = true;
      stops = true;
      wantedBy = [ "multi-user.target" ];
      wants = case.wants or [ ];
      reloadIfChanged = case.reloadIfChanged or true;
      YTORCH_ROOT = "/var/lib/ytorch";
      YTORCH_SYSTEM_CONFIG = "/run";
      quadlet = case.quadlet or null;
      hasPodman = isContainer;
    };

  differs =
    name: what: found: wanted:
    if found == wanted then
      [ ]
    else
      [ "${name}: ${what} is ${builtins.toJSON found}, and not ${builtins.toJSON wanted}" ];

  ofGood =
    name: case:
    let
      found = evaluate case;
      declared = case.declared or { };
      services = lib.mapAttrs' (
        unit: service:
        let
          instance = builtins.replaceStrings [ "ytorch-declared-" ] [ "" ] unit;
        in
        lib.nameValuePair instance (seen instance service)
      ) found.services;
      enable = case.enable or true;
    in
    differs name "what is refused" found.refused [ ]
    ++ differs name "enable" found.enable enable
    ++ differs name "the open ports" found.ports (case.ports or [ ])
    ++ differs name "the commands" (map (one: one.name) found.commands) (
      if enable then [ "ytorch" ] else [ ]
    )
    ++ differs name "the list of services" (builtins.attrNames services) (builtins.attrNames declared)
    ++ builtins.concatLists (
      lib.mapAttrsToList (
        instance: wanted:
        differs "${name}.${instance}" "the service" (services.${instance} or null) (
          expected case instance wanted
        )
      ) declared
    );
  ofRefused = name: case: differs name "what is refused" (evaluate case).refused case.refused;
  ofWrong =
    name: case:
    let
      found = builtins.tryEval (builtins.deepSeq (evaluate case) "it");
    in
    if found.success then [ "${name}: it is accepted" ] else [ ];
  every = of: set: builtins.concatLists (lib.mapAttrsToList of set);
in
every ofGood cases.good ++ every ofRefused bad.refused ++ every ofWrong bad.wrong
