#!/usr/bin/env python3
"""Cuts GitHub's descriptions, payload examples and recordings to what the fake GitHub serves.

    tests/scripts/cut_github.py DATA tests/fixtures/github

DATA is a folder with `openapi/api.github.com.cut.json`, `openapi/ghes-3.19.cut.json`, `graphql/github-graphql.cut.json`,
`webhooks/{examples,schemas}` and `recordings/hub4j`, as the NOTICES file of the fixtures names their origins. The same input gives the
same bytes. Prose goes away; what is validated stays; of the examples one for each answer stays, for the fake fills it with its state.
"""

import json
import pathlib
import re
import sys

# What the fake serves: methods, then the path.
OPERATIONS = """
get /app
post /app-manifests/{code}/conversions
get,patch /app/hook/config
get /app/hook/deliveries
get /app/hook/deliveries/{delivery_id}
post /app/hook/deliveries/{delivery_id}/attempts
get /app/installations
get,delete /app/installations/{installation_id}
post /app/installations/{installation_id}/access_tokens
put,delete /app/installations/{installation_id}/suspended
get /installation/repositories
delete /installation/token
get /meta
get /orgs/{org}/installation
get /rate_limit
get /repos/{owner}/{repo}
get /repos/{owner}/{repo}/actions/jobs/{job_id}/logs
get /repos/{owner}/{repo}/actions/runs
get /repos/{owner}/{repo}/actions/runs/{run_id}/jobs
get /repos/{owner}/{repo}/assignees
get /repos/{owner}/{repo}/branches
get /repos/{owner}/{repo}/branches/{branch}
post /repos/{owner}/{repo}/check-runs
get,patch /repos/{owner}/{repo}/check-runs/{check_run_id}
get /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations
get /repos/{owner}/{repo}/check-suites/{check_suite_id}
get /repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs
get /repos/{owner}/{repo}/collaborators/{username}/permission
get /repos/{owner}/{repo}/commits
get /repos/{owner}/{repo}/commits/{commit_sha}/pulls
get /repos/{owner}/{repo}/commits/{ref}
get /repos/{owner}/{repo}/commits/{ref}/check-runs
get /repos/{owner}/{repo}/commits/{ref}/check-suites
get /repos/{owner}/{repo}/commits/{ref}/status
get /repos/{owner}/{repo}/compare/{basehead}
get /repos/{owner}/{repo}/contents/{path}
post /repos/{owner}/{repo}/git/blobs
get /repos/{owner}/{repo}/git/blobs/{file_sha}
post /repos/{owner}/{repo}/git/commits
get /repos/{owner}/{repo}/git/commits/{commit_sha}
get /repos/{owner}/{repo}/git/matching-refs/{ref}
get /repos/{owner}/{repo}/git/ref/{ref}
post /repos/{owner}/{repo}/git/refs
patch,delete /repos/{owner}/{repo}/git/refs/{ref}
post /repos/{owner}/{repo}/git/trees
get /repos/{owner}/{repo}/git/trees/{tree_sha}
get /repos/{owner}/{repo}/installation
get /repos/{owner}/{repo}/issues
get /repos/{owner}/{repo}/issues/comments
get,patch,delete /repos/{owner}/{repo}/issues/comments/{comment_id}
get,post /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions
delete /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}
get,patch /repos/{owner}/{repo}/issues/{issue_number}
get,post /repos/{owner}/{repo}/issues/{issue_number}/comments
get,post,put,delete /repos/{owner}/{repo}/issues/{issue_number}/labels
delete /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}
get,post /repos/{owner}/{repo}/issues/{issue_number}/reactions
delete /repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}
get /repos/{owner}/{repo}/issues/{issue_number}/timeline
get,post /repos/{owner}/{repo}/labels
get /repos/{owner}/{repo}/labels/{name}
get,post /repos/{owner}/{repo}/pulls
get /repos/{owner}/{repo}/pulls/comments
get,patch /repos/{owner}/{repo}/pulls/comments/{comment_id}
get,post /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions
delete /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}
get,patch /repos/{owner}/{repo}/pulls/{pull_number}
get /repos/{owner}/{repo}/pulls/{pull_number}/comments
post /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies
get /repos/{owner}/{repo}/pulls/{pull_number}/commits
get /repos/{owner}/{repo}/pulls/{pull_number}/files
get /repos/{owner}/{repo}/pulls/{pull_number}/merge
get /repos/{owner}/{repo}/pulls/{pull_number}/reviews
get /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}
get /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments
put /repos/{owner}/{repo}/pulls/{pull_number}/update-branch
get /repos/{owner}/{repo}/rules/branches/{branch}
get /search/issues
get /users/{username}
get /users/{username}/installation
"""

MUTATIONS = [
    "minimizeComment", "createLinkedBranch", "resolveReviewThread", "convertPullRequestToDraft", "markPullRequestReadyForReview",
    "createCommitOnBranch",
]

