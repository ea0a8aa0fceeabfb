# The types of options, in the words of nixpkgs. How values are merged at the places of sets and lists, modules.nix says.
{
  showOption,
  names,
  inward,
  discharged,
  merged,
  evalModules,
}:
let
  inherit (builtins)
    all
    concatLists
    concatMap
    concatStringsSep
    elem
    elemAt
    foldl'
    head
    isAttrs
    isFloat
    isFunction
    isInt
    isList
    isString
    length
    listToAttrs
    ;

  isDerivation = value: (value.type or null) == "derivation";

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
in
types
