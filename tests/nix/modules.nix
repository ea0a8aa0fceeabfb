# The module system of NixOS, as far as nix/module.nix and nix/tests/vm.nix use it: options, types, definitions with conditions and
# priorities, submodules. It is a part of the stand-in for nixpkgs, written for tests where nixpkgs cannot be had.
#
# It does not merge two declarations of one option, sort by mkBefore and mkAfter, rename or remove options, know freeform types or
# `disabledModules`, remember in which file something was said, or tell of options that are defined and never read. A configuration
# that passes here can therefore still fail in NixOS; one that fails here fails there.
argument:
let
  # Given as `lib` or as `{ lib }`.
  lib = argument.lib or argument;

  inherit (builtins)
    all
    attrNames
    concatLists
    concatMap
    concatStringsSep
    elem
    elemAt
    filter
    foldl'
    functionArgs
    head
    isAttrs
    isFloat
    isFunction
    isInt
    isList
    isString
    length
    listToAttrs
    mapAttrs
    ;

  showOption = concatStringsSep ".";
  names = sets: attrNames (foldl' (one: other: one // other) { } sets);
  isDerivation = value: (value.type or null) == "derivation";

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

  # --- Types

  type = description: check: merge: { inherit description check merge; };
  alike =
    path: values:
    if all (value: value == head values) values then
      head values
    else
      throw "The option `${showOption path}' has conflicting definition values.";
  simple = description: check: type description check alike;
  isPositive = value: value > 0;
  between =
    least: most: value:
    isInt value && value >= least && value <= most;

  types = {
    bool = simple "boolean" builtins.isBool;
    int = simple "signed integer" isInt;
    str = simple "string" isString;
    port = simple "16 bit unsigned integer; between 0 and 65535 (both inclusive)" (between 0 65535);
    package = simple "package" isDerivation;
    path = simple "absolute path" (
      value:
      builtins.isPath value
      || isDerivation value
      || (isString value && builtins.match "/.*" value != null)
    );
    ints.positive = simple "positive integer, meaning >0" (value: isInt value && isPositive value);
    numbers.positive = simple "positive integer or floating point number, meaning >0" (
      value: (isInt value || isFloat value) && isPositive value
    );
    strMatching =
      pattern:
      simple "string matching the pattern ${pattern}" (
        value: isString value && builtins.match pattern value != null
      );
    enum =
      choices:
      simple "one of ${concatStringsSep ", " (map builtins.toJSON choices)}" (value: elem value choices);
    nullOr =
      inner:
      type "null or ${inner.description}" (value: value == null || inner.check value) (
        path: values: if elem null values then alike path values else inner.merge path values
      );
    either =
      one: other:
      type "${one.description} or ${other.description}" (value: one.check value || other.check value) (
        path: values: if all one.check values then one.merge path values else other.merge path values
      );
    oneOf = choices: foldl' types.either (head choices) (builtins.tail choices);
    listOf =
      inner:
      type "list of ${inner.description}" isList (
        path: lists: map (value: merged path inner (discharged value)) (concatLists lists)
      );
    attrsOf =
      inner:
      type "attribute set of ${inner.description}" isAttrs (
        path: values:
        let
          sets = concatMap inward values;
          of = name: concatMap (set: if set ? ${name} then discharged set.${name} else [ ]) sets;
        in
        listToAttrs (
          concatMap (
            name:
            # What is only said under a condition that does not hold is not there.
            if of name == [ ] then
              [ ]
            else
              [
                {
                  inherit name;
                  value = merged (path ++ [ name ]) inner (of name);
                }
              ]
          ) (names sets)
        )
      );
    # Sets are merged as deep as they go, lists are joined, and all else has to be the same.
    anything = type "anything" (_: true) (
      path: values:
      if all (value: isAttrs value && !isDerivation value) values then
        (types.attrsOf types.anything).merge path values
      else if all isList values then
        concatLists values
      else
        alike path values
    );
    submodule =
      module:
      type "submodule" (value: isAttrs value || isFunction value) (
        path: values:
        (evalModules {
          modules = [ module ] ++ map (value: if isFunction value then value else { config = value; }) values;
          prefix = path;
          specialArgs.name = elemAt path (length path - 1);
        }).config
      );
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
