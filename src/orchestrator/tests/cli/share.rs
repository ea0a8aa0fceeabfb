//! `ytorch share` and `ytorch render proxy`, with a stand-in server. The real proxies judge the sites end to end.

use super::Root;

#[test]
fn a_friend_gets_a_link_that_works_once_or_the_token() {
    let root = Root::running("friend");
    let url = root.run(&["status", "friend", "--json"]).ok().json()["url"].as_str().unwrap().to_owned();
    let told = root.run(&["share", "friend"]).ok().stdout;
    let port = url.rsplit_once(':').unwrap().1;
    let tunnel = format!("ssh -N -L {port}:127.0.0.1:{port} ");
    for words in [&format!("link: {url}/login?code=abc\n"), &tunnel, "once", "render proxy friend"] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    let token = root.run(&["token", "friend"]).ok().stdout;
    assert!(!told.contains(token.trim()), "the token was not asked for");
    let told = root.run(&["share", "friend", "--token", "--json"]).ok().json();
    assert_eq!((&told["token"], &told["url"]), (&token.trim().into(), &serde_json::Value::Null));
    let via = root.run(&["share", "friend", "--via", "https://friend.example.org/"]).ok().stdout;
    assert!(via.contains("link: https://friend.example.org/login?code=abc\n"), "{via}");
    assert!(via.contains("ytorch set friend --host-name friend.example.org") && !via.contains("ssh"), "{via}");
    root.run(&["set", "friend", "--host-name", "friend.example.org"]).ok();
    let via = root.run(&["share", "friend", "--via", "https://friend.example.org"]).ok().stdout;
    assert!(!via.contains("ytorch set"), "{via}");
    for wrong in ["friend.example.org", "ftp://a", "https://", "https://a/b", "https://me:secret@a", "https://a b"] {
        root.run(&["share", "friend", "--via", wrong]).fails(2, &["is not an address"]);
    }
    root.run(&["stop", "friend"]).ok();
    root.run(&["share", "friend"]).fails(4, &["ytorch start friend"]);
    root.run(&["share", "nobody"]).fails(6, &["nobody"]);
}

#[test]
fn the_sites_are_these() {
    let root = Root::created("friend");
    let address = root.run(&["status", "friend", "--json"]).ok().json()["url"].as_str().unwrap().to_owned();
    let address = address.trim_start_matches("http://");
    let golden = [("caddy", include_str!("proxy/Caddyfile")), ("nginx", include_str!("proxy/nginx.conf"))];
    for (kind, text) in golden {
        let words = ["render", "proxy", "friend", "--host-name", "Friend.example.org", "--kind", kind];
        let ended = root.run(&words).ok();
        assert_eq!(ended.stdout, text.replace("ADDRESS", address), "{kind}");
        assert!(ended.stderr.contains("ytorch set friend --host-name friend.example.org"), "{}", ended.stderr);
    }
    root.run(&["render", "proxy", "friend", "--host-name", "a b"]).fails(2, &["host-name"]);
    root.run(&["render", "proxy", "friend", "--host-name", "a", "--over", "unix"]).fails(3, &["--over tcp"]);
    root.run(&["render", "proxy", "friend"]).fails(2, &["--host-name"]);
}