# Event, action (none: the event has no actions), and the example that is filled where the action has none of its own.
EVENTS = """
check_run completed
check_run created
check_run rerequested
check_run requested_action
check_suite completed
installation created
installation deleted
installation suspend
installation unsuspend
installation_repositories added
installation_repositories removed
issue_comment created
issue_comment deleted
issue_comment edited
issues assigned
issues closed reopened
issues deleted
issues edited
issues labeled
issues locked
issues opened
issues reopened
issues transferred
issues unlabeled
member added
member edited
member removed added
ping -
pull_request closed
pull_request converted_to_draft
pull_request edited opened
pull_request opened
pull_request ready_for_review
pull_request reopened
pull_request synchronize
pull_request_review submitted
pull_request_review_comment created
pull_request_review_comment deleted
pull_request_review_comment edited
push -
repository archived privatized
repository deleted privatized
repository privatized
repository renamed
repository transferred
repository unarchived privatized
star created
workflow_run completed
"""

# Scenario files and the statuses that are kept of them; none: all.
RECORDINGS = {
    "AbuseLimitHandlerTest": {403, 429},
    "RateLimitHandlerTest": {403, 429},
    "extras.authorization.JWTTokenProviderTest": {401},
    "AppInstallationAuthorizationProviderTest": {401},
    "extras.authorization.AuthorizationTokenRefreshTest": {401},
    "GHAppInstallationTest": {403, 404},
    "GHIssueEventTest": {422},
    "GHPullRequestTest": {404, 422},
    "GHCheckRunBuilderTest": {422},
    "GHRepositoryTest": {403, 404, 422},
    "GHBranchTest": {404, 409, 422},
    "GHRepositoryForkBuilderTest": {404},
    "GHContentIntegrationTest": {404, 409, 422},
}

PROSE = {"description", "summary", "externalDocs", "tags", "x-github", "x-octokit", "x-github-breaking-changes", "title", "example", "deprecated"}


def stripped(value, names_are_ours=False):
    """A copy without prose. Below `properties` and the like, keys are names of fields and all stay."""
    if isinstance(value, dict):
        kept = {}
        for key, inner in value.items():
            if not names_are_ours and (key in PROSE or key.startswith("x-")):
                continue
            if key in ("examples", "default") and not names_are_ours:
                continue
            if key in ("enum", "const") and not names_are_ours:
                kept[key] = inner
                continue
            kept[key] = stripped(inner, not names_are_ours and key in ("properties", "patternProperties", "definitions"))
        return kept
    if isinstance(value, list):
        return [stripped(inner) for inner in value]
    return value


def references(value, found):
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/components/"):
            found.add(reference)
        for inner in value.values():
            references(inner, found)
    elif isinstance(value, list):
        for inner in value:
            references(inner, found)


def resolve(document, value):
    """Follows references to what they name."""
    while isinstance(value, dict) and "$ref" in value:
        found = document
        for part in value["$ref"].split("/")[1:]:
            found = found[part]
        value = found
    return value


def operation(document, source):
    """What is validated of an operation, with the first example of each JSON answer that has a body."""
    kept = {"operationId": source["operationId"], "parameters": []}
    for parameter in source.get("parameters", []):
        parameter = resolve(document, parameter)
        kept["parameters"].append(
            {key: stripped(parameter[key]) for key in ("name", "in", "required", "schema") if key in parameter}
        )
    content = source.get("requestBody", {}).get("content", {})
    body = content.get("application/json") or next(iter(content.values()), None)
    if body:
        kept["body"] = {"required": source["requestBody"].get("required", False), "schema": stripped(body.get("schema", {}))}
    kept["responses"] = {}
    for status, response in source["responses"].items():
        response = resolve(document, response)
        answer = {}
        content = response.get("content", {}).get("application/json")
        if content:
            answer["schema"] = stripped(content.get("schema", {}))
            example = content.get("example")
            if example is None and content.get("examples"):
                example = resolve(document, next(iter(content["examples"].values())))
                example = resolve(document, example.get("value")) if isinstance(example, dict) else None
            if isinstance(example, dict) and "value" in example and all(key == "value" or key in PROSE for key in example):
                example = example["value"]
            if example is not None and status.startswith("2"):
                answer["example"] = example
        kept["responses"][status] = answer
    return kept


