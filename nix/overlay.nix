# The packages as an overlay, for whoever builds them with a nixpkgs of their own.
{ packagesFor }:
final: _prev:
let
  packages = packagesFor final;
in
{
  inherit (packages) ytorch ytorch-server;
  ytorch-image = packages.image;
  ytorch-image-full = packages.image-full;
}
