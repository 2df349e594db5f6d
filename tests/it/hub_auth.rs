//! The fake GitHub: who may do what, by which token, and cloning over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::hub::{Hub, Permission, history, sign_jwt};
use e2e::repository::git;
use serde_json::{Value, json};

use crate::hub_by_hand::{ByHand, claims, publishing, token};

struct World {
    hub: Hub,
    installation: u64,
    demo: u64,
    other: u64,
}

fn world() -> World {
    let hub = Hub::start().unwrap();
    let demo = hub.repository("octo/demo").file("a.py", "x = 1\n").create().unwrap();
    let other = hub.repository("octo/other").private().file("secret.txt", "s\n").create().unwrap();
    let installation = hub.install("octo", &["octo/demo", "octo/other"]).unwrap();
    World { hub, installation, demo, other }
}

#[tokio::test]
async fn a_jwt_is_held_to_githubs_rules() {
    let hub = Hub::start().unwrap();
    let refused = async |change: fn(&mut Value, i64), words: &str| {
        let mut claims = claims(&hub);
        change(&mut claims, hub.now());
        let got = ByHand::new(&hub).with(&sign_jwt(&claims).unwrap()).get("/app", 401).await;
        assert!(got.body["message"].as_str().unwrap().contains(words), "{}", got.body);
        assert!(got.header("date").is_some());
    };
    refused(|it, now| it["exp"] = json!(now + 3600), "('exp') is too far in the future").await;
    refused(|it, now| it["exp"] = json!(now - 1), "('exp') must be a numeric value").await;
    refused(|it, now| it["iat"] = json!(now + 300), "('iat') must be an Integer").await;
    refused(|it, _| it["iss"] = json!("1"), "Integration not found").await;
    let mut forged = sign_jwt(&claims(&hub)).unwrap();
    forged.replace_range(forged.len() - 8..forged.len() - 4, "AAAA");
    ByHand::new(&hub).with(&forged).get("/app", 401).await;
    ByHand::new(&hub).get("/app", 401).await;
    ByHand::app(&hub).get("/app", 200).await;
    // A fake whose clock is behind takes our time for the future.
    let ours = sign_jwt(&claims(&hub)).unwrap();
    hub.move_clock(-300);
    ByHand::new(&hub).with(&ours).get("/app", 401).await;
    hub.finish().unwrap();
}

#[tokio::test]
async fn a_token_does_what_it_was_made_for() {
    let World { hub, installation, demo, other } = world();
    let issue = hub.user("ann").opens("octo/demo", "t", "b").unwrap();
    let comments = format!("/repos/octo/demo/issues/{}/comments", issue.number);
    let read = ByHand::installed(&hub, installation, &[demo], json!({ "contents": "read", "issues": "read" })).await;
    read.get("/repos/octo/demo", 200).await;
    read.get("/repos/octo/other", 404).await;
    read.send("POST", &comments, json!({ "body": "b" }), 403).await;
    read.get("/repos/octo/demo/pulls", 403).await;
    read.get("/app", 401).await;
    let found = history::check(&hub).unwrap_err();
    assert!(found[0].what.contains("a token for reading"), "{found:?}");

    let write = ByHand::installed(&hub, installation, &[demo], publishing()).await;
    write.send("POST", &comments, json!({ "body": "b" }), 201).await;
    assert_eq!(history::check(&hub).unwrap_err().len(), 1);
    let wide = ByHand::installed(&hub, installation, &[demo, other], publishing()).await;
    wide.send("POST", &comments, json!({ "body": "c" }), 201).await;
    let found = history::check(&hub).unwrap_err();
    assert!(found[1].what.contains("exactly one repository"), "{found:?}");

    let app = ByHand::app(&hub);
    let path = format!("/app/installations/{installation}/access_tokens");
    app.send("POST", &path, json!({ "permissions": { "administration": "write" } }), 422).await;
    app.send("POST", &path, json!({ "repository_ids": [1] }), 422).await;
    app.send("POST", "/app/installations/1/access_tokens", json!({}), 404).await;
    hub.suspend(installation, true).unwrap();
    app.send("POST", &path, json!({}), 403).await;
    write.get("/repos/octo/demo", 403).await;
    hub.suspend(installation, false).unwrap();
    write.get("/repos/octo/demo", 200).await;
    hub.move_clock(3601);
    write.get("/repos/octo/demo", 401).await;
    hub.finish().unwrap();
}

