# An image like those of Containerfile: same labels, user, folders, command and health check. What differs: the server is not static but
# has its libraries beside it in /nix/store; the time zones are there as files, too; no Debian is in `full`.
{
  pkgs,
  about,
  release,
  server,
  target,
}:
let
  inherit (pkgs) lib;
  description = {
    slim = "One person's video life: the server";
    full = "One person's video life: the server, with the programs for videos";
  };
  forVideos = lib.optionals (target == "full") [
    pkgs.ffmpeg-headless
    pkgs.yt-dlp
  ];
  # Where Containerfile has it, and whoever runs an image of ytorch expects it.
  program = pkgs.runCommand "ytorch-image-program" { } ''
    mkdir $out
    ln -s ${lib.getExe server} $out/ytorch-server
  '';
  contents = [
    program
    pkgs.dockerTools.caCertificates
    pkgs.tzdata
  ]
  ++ forVideos;
  config = {
    User = "1000:1000";
    Entrypoint = [ "/ytorch-server" ];
    Cmd = [
      "serve"
      "--instance-dir"
      "/"
    ];
    StopSignal = "SIGTERM";
    # In nanoseconds.
    Healthcheck = {
      Test = [
        "CMD"
        "/ytorch-server"
        "health"
        "--instance-dir"
        "/"
      ];
      Interval = 30 * 1000000000;
      Timeout = 5 * 1000000000;
      StartPeriod = 60 * 1000000000;
    };
    Env = [
      "MALLOC_ARENA_MAX=2"
      "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
      "TZDIR=${pkgs.tzdata}/share/zoneinfo"
    ]
    ++ lib.optional (forVideos != [ ]) "PATH=${lib.makeBinPath forVideos}";
    Labels = {
      "dev.ytorch.target" = target;
      "org.opencontainers.image.title" = "ytorch";
      "org.opencontainers.image.description" = description.${target};
      "org.opencontainers.image.version" = about.version;
      "org.opencontainers.image.revision" = release.commit;
      "org.opencontainers.image.source" = about.repository;
      "org.opencontainers.image.licenses" = about.license;
    };
  };
  part = from: length: builtins.substring from length release.date;
in
pkgs.dockerTools.streamLayeredImage {
  name = "ytorch";
  tag = target;
  inherit contents config;
  # The commit's time: fixed for a commit, and the newest image is still the newest in a list.
  created = "${part 0 4}-${part 4 2}-${part 6 2}T${part 8 2}:${part 10 2}:${part 12 2}Z";
  fakeRootCommands = ''
    mkdir -p data config/secrets logs backups run tmp
    chmod 1777 tmp
    chown -R 1000:1000 data config logs backups run
  '';
}
// {
  # All that the image refers to, for the check that no shell is in it.
  roots = pkgs.writeText "ytorch-image-roots" (builtins.toJSON { inherit contents config; });
}
