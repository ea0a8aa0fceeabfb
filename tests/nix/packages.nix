# The package set. A "package" is a program of this machine, or a name that says it is none.
{ lib, system }:
let
  # A derivation that runs a command of bash; everything else is made of it.
  build =
    {
      name,
      script,
      inputs ? [ ],
      environment ? { },
      files ? { },
      meta ? { },
      passthru ? { },
    }:
    derivation (
      environment
      // files
      // {
        inherit
          name
          system
          script
          inputs
          ;
        passAsFile = [ "script" ] ++ builtins.attrNames files;
        builder = "/bin/bash";
        args = [ ./builder.sh ];
      }
    )
    // passthru
    // {
      meta = knownOnly "meta" {
        description = true;
        homepage = true;
        license = true;
        mainProgram = true;
        platforms = true;
      } meta;
    };

  # Refuses attributes that are not known: nixpkgs would take a misspelt one for a variable and say nothing.
  knownOnly =
    what: known: given:
    let
      strange = builtins.attrNames (removeAttrs given (builtins.attrNames known));
    in
    if strange == [ ] then given else throw "${what} has no attribute `${builtins.head strange}`";

  runCommand =
    name: given: script:
    let
      known = knownOnly "runCommand" {
        meta = true;
        nativeBuildInputs = true;
        passthru = true;
        pname = true;
        strictDeps = true;
        version = true;
      } given;
    in
    build {
      inherit name script;
      inputs = known.nativeBuildInputs or [ ];
      meta = known.meta or { };
      passthru = (known.passthru or { }) // {
        inherit (known) pname version;
      };
    };

  writeText =
    name: text:
    build {
      inherit name;
      script = ''cp "$textPath" $out'';
      files = { inherit text; };
    };

  writeShellScriptBin =
    name: text:
    build {
      inherit name;
      files.text = "#!/bin/bash\n${text}";
      meta.mainProgram = name;
      script = ''
        mkdir -p $out/bin
        install -m 755 "$textPath" $out/bin/${name}
        bash -n $out/bin/${name}
      '';
    };

  # Programs of this machine.
  tool =
    name: programs:
    build {
      inherit name;
      meta.mainProgram = builtins.head programs;
      script = ''
        mkdir -p $out/bin
        for program in ${lib.escapeShellArgs programs}; do
          found=$(PATH=$HOST_PATH command -v $program) || { echo "this machine has no $program" >&2; exit 1; }
          ln -s "$found" $out/bin/$program
        done
      '';
    };

  # A program that is only named: nothing here runs it.
  absent =
    name:
    build {
      inherit name;
      script = ''
        mkdir -p $out/bin
        printf '#!/bin/sh\necho "%s: only its name is here" >&2\nexit 1\n' ${name} >$out/bin/${name}
        chmod 755 $out/bin/${name}
      '';
    };

  image = import ./image.nix {
    inherit
      system
      build
      writeText
      ;
  };
  pkgs = {
    inherit
      lib
      runCommand
      writeShellScriptBin
      writeText
      system
      ;
    inherit (image) closureInfo dockerTools;
    stdenv.hostPlatform = {
      inherit system;
      isLinux = true;
    };
    rustPlatform.buildRustPackage = import ./rust.nix {
      inherit
        lib
        build
        knownOnly
        tool
        ;
    };
    testers.runNixOSTest = import ./vm.nix { inherit lib pkgs build; };

    mkShell =
      { packages }:
      build {
        name = "shell";
        inputs = packages;
        script = "touch $out";
      };

    tzdata = build {
      name = "tzdata";
      script = ''
        mkdir -p $out/share/zoneinfo
        cp -r /usr/share/zoneinfo/Etc /usr/share/zoneinfo/UTC $out/share/zoneinfo/
      '';
    };

    cargo = tool "cargo" [ "cargo" ];
    cargo-deny = tool "cargo-deny" [ "cargo-deny" ];
    cargo-nextest = tool "cargo-nextest" [ "cargo-nextest" ];
    clippy = tool "clippy" [
      "cargo-clippy"
      "clippy-driver"
    ];
    deadnix = tool "deadnix" [ "deadnix" ];
    nixfmt = tool "nixfmt" [ "nixfmt" ];
    rustc = tool "rustc" [ "rustc" ];
    rustfmt = tool "rustfmt" [
      "rustfmt"
      "cargo-fmt"
    ];
  }
  // lib.genAttrs [
    "caddy"
    "cargo-auditable"
    "chromedriver"
    "chromium"
    "curl"
    "ffmpeg-headless"
    "git"
    "libfaketime"
    "nginx"
    "nixfmt-tree"
    "openssl"
    "podman"
    "prometheus"
    "python3"
    "rust-analyzer"
    "shellcheck"
    "yt-dlp"
  ] absent;
in
pkgs