def corrected(document):
    """Mends the one contradiction of the description: the list of installations wants its accounts to be users and enterprises at once."""
    items = document["paths"]["/app/installations"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    items["items"] = {"$ref": "#/components/schemas/installation"}
    return document


def cut(document):
    document = corrected(document)
    paths = {}
    for line in OPERATIONS.strip().splitlines():
        methods, path = line.split()
        source = document["paths"].get(path)
        for method in methods.split(","):
            if source and method in source:
                paths.setdefault(path, {})[method] = operation(document, source[method])
            else:
                print(f"not described: {method} {path}", file=sys.stderr)
    schemas = {}
    wanted = set()
    references(paths, wanted)
    while wanted:
        name = wanted.pop().split("/")[-1]
        if name not in schemas:
            schemas[name] = stripped(document["components"]["schemas"][name])
            references(schemas[name], wanted)
    return {"paths": paths, "schemas": dict(sorted(schemas.items()))}


def without_examples(it):
    answers = {status: {key: part for key, part in answer.items() if key != "example"} for status, answer in it["responses"].items()}
    return json.dumps({**it, "responses": answers}, sort_keys=True)


def difference(base, other):
    """The operations and schemas of `other` that `base` has not, or has otherwise; of answers the examples do not count."""
    paths = {}
    for path, methods in other["paths"].items():
        for method, it in methods.items():
            if path not in base["paths"] or method not in base["paths"][path] or without_examples(base["paths"][path][method]) != without_examples(it):
                for answer in it["responses"].values():
                    answer.pop("example", None)
                paths.setdefault(path, {})[method] = it
    missing = sorted(
        f"{method} {path}"
        for path, methods in base["paths"].items()
        for method in methods
        if method not in other["paths"].get(path, {})
    )
    schemas = {name: it for name, it in other["schemas"].items() if base["schemas"].get(name) != it}
    return {"paths": paths, "schemas": schemas, "missing": missing}


def graphql(document):
    mutations = [it for it in document["mutations"] if it["name"] in MUTATIONS]
    types = document["types"]
    types = types if isinstance(types, list) else list(types.values())
    by_name = {it["name"]: it for it in types}
    named = lambda it: it.get("name") or named(it["ofType"])
    wanted = [named(argument["type"]) for it in mutations for argument in it["args"]]
    inputs = {}
    while wanted:
        name = wanted.pop()
        if name in inputs or name not in by_name:
            continue
        it = by_name[name]
        fields = it.get("inputFields") or []
        inputs[name] = {
            "kind": it["kind"],
            "fields": {field["name"]: field["type"] for field in fields},
            "values": [value["name"] for value in it.get("enumValues") or []],
        }
        wanted += [named(field["type"]) for field in fields]
    return {"mutations": {it["name"]: {a["name"]: a["type"] for a in it["args"]} for it in mutations}, "inputs": inputs}


def webhooks(root):
    examples, schemas, shared = {}, {}, {}
    for line in EVENTS.strip().splitlines():
        event, action, *instead = line.split()
        key = event if action == "-" else f"{event}.{action}"
        template = action if not instead else instead[0]
        names = [f"{template}.with-installation.payload.json", f"{template}.payload.json"]
        if action == "-":
            names = ["with-installation.payload.json", "with-app_id.payload.json", "payload.json"]
        path = next(it for it in (root / "examples" / event / name for name in names) if it.exists())
        examples[key] = json.loads(path.read_text())
        if instead:
            examples[key]["action"] = action
        schema = root / "schemas" / event / f"{'event' if action == '-' else action}.schema.json"
        schemas[key] = stripped(json.loads(schema.read_text()))
    wanted = re.findall(r'"\$ref": "(common/[^"#]+)', json.dumps(schemas))
    while wanted:
        name = wanted.pop()
        if name not in shared:
            shared[name] = stripped(json.loads((root / "schemas" / name).read_text()))
            wanted += re.findall(r'"\$ref": "(common/[^"#]+)', json.dumps(shared[name]))
            wanted += ["common/" + it for it in re.findall(r'"\$ref": "([a-z-_]+\.schema\.json)', json.dumps(shared[name]))]
    return {"examples": examples, "schemas": schemas, "common": dict(sorted(shared.items()))}


def recordings(root):
    kept = {}
    for folder, statuses in RECORDINGS.items():
        for path in sorted((root / folder).glob("*.json")):
            exchanges = []
            for exchange in json.loads(path.read_text())["exchanges"]:
                response = exchange["response"]
                if response["status"] in statuses:
                    request = {key: exchange["request"].get(key) for key in ("method", "url", "urlPath") if exchange["request"].get(key)}
                    headers = {k: v for k, v in response.get("headers", {}).items() if not k.startswith("X-OAuth") and not k.startswith("X-Accepted")}
                    body = response.get("jsonBody")
                    answer = {"status": response["status"], "headers": headers, "body": json.dumps(body) if body is not None else response.get("body", "")}
                    exchanges.append({"request": request, "response": answer})
            if exchanges:
                kept[f"{folder}/{path.stem}"] = exchanges
    return kept


def write(path, value):
    """One line for each of the parts, so that a change shows where it is."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict):
            parts = ",\n".join(f"{json.dumps(name)}:{json.dumps(it, ensure_ascii=False, separators=(',', ':'))}" for name, it in inner.items())
            lines.append(f"{json.dumps(key)}:{{\n{parts}\n}}")
        else:
            lines.append(f"{json.dumps(key)}:{json.dumps(inner, ensure_ascii=False, separators=(',', ':'))}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path}: {path.stat().st_size:,} bytes")


def main():
    data, out = map(pathlib.Path, sys.argv[1:3])
    load = lambda name: json.loads((data / name).read_text())
    api = cut(load("openapi/api.github.com.cut.json"))
    write(out / "api.github.com.json", api)
    write(out / "ghes-3.19.json", difference(api, cut(load("openapi/ghes-3.19.cut.json"))))
    write(out / "graphql.json", graphql(load("graphql/github-graphql.cut.json")))
    write(out / "webhooks.json", webhooks(data / "webhooks"))
    write(out / "recordings.json", recordings(data / "recordings" / "hub4j"))


if __name__ == "__main__":
    main()
