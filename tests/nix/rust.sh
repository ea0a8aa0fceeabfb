# One build by cargo. All builds share one folder for the source and one for what was built ($HOST_BUILD, by deploy/nix), one after
# another, so that each compiles only what none before it has: two minutes instead of ten.
# shellcheck shell=bash disable=SC2154
exec 9>"$HOST_BUILD/lock"
flock 9

# The source is put where those before it were. Cargo goes by times, and all files of the Nix store are of 1970: a file that was here
# with the same content before, in whichever source, keeps its time of then, and any other one is new.
tree=$HOST_BUILD/source seen=$HOST_BUILD/seen
rm -rf "$tree"
cp -r --no-preserve=mode,timestamps "$src" "$tree"
cd "$tree"
find . -type f | while read -r file; do
    if cmp -s "$file" "$seen/$file"; then
        touch -r "$seen/$file" "$file"
    else
        mkdir -p "$seen/${file%/*}"
        cp -p "$file" "$seen/$file"
    fi
done

[ -f Cargo.lock ] || { echo "Cargo.lock is not in the source" >&2; exit 1; }
cmp Cargo.lock "$lockFile" || { echo "the source has another Cargo.lock than cargoLock.lockFile" >&2; exit 1; }
# Compiled C depends on it, and was compiled without.
unset SOURCE_DATE_EPOCH
export CARGO_HOME=$HOST_CARGO_HOME CARGO_TARGET_DIR=$HOST_BUILD/target CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never \
    CARGO_INCREMENTAL=0

# Only programs that this build makes can be installed by it.
find "$CARGO_TARGET_DIR/debug" -maxdepth 1 -type f -delete 2>/dev/null || true
if [ -n "$buildPhase" ]; then
    eval "$buildPhase"
else
    # shellcheck disable=SC2086 # words on purpose
    cargo build --offline --locked $flags
fi
if [ -n "$installPhase" ]; then
    eval "$installPhase"
else
    mkdir -p "$out/bin"
    find "$CARGO_TARGET_DIR/debug" -maxdepth 1 -type f -perm -100 -exec cp -t "$out/bin" {} +
    strip "$out"/bin/*
fi
