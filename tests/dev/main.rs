//! What `blockhouse dev` and the other commands promise, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod launched;
mod sandbox;

use launched::{Dev, PROGRAM, complaint, dev_command, heard, output, request, signal};
use nix::sys::signal::Signal;
use std::{
    fs, io::ErrorKind, net::TcpListener, os::unix::fs::PermissionsExt, path::Path,
    process::Command, time::Duration,
};

/// Small, so that zeros are written quickly.
const SIZE: [&str; 2] = ["--device-size", "64MiB"];

#[test]
fn the_first_start_makes_a_node_and_the_second_finds_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("it's here");
    let dev = Dev::start(
        &dir,
        &[&SIZE[..], &["--devices", "2", "--second-account"]].concat(),
    );
    for name in [
        "env",
        "env.alt",
        "dev.toml",
        "keys.toml",
        "dev0.img",
        "dev1.img",
        "tls/key.pem",
    ] {
        let mode = fs::metadata(dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let (first, second) = (dev.variables("env"), dev.variables("env.alt"));
    assert_eq!(first["AWS_REGION"], "local-1");
    assert_eq!(first["AWS_DEFAULT_REGION"], "local-1");
    assert!(first["AWS_ENDPOINT_URL_S3"].starts_with("http://127.0.0.1:"));
    assert_eq!(first["AWS_ENDPOINT_URL_IAM"], first["BLOCKHOUSE_ADMIN"]);
    assert!(first["BLOCKHOUSE_ENDPOINT_S3_TLS"].starts_with("https://127.0.0.1:"));
    assert_ne!(first["AWS_ACCESS_KEY_ID"], second["AWS_ACCESS_KEY_ID"]);
    let ready = format!("{}/readyz", first["BLOCKHOUSE_ADMIN"]);
    assert_eq!(request("GET", &ready, ""), (200, "ready\n".to_owned()));

    assert_eq!(dev.ask("PUT", "s3://first", "").0, 200);
    assert_eq!(dev.ask("PUT", "s3://first/ein/Schlüssel", "hello").0, 200);
    dev.end();
    assert!(!dir.join("run/node.pid").exists());

    let dev = Dev::start(&dir, &[]);
    assert_eq!(
        dev.ask("GET", "s3://first/ein/Schlüssel", ""),
        (200, "hello".to_owned())
    );
    let again = dev.variables("env");
    assert_eq!(
        again["AWS_SECRET_ACCESS_KEY"],
        first["AWS_SECRET_ACCESS_KEY"]
    );
    let metrics = request("GET", &format!("{}/metrics", again["BLOCKHOUSE_ADMIN"]), "").1;
    for name in [
        "s3_requests_total{operation=\"GetObject\",status=\"2xx\"} 1",
        "s3_request_duration_seconds_bucket",
        "engine_frames_total",
        "engine_flushes_total",
        "engine_space_free_bytes",
        "engine_queue_orders",
        "verifier_questions_total 1\n",
        "verifier_frames_total 1\n",
        "verifier_accepted_total 1\n",
        "verifier_refused_total{class=\"signature\"} 0\n",
        "verifier_waiting_questions 0\n",
        "verifier_sockets_broken_total 0\n",
        "verifier_looking_nanoseconds_total",
        "digest_hashed_bytes_total",
        "digest_lanes_used_total",
    ] {
        assert!(
            metrics.contains(&format!("\nblockhouse_{name}")),
            "{name} in\n{metrics}"
        );
    }
    assert!(metrics.ends_with("# EOF\n"));
    dev.end();

    let looked = output(Command::new(PROGRAM).arg("fsck").arg(&dir));
    assert!(
        looked.status.success(),
        "{}",
        String::from_utf8_lossy(&looked.stdout)
    );
}

/// From the third time on the kernel sends it from memory; what arrives is the same, also of a part, by a
/// client that reads while the object is replaced.
#[test]
fn a_large_object_that_is_read_again_arrives_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    let dev = Dev::start(&dir, &["--io-threads", "1"]);
    let body = |fill: usize| {
        let lines =
            (0..60_000).map(|n| format!("{fill} {n} what is stored is what is read, {n:032x}\n"));
        lines.collect::<String>()
    };
    assert_eq!(dev.ask("PUT", "s3://again", "").0, 200);
    let pieces_from_memory = || {
        let metrics = format!("{}/metrics", dev.variables("env")["BLOCKHOUSE_ADMIN"]);
        let text = request("GET", &metrics, "").1;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("blockhouse_engine_read_cache_piece_hits_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    for fill in [1, 2] {
        let body = body(fill);
        assert!(body.len() > 2 << 20);
        assert_eq!(dev.ask("PUT", "s3://again/large", &body).0, 200);
        let before = pieces_from_memory();
        for _ in 0..4 {
            assert!(dev.ask("GET", "s3://again/large", "") == (200, body.clone()));
        }
        assert!(pieces_from_memory() >= before + 4, "two pieces, twice");
    }
    let slowly = dev.open("GET", "s3://again/large");
    assert_eq!(dev.ask("PUT", "s3://again/large", &body(3)).0, 200);
    for _ in 0..3 {
        assert!(dev.ask("GET", "s3://again/large", "").1 == body(3));
    }
    assert!(heard(slowly) == (200, body(2)));
    dev.end();
}

#[test]
fn what_the_node_was_made_with_does_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    Dev::start(&dir, &SIZE).end();
    let refused = complaint(&output(&mut dev_command(
        &dir,
        &["--device-size", "128MiB"],
    )));
    assert!(refused.contains("--device-size"), "{refused}");
    let refused = complaint(&output(&mut dev_command(&dir, &["--devices", "2"])));
    assert!(refused.contains("--devices 2"), "{refused}");
    Dev::start(&dir, &[&SIZE[..], &["--devices", "1"]].concat()).end();
}

