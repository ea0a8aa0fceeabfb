# Sets of files, as `lib.fileset` has them: named paths, and those files of a folder that a function chooses. What is named must exist.
let
  inherit (builtins)
    all
    any
    attrNames
    concatMap
    isPath
    match
    pathExists
    readDir
    stringLength
    substring
    ;
  startsWith = prefix: text: substring 0 (stringLength prefix) text == prefix;
  # A set is a list of paths as text; a folder stands for all that is in it.
  pathsOf =
    set:
    if isPath set then
      (if pathExists set then [ (toString set) ] else throw "fileset: ${toString set} does not exist")
    else
      set.paths or (throw "fileset: neither a path nor a set of files");
in
{
  unions = sets: { paths = concatMap pathsOf sets; };

  fileFilter =
    chosen: folder:
    let
      file =
        name: type:
        let
          found = match ".*\\.([^.]*)" name;
        in
        {
          inherit name type;
          hasExt = extension: found == [ extension ];
        };
      within =
        path:
        let
          entries = readDir path;
        in
        concatMap (
          name:
          let
            type = entries.${name};
            here = path + "/${name}";
          in
          if type == "directory" then
            within here
          else if chosen (file name type) then
            [ (toString here) ]
          else
            [ ]
        ) (attrNames entries);
    in
    {
      paths = within folder;
    };

  toSource =
    { root, fileset }:
    let
      wanted = pathsOf fileset;
      top = toString root;
      # What is wanted, what is in a wanted folder, and the folders on the way to either.
      isIn = path: one: path == one || startsWith "${one}/" path || startsWith "${path}/" one;
    in
    if !all (startsWith "${top}/") wanted then
      throw "fileset.toSource: not all files are in ${top}"
    else
      {
        outPath = builtins.path {
          path = root;
          name = "source";
          filter = path: _type: any (isIn path) wanted;
        };
      };
}
