# The module system of NixOS, as far as nix/module.nix and nix/tests/vm.nix use it: options, types, definitions with conditions and
# priorities, submodules. It is a part of the stand-in for nixpkgs, written for tests where nixpkgs cannot be had.
#
# It does not merge two declarations of one option, sort by mkBefore and mkAfter, rename or remove options, know freeform types or
# `disabledModules`, or remember in which file something was said. So a configuration that passes here can still fail in NixOS.
argument:
let
  # Given as `lib` or as `{ lib }`.
  lib = argument.lib or argument;

  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    filter
    foldl'
    functionArgs
    head
    isAttrs
    isFunction
    listToAttrs
    mapAttrs
    ;

  showOption = concatStringsSep ".";
  names = sets: attrNames (foldl' (one: other: one // other) { } sets);

  # --- What a definition may be wrapped in

  wrapped = kind: value: isAttrs value && (value._type or null) == kind;
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  usualPriority = 100;
  defaultPriority = 1500;

  # The sets in a definition of many options, with what wraps them moved to each option: no condition is looked at, for it may
  # depend on other options.
  inward =
    value:
    if wrapped "merge" value then
      concatMap inward value.contents
    else if wrapped "if" value then
      map (mapAttrs (_: mkIf value.condition)) (inward value.content)
    else if wrapped "override" value then
      map (mapAttrs (_: mkOverride value.priority)) (inward value.content)
    else
      [ value ];

  # The values that a definition of one option comes to, each with its priority.
  discharged =
    value:
    if wrapped "merge" value then
      concatMap discharged value.contents
    else if wrapped "if" value then
      if value.condition then discharged value.content else [ ]
    else if wrapped "override" value then
      # Its content is not looked at: the default of an option may fail where another value counts.
      [
        {
          inherit (value) priority;
          value = value.content;
        }
      ]
    else
      [
        {
          priority = usualPriority;
          inherit value;
        }
      ];

  # The definitions of one option become its value: those of the lowest number count.
  merged =
    path: type: definitions:
    let
      lowest = foldl' (least: one: if one.priority < least then one.priority else least) 9999 definitions;
      values = map (one: one.value) (filter (one: one.priority == lowest) definitions);
      wrong = filter (value: !type.check value) values;
    in
    if definitions == [ ] then
      throw "The option `${showOption path}' was accessed but has no value defined. Try setting the option."
    else if wrong != [ ] then
      throw "A definition for option `${showOption path}' is not of type `${type.description}'."
    else
      type.merge path values;

  types = import ./modules/types.nix {
    inherit
      showOption
      names
      inward
      discharged
      merged
      evalModules
      ;
  };

  # --- Modules

  evalModules =
    {
      modules,
      specialArgs ? { },
      prefix ? [ ],
    }:
    let
      own = {
        inherit lib config options;
      }
      // specialArgs;
      # An argument is looked up when the module uses it: `_module.args` is part of the configuration itself.
      given =
        function:
        mapAttrs (
          name: _:
          own.${name} or (config._module.args.${name} or (throw "no module argument is called `${name}'"))
        ) (functionArgs function);
      load =
        module:
        let
          found = if isAttrs module || isFunction module then module else import module;
          content = if isFunction found then found (own // given found) else found;
          isStructured = content ? options || content ? config;
          rest = removeAttrs content [
            "imports"
            "_file"
          ];
        in
        concatMap load (content.imports or [ ])
        ++ [
          {
            options = content.options or { };
            config = if isStructured then content.config or { } else rest;
          }
        ];
      loaded = concatMap load modules;
      options = foldl' (joined [ ]) {
        _module.args = mkOption {
          type = types.attrsOf types.anything;
          default = { };
        };
      } (map (module: module.options) loaded);
      joined =
        path: one: other:
        one
        // mapAttrs (
          name: value:
          if !(one ? ${name}) then
            value
          else if wrapped "option" value || wrapped "option" one.${name} then
            throw "The option `${showOption (path ++ [ name ])}' is already declared."
          else
            joined (path ++ [ name ]) one.${name} value
        ) other;
      config = configured prefix options (map (module: module.config) loaded);
    in
    {
      inherit config options;
    };

  # The values of a tree of options, from everybody's definitions.
  configured =
    path: options: definitions:
    let
      sets = concatMap inward definitions;
      unknown = filter (name: !(options ? ${name})) (names sets);
    in
    if unknown != [ ] then
      throw "The option `${showOption (path ++ [ (head unknown) ])}' does not exist."
    else
      mapAttrs (
        name: option:
        let
          of = concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) sets;
          default = if option ? default then discharged (mkOverride defaultPriority option.default) else [ ];
        in
        if wrapped "option" option then
          merged (path ++ [ name ]) option.type (concatMap discharged of ++ default)
        else
          configured (path ++ [ name ]) option of
      ) options;

  mkOption = option: option // { _type = "option"; };
in
{
  inherit
    evalModules
    mkIf
    mkMerge
    mkOption
    mkOverride
    types
    ;
  mkDefault = mkOverride 1000;
  mkForce = mkOverride 50;
  literalExpression = text: {
    _type = "literalExpression";
    inherit text;
  };

  # Functions of `lib` that have nothing to do with modules, and that ours use.
  nameValuePair = name: value: { inherit name value; };
  filterAttrs =
    wanted: set: removeAttrs set (filter (name: !wanted name set.${name}) (attrNames set));
  mapAttrs' = function: set: listToAttrs (map (name: function name set.${name}) (attrNames set));
  mapAttrsToList = function: set: map (name: function name set.${name}) (attrNames set);
  optionalAttrs = condition: set: if condition then set else { };
  optionals = condition: values: if condition then values else [ ];
}