#[test]
fn a_lost_pool_is_not_replaced_by_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    Dev::start(&dir, &SIZE).end();
    fs::write(dir.join("dev0.img"), vec![0; 64 << 20]).unwrap();
    let refused = complaint(&output(&mut dev_command(&dir, &[])));
    assert!(refused.contains("no superblock"), "{refused}");
}

#[test]
fn a_taken_port_is_named_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    let taken = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let _holder = TcpListener::bind(&taken).unwrap();
    for listener in ["--s3", "--s3-tls", "--admin"] {
        let refused = complaint(&output(&mut dev_command(&dir, &[listener, &taken])));
        assert!(refused.contains(&taken), "{refused}");
    }
    assert!(!dir.join("dev0.img").exists());
}

#[test]
fn it_listens_twice_and_on_ipv6() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--s3", "127.0.0.1:0", "--s3", "[::1]:0"];
    let dev = Dev::start(
        &folder.path().join("node"),
        &[&SIZE[..], &arguments].concat(),
    );
    let log = dev.log();
    assert!(
        log.contains("s3=127.0.0.1:") && log.contains("s3=[::1]:"),
        "{log}"
    );
    dev.end();
}

#[test]
fn sigterm_to_the_node_ends_everything_well() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(&folder.path().join("node"), &SIZE);
    signal(dev.node_pid(), Signal::SIGTERM);
    assert_eq!(dev.wait(Duration::from_secs(30)), Some(0));
}

#[test]
fn a_node_that_is_killed_ends_everything_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    let dev = Dev::start(&dir, &[&SIZE[..], &["--io", "plain"]].concat());
    assert_eq!(dev.ask("PUT", "s3://first", "").0, 200);
    assert_eq!(dev.ask("PUT", "s3://first/key", "hello").0, 200);
    signal(dev.node_pid(), Signal::SIGKILL);
    assert_eq!(dev.wait(Duration::from_secs(5)), Some(1));

    // Stale files of a life before.
    fs::write(dir.join("run/node.pid"), "999999\n").unwrap();
    let dev = Dev::start(&dir, &[]);
    assert_eq!(
        dev.ask("GET", "s3://first/key", ""),
        (200, "hello".to_owned())
    );
    dev.end();
}

#[test]
fn a_launcher_that_is_killed_takes_the_node_along_and_a_new_one_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    let dev = Dev::start(&dir, &SIZE);
    assert_eq!(dev.ask("PUT", "s3://first", "").0, 200);
    signal(dev.pid(), Signal::SIGKILL);
    let next = Dev::start(&dir, &[]);
    assert_eq!(next.ask("PUT", "s3://first/key", "hello").0, 200);
    assert_eq!(dev.wait(Duration::from_secs(30)), None);
    next.end();
}

#[test]
fn a_second_start_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    let dev = Dev::start(&dir, &SIZE);
    let refused = complaint(&output(&mut dev_command(&dir, &[])));
    assert!(
        refused.contains(&format!("process {}", dev.pid())),
        "{refused}"
    );
    dev.end();
}