#[tokio::test]
async fn permissions_are_told_by_their_value() {
    let World { hub, installation, demo, .. } = world();
    let api = ByHand::installed(&hub, installation, &[demo], json!({ "metadata": "read" })).await;
    let levels = [
        ("r", Permission::Read, "read", "read"),
        ("t", Permission::Triage, "read", "triage"),
        ("w", Permission::Write, "write", "write"),
        ("m", Permission::Maintain, "write", "maintain"),
        ("a", Permission::Admin, "admin", "admin"),
    ];
    hub.user("stranger");
    let ask =
        async |login: &str| api.get(&format!("/repos/octo/demo/collaborators/{login}/permission"), 200).await.body;
    for (login, permission, coarse, role) in levels {
        hub.grant("octo/demo", login, permission).unwrap();
        let got = ask(login).await;
        assert_eq!((&got["permission"], &got["role_name"]), (&json!(coarse), &json!(role)));
    }
    // A stranger on a public repository may read: the status alone says nothing.
    assert_eq!(ask("stranger").await["permission"], "read");
    hub.privatize("octo/demo").unwrap();
    assert_eq!(ask("stranger").await["permission"], "none");
    hub.finish().unwrap();
}

#[tokio::test]
async fn git_clones_what_the_api_wrote() {
    let World { hub, installation, demo, other } = world();
    let api = ByHand::installed(&hub, installation, &[demo], publishing()).await;
    let main = api.get("/repos/octo/demo/git/ref/heads/main", 200).await.body["object"]["sha"].clone();
    let tree = json!({ "base_tree": main, "tree": [{ "path": "new.py", "mode": "100755", "type": "blob", "content": "y = 2\n" }] });
    let tree = api.send("POST", "/repos/octo/demo/git/trees", tree, 201).await.body["sha"].clone();
    let commit = json!({ "message": "new", "tree": tree, "parents": [main] });
    let commit = api.send("POST", "/repos/octo/demo/git/commits", commit, 201).await.body["sha"].clone();
    let new = json!({ "ref": "refs/heads/fix", "sha": commit });
    api.send("POST", "/repos/octo/demo/git/refs", new, 201).await;

    let read = token(&hub, installation, &[other], json!({ "contents": "read" })).await;
    let header = format!("http.extraHeader=Authorization: Basic {}", STANDARD.encode(format!("x-access-token:{read}")));
    let folder = tempfile::tempdir().unwrap();
    let clone = |name: &str, settings: &[&str], to: &str| {
        let url = format!("{}/{name}.git", hub.origin());
        let mut args = vec!["-c", "credential.helper=", "-c", "core.askPass=true"];
        args.extend(settings);
        args.extend(["clone", "--quiet", &url, to]);
        git(folder.path(), &args)
    };
    clone("octo/demo", &[], "demo").unwrap();
    let files = git(&folder.path().join("demo"), &["ls-tree", "-r", "origin/fix"]).unwrap();
    assert!(files.contains("100755 blob") && files.contains("new.py"), "{files}");
    clone("octo/other", &["-c", &header], "other").unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("other/secret.txt")).unwrap(), "s\n");
    assert!(clone("octo/other", &[], "nobody").is_err());
    let seen = hub.requests().into_iter().filter(|it| it.operation == "git/upload-pack").count();
    assert!(seen >= 4, "{seen}");
    assert_eq!(history::check(&hub), Ok(()));
    // The name that it had leads to the name that it has.
    hub.rename("octo/demo", "sample").unwrap();
    clone("octo/demo", &[], "renamed").unwrap();
    // A token that may write is no token to read with.
    let write = token(&hub, installation, &[other], publishing()).await;
    let header =
        format!("http.extraHeader=Authorization: Basic {}", STANDARD.encode(format!("x-access-token:{write}")));
    clone("octo/other", &["-c", &header], "again").unwrap();
    assert!(history::check(&hub).unwrap_err()[0].what.contains("clones with a token that may write"));
    git(&folder.path().join("demo"), &["checkout", "--quiet", "-b", "pushed"]).unwrap();
    assert!(git(&folder.path().join("demo"), &["push", "--quiet", "origin", "pushed"]).is_err());
    assert!(hub.take_violations()[0].contains("nothing is to be pushed by git"));
    hub.finish().unwrap();
}
