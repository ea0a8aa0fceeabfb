# The packages. Both programs are compiled once and together (`programs`); the commit is written into copies of them afterwards, so
# that a commit which changes no source compiles nothing.
{ pkgs, release }:
let
  inherit (pkgs) lib;
  workspace = import ./workspace.nix { inherit lib; };
  about = workspace.workspace.package;

  meta = {
    homepage = about.repository;
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    platforms = lib.platforms.linux;
  };

  programs = pkgs.rustPlatform.buildRustPackage {
    pname = "ytorch-programs";
    inherit (about) version;
    src = workspace.sources.programs;
    cargoLock = { inherit (workspace) lockFile; };
    cargoBuildFlags = [
      "--package=ytorch-server"
      "--package=ytorch-orchestrator"
    ];
    # The tests are a check of their own: nobody who installs waits for them.
    doCheck = false;
    strictDeps = true;
    meta = meta // {
      description = "The programs of ytorch, without the commit they are of";
      mainProgram = "ytorch";
    };
  };

  # `names` side by side, for `ytorch` looks for `ytorch-server` beside itself, where links lead to.
  stamped =
    name: description: names:
    pkgs.runCommand "${name}-${about.version}"
      {
        pname = name;
        inherit (about) version;
        strictDeps = true;
        meta = meta // {
          inherit description;
          mainProgram = name;
        };
      }
      ''
        mkdir -p $out/bin
        for name in ${lib.escapeShellArgs names}; do
          install -m 755 ${programs}/bin/$name $out/bin/$name
          sh ${../deploy/stamp} ${lib.escapeShellArg release.commit} $out/bin/$name
        done
      '';

  server = stamped "ytorch-server" "The server of one instance of ytorch" [ "ytorch-server" ];

  image =
    target:
    import ./image.nix {
      inherit
        pkgs
        about
        release
        server
        target
        ;
    };
in
{
  inherit programs;
  ytorch = stamped "ytorch" "Makes instances of ytorch and runs their servers" [
    "ytorch"
    "ytorch-server"
  ];
  ytorch-server = server;
  image = image "slim";
  image-full = image "full";
}