#[test]
fn secrets_are_in_no_argument_no_environment_and_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    let dev = Dev::start(&dir, &[&SIZE[..], &["--log", "trace"]].concat());
    assert_eq!(dev.ask("PUT", "s3://first", "").0, 200);
    assert_eq!(dev.ask("GET", "s3://first/nothing", "").0, 404);
    let secret = &dev.variables("env")["AWS_SECRET_ACCESS_KEY"];
    for pid in [dev.pid(), dev.node_pid()] {
        for file in ["cmdline", "environ"] {
            let seen = match fs::read(format!("/proc/{pid}/{file}")) {
                // The node shows it to nobody but root.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => continue,
                seen => seen.unwrap(),
            };
            let seen = String::from_utf8_lossy(&seen);
            assert!(!seen.contains(secret), "{file} of {pid}");
            assert!(
                !seen.contains("AWS_") || file == "cmdline",
                "{file} of {pid}: {seen}"
            );
        }
    }
    let log = dev.log();
    assert!(log.contains("\"operation\":\"CreateBucket\""), "{log}");
    assert!(!log.contains(secret));
    // A link is a credential as well, for as long as it lives.
    assert!(!log.contains("X-Amz-Signature"));
    dev.end();
}

#[test]
fn a_certificate_near_its_end_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node");
    let ca = |dir: &Path| fs::read_to_string(dir.join("ca.pem")).unwrap();
    Dev::start(&dir, &SIZE).end();
    let first = ca(&dir);
    Dev::start(&dir, &[]).end();
    assert_eq!(ca(&dir), first);
    let about = dir.join("tls/certificate.toml");
    let text = fs::read_to_string(&about).unwrap();
    let (before, _) = text.split_once("until_secs").unwrap();
    fs::write(&about, format!("{before}until_secs = 0\n")).unwrap();
    Dev::start(&dir, &[]).end();
    assert_ne!(ca(&dir), first);
    // The authority's key was never written.
    for file in fs::read_dir(&dir)
        .unwrap()
        .chain(fs::read_dir(dir.join("tls")).unwrap())
    {
        let path = file.unwrap().path();
        let key = path.ends_with("tls/key.pem");
        if path.extension().is_some_and(|end| end == "pem") {
            assert_eq!(
                fs::read_to_string(&path).unwrap().contains("PRIVATE"),
                key,
                "{path:?}"
            );
        }
    }
}

#[test]
fn a_link_lives_a_second_to_a_week() {
    let presign = |expires: &str| {
        let mut command = Command::new(PROGRAM);
        command
            .args([
                "presign",
                "--offline",
                "s3://bucket/key",
                "--expires",
                expires,
            ])
            .env_clear()
            .envs([
                ("AWS_ACCESS_KEY_ID", "AKIA"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000"),
            ]);
        output(&mut command)
    };
    for good in ["1", "604800"] {
        let link = String::from_utf8(presign(good).stdout).unwrap();
        assert!(link.contains(&format!("X-Amz-Expires={good}&")), "{link}");
    }
    for bad in ["0", "604801", "-1", "soon"] {
        assert!(!complaint(&presign(bad)).is_empty());
    }
    let help = output(Command::new(PROGRAM).args(["presign", "--help"])).stdout;
    assert!(
        String::from_utf8(help)
            .unwrap()
            .contains("[default: 432000]")
    );
}

/// The help texts are the manual. `BLOCKHOUSE_GOLDEN=renew cargo test --test dev` writes them anew.
#[test]
fn the_help_texts_are_as_agreed() {
    let mut text = String::new();
    for command in [
        &[][..],
        &["dev"],
        &["presign"],
        &["link", "revoke"],
        &["link", "list"],
        &["address-list", "get"],
        &["address-list", "set"],
        &["policy", "lint"],
        &["policy", "simulate"],
        &["policy", "explain"],
        &["identity"],
        &["identity", "apply"],
        &["identity", "show"],
        &["identity", "create-user"],
        &["identity", "delete-user"],
        &["identity", "create-role"],
        &["identity", "create-policy"],
        &["identity", "attach-policy"],
        &["identity", "put-policy"],
        &["identity", "set-boundary"],
        &["identity", "create-access-key"],
        &["identity", "list-access-keys"],
        &["identity", "update-access-key"],
        &["identity", "delete-access-key"],
        &["token"],
        &["inspect"],
        &["fsck"],
    ] {
        let help = output(
            Command::new(PROGRAM)
                .args(command)
                .arg("--help")
                .env_clear(),
        );
        let typed = [&["blockhouse"], command, &["--help"]].concat().join(" ");
        text += &format!("$ {typed}\n{}\n", String::from_utf8(help.stdout).unwrap());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help.txt");
    if std::env::var_os("BLOCKHOUSE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}
