//! Tells `build_info` what only the build knows. The commit is not among it: a new commit alone shall compile nothing anew.

use std::{env, fs, path::Path, process::Command};

use sha2::{Digest as _, Sha256};

#[path = "src/hexadecimal.rs"]
#[expect(unreachable_pub, reason = "it is public in the library")]
mod hexadecimal;

fn main() {
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the folder of the package");
    let lock = Path::new(&folder).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    println!("cargo::rerun-if-changed=build.rs");
    let text = fs::read(&lock).expect("Cargo.lock lies at the top of the repository");
    println!("cargo::rustc-env=YTORCH_LOCK_SHA256={}", hexadecimal::hexadecimal(&Sha256::digest(text)));

    let compiler = env::var_os("RUSTC").expect("cargo names the compiler");
    let answer = Command::new(compiler).arg("--version").output().expect("the compiler says its version");
    println!("cargo::rustc-env=YTORCH_TOOLCHAIN={}", String::from_utf8_lossy(&answer.stdout).trim());
    for (variable, told) in [("YTORCH_TARGET", "TARGET"), ("YTORCH_PROFILE", "PROFILE")] {
        println!("cargo::rustc-env={variable}={}", env::var(told).expect("cargo tells build scripts"));
    }
}
