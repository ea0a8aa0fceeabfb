# `dockerTools` and `closureInfo`, as far as ytorch uses them. An image gets this machine's C library in a layer of its own, for the programs
# in it are linked to that.
{
  system,
  build,
  writeText,
}:
let
  # The paths that `root` refers to, itself included, one a line.
  closure =
    name: root:
    build {
      inherit name;
      environment.exportReferencesGraph = [
        "graph"
        root
      ];
      # The graph has for each path: itself, its derivation, the number of references, and these.
      script = ''
        mkdir $out
        while read -r path; do
          read -r _ || true
          read -r references
          for _ in $(seq "$references"); do read -r _; done
          echo "$path"
        done <graph | sort -u >$out/store-paths
      '';
    };
in
{
  closureInfo =
    { rootPaths }:
    closure "closure-info" (writeText "roots" (builtins.concatStringsSep "\n" rootPaths));

  dockerTools = {
    caCertificates = build {
      name = "ca-certificates";
      script = ''
        mkdir -p $out/etc/ssl/certs
        cp /etc/ssl/certs/ca-certificates.crt $out/etc/ssl/certs/
      '';
    };

    # The arguments are those of nixpkgs that ytorch gives, and no others are taken.
    streamLayeredImage =
      {
        name,
        tag,
        contents,
        config,
        created,
        fakeRootCommands,
      }:
      let
        description = writeText "image-description" (
          builtins.toJSON {
            inherit
              name
              tag
              config
              created
              ;
            contents = map toString contents;
            architecture =
              {
                x86_64-linux = "amd64";
                aarch64-linux = "arm64";
              }
              .${system};
          }
        );
      in
      build {
        name = "stream-${name}";
        environment = { inherit fakeRootCommands; };
        # The folders of the last layer are made by root itself here.
        script = ''
          mkdir root
          (cd root && eval "$fakeRootCommands")
          python3 ${./image.py} ${description} ${closure "image-closure" description}/store-paths root $out
        '';
        passthru = {
          imageName = name;
          imageTag = tag;
        };
      };
  };
}
