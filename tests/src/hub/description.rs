//! GitHub's own description of its interface, cut to what is served: which operations there are, and what a request and an answer may hold.
//!
//! The description is OpenAPI 3.0. What differs from JSON Schema (`nullable`) is rewritten once when it is loaded; each part is compiled
//! when it is first needed and kept for the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow};
use jsonschema::{Draft, Registry, Resource, Validator};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

const API: &str = include_str!("../../fixtures/github/api.github.com.json");
const ENTERPRISE: &str = include_str!("../../fixtures/github/ghes-3.19.json");
/// Where the schemas that others refer to lie.
const BASE: &str = "json-schema:///github";
/// Violations listed of one body.
const LISTED: usize = 8;

/// Which GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// github.com.
    Cloud,
    /// GitHub Enterprise Server 3.19.
    Enterprise,
}

/// The description of one edition.
pub(crate) struct Description {
    operations: Vec<Operation>,
    registry: Registry,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One operation: a method on a path.
pub(crate) struct Operation {
    /// GitHub's name of it, `issues/create-comment`.
    pub(crate) id: String,
    /// In capitals.
    pub(crate) method: String,
    segments: Vec<Segment>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: BTreeMap<u16, Answer>,
}

enum Segment {
    Fixed(String),
    Named(String),
}

struct Parameter {
    name: String,
    within: String,
    required: bool,
    schema: Value,
}

struct Body {
    required: bool,
    schema: Value,
}

struct Answer {
    schema: Option<Value>,
    example: Option<Value>,
}

/// The values of a path's named parts.
pub(crate) type PathValues = BTreeMap<String, String>;

impl Description {
    /// Returns the description of an edition, read once for the process.
    pub(crate) fn of(edition: Edition) -> Result<&'static Description> {
        static CLOUD: OnceLock<Result<Description, String>> = OnceLock::new();
        static ENTERPRISE_SERVER: OnceLock<Result<Description, String>> = OnceLock::new();
        let cell = match edition {
            Edition::Cloud => &CLOUD,
            Edition::Enterprise => &ENTERPRISE_SERVER,
        };
        cell.get_or_init(|| Description::load(edition).map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| anyhow!("GitHub's description cannot be used: {error}"))
    }

    fn load(edition: Edition) -> Result<Description> {
        let mut document: Value = serde_json::from_str(API)?;
        if edition == Edition::Enterprise {
            overlay(&mut document, serde_json::from_str(ENTERPRISE)?)?;
        }
        let mut schemas = document["schemas"].take();
        to_json_schema(&mut schemas);
        let mut shared = json!({ "components": { "schemas": schemas } });
        shared["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        let resource = Resource::from_contents(shared).context("the shared schemas")?;
        let registry = Registry::options().draft(Draft::Draft7).build([(BASE, resource)])?;
        let paths = document["paths"].as_object().context("the description has paths")?;
        let mut operations = Vec::new();
        for (path, methods) in paths {
            for (method, described) in methods.as_object().context("a path has methods")? {
                operations.push(Operation::read(path, method, described)?);
            }
        }
        // A fixed part is preferred to a named one (`/pulls/comments` is no pull request of the number `comments`), and a longer path to one
        // whose last name may hold slashes (`/commits/main/status`).
        operations.sort_by_key(|it| (it.named_parts(), std::cmp::Reverse(it.segments.len())));
        Ok(Description { operations, registry, compiled: Mutex::default() })
    }

    /// Finds the operation of a method and path (below the base URL, still encoded), with the decoded values of its named parts.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<(&Operation, PathValues)> {
        self.operations.iter().filter(|it| it.method == method).find_map(|it| Some((it, it.matches(path)?)))
    }

    /// Returns the operation of this name.
    pub(crate) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|it| it.id == id)
    }

    /// Iterates over all operations.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    /// Lists what is wrong with the parameters and the body of a request; empty: nothing.
    pub(crate) fn check_request(
        &self,
        operation: &Operation,
        path: &PathValues,
        query: &[(String, String)],
        body: &[u8],
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for parameter in &operation.parameters {
            let given = match parameter.within.as_str() {
                "path" => path.get(&parameter.name).cloned(),
                "query" => query.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone()),
                _ => continue,
            };
            match given {
                Some(text) => wrong.extend(self.check_parameter(operation, parameter, &text)),
                None if parameter.required => {
                    wrong.push(format!("{} parameter `{}` is missing", parameter.within, parameter.name));
                }
                None => {}
            }
        }
        for (name, _) in query {
            if !operation.parameters.iter().any(|it| it.within == "query" && it.name == *name) {
                wrong.push(format!("query parameter `{name}` is not described"));
            }
        }
        wrong.extend(self.check_body(operation, body));
        wrong
    }

    fn check_parameter(&self, operation: &Operation, parameter: &Parameter, text: &str) -> Vec<String> {
        // Text stands for a number where a number is described.
        let plain = Value::String(text.to_owned());
        let read = serde_json::from_str::<Value>(text).ok().filter(|it| it.is_number() || it.is_boolean());
        let key = format!("{} {} {}", operation.id, parameter.within, parameter.name);
        let candidates = [Some(plain), read];
        let mut complaints = Vec::new();
        for candidate in candidates.into_iter().flatten() {
            let found = self.complaints(&key, &parameter.schema, &candidate);
            if found.is_empty() {
                return Vec::new();
            }
            complaints = found;
        }
        complaints.iter().map(|it| format!("{} parameter `{}`: {it}", parameter.within, parameter.name)).collect()
    }

    fn check_body(&self, operation: &Operation, body: &[u8]) -> Vec<String> {
        let Some(described) = &operation.body else {
            return if body.is_empty() || body == b"{}" || body == b"null" {
                Vec::new()
            } else {
                vec!["a body where none is described".to_owned()]
            };
        };
        if body.is_empty() {
            return if described.required { vec!["the body is missing".to_owned()] } else { Vec::new() };
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => self.complaints(&format!("{} body", operation.id), &described.schema, &value),
            Err(error) => vec![format!("the body is not JSON: {error}")],
        }
    }

    /// Lists what is wrong with an answer. Refusals that GitHub gives anywhere (401, 403, 429, 5xx, ...) need not be described.
    pub(crate) fn check_answer(&self, operation: &Operation, status: u16, body: Option<&Value>) -> Vec<String> {
        let Some(answer) = operation.answers.get(&status) else {
            let anywhere =
                matches!(status, 301 | 304 | 307 | 400 | 401 | 403 | 404 | 409 | 410 | 422 | 429 | 500..=599);
            return if anywhere { Vec::new() } else { vec![format!("status {status} is not described")] };
        };
        match (&answer.schema, body) {
            (Some(schema), Some(body)) => self.complaints(&format!("{} {status}", operation.id), schema, body),
            (Some(_), None) if status < 300 => vec![format!("a body is described for {status}, and there is none")],
            (None, Some(_)) if status < 300 => vec![format!("no body is described for {status}, and there is one")],
            _ => Vec::new(),
        }
    }

    fn complaints(&self, key: &str, schema: &Value, value: &Value) -> Vec<String> {
        match self.compiled(key, schema) {
            Ok(validator) => {
                let listed = |error: jsonschema::ValidationError<'_>| {
                    format!("{}: {}", error.instance_path, shortened(&error.to_string()))
                };
                validator.iter_errors(value).take(LISTED).map(listed).collect()
            }
            Err(error) => vec![format!("its schema cannot be used: {error:#}")],
        }
    }

    fn compiled(&self, key: &str, schema: &Value) -> Result<Arc<Validator>> {
        if let Some(validator) = self.compiled.lock().get(key) {
            return Ok(Arc::clone(validator));
        }
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .with_registry(self.registry.clone())
            .build(schema)
            .map_err(|error| anyhow!("{key}: {error}"))?;
        let validator = Arc::new(validator);
        self.compiled.lock().insert(key.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }
}

impl Operation {
    fn read(path: &str, method: &str, described: &Value) -> Result<Operation> {
        let context = || format!("{method} {path}");
        let segments = path.split('/').skip(1).map(Segment::read).collect();
        let mut parameters = Vec::new();
        for parameter in described["parameters"].as_array().with_context(context)? {
            let text = |key: &str| parameter[key].as_str().map(str::to_owned).with_context(context);
            let mut schema = parameter["schema"].clone();
            to_json_schema(&mut schema);
            parameters.push(Parameter {
                name: text("name")?,
                within: text("in")?,
                required: parameter["required"].as_bool().unwrap_or(false),
                schema,
            });
        }
        let body = described.get("body").map(|body| {
            let mut schema = body["schema"].clone();
            to_json_schema(&mut schema);
            close(&mut schema);
            Body { required: body["required"].as_bool().unwrap_or(false), schema }
        });
        let mut answers = BTreeMap::new();
        for (status, answer) in described["responses"].as_object().with_context(context)? {
            let schema = answer.get("schema").cloned().map(|mut schema| {
                to_json_schema(&mut schema);
                schema
            });
            answers.insert(status.parse()?, Answer { schema, example: answer.get("example").cloned() });
        }
        let id = described["operationId"].as_str().with_context(context)?.to_owned();
        Ok(Operation { id, method: method.to_uppercase(), segments, parameters, body, answers })
    }

    fn named_parts(&self) -> usize {
        self.segments.iter().filter(|it| matches!(it, Segment::Named(_))).count()
    }

    /// Returns the example of the answer that tells of success, where the description has one.
    pub(crate) fn example(&self) -> Option<&Value> {
        self.answers.values().find_map(|it| it.example.as_ref())
    }

    /// Matches a path. The last named part may hold slashes where GitHub's does: paths of files and names of references.
    fn matches(&self, path: &str) -> Option<PathValues> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let open = match self.segments.last() {
            Some(Segment::Named(name)) => matches!(name.as_str(), "path" | "ref" | "branch" | "basehead"),
            _ => false,
        };
        if parts.len() < self.segments.len() || (parts.len() > self.segments.len() && !open) {
            return None;
        }
        let mut values = PathValues::new();
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Fixed(text) if parts[index] == text => {}
                Segment::Fixed(_) => return None,
                Segment::Named(name) => {
                    let last = index + 1 == self.segments.len();
                    let raw = if last { parts[index..].join("/") } else { parts[index].to_owned() };
                    if raw.is_empty() {
                        return None;
                    }
                    values.insert(name.clone(), decode(&raw));
                }
            }
        }
        Some(values)
    }
}

impl Segment {
    fn read(text: &str) -> Segment {
        match text.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
            Some(name) => Segment::Named(name.to_owned()),
            None => Segment::Fixed(text.to_owned()),
        }
    }
}

/// A complaint whose value is left out in the middle where it is long: what is wrong stands at the end.
pub(crate) fn shortened(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= 400 {
        return text.to_owned();
    }
    let (start, end) = (&characters[..150], &characters[characters.len() - 200..]);
    start.iter().chain(" ... ".chars().collect::<Vec<_>>().iter()).chain(end).collect()
}

/// Decodes `%xx`; what is no such sequence stays.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escaped = (bytes[index] == b'%').then(|| bytes.get(index + 1..index + 3)).flatten();
        match escaped.and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|pair| u8::from_str_radix(pair, 16).ok())
        {
            Some(byte) => {
                decoded.push(byte);
                index += 3;
            }
            None => {
                decoded.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Puts the paths and schemas that another edition has otherwise in place of the first one's, and takes away what it lacks.
fn overlay(document: &mut Value, other: Value) -> Result<()> {
    for (path, methods) in other["paths"].as_object().context("paths")? {
        for (method, described) in methods.as_object().context("methods")? {
            let before = document["paths"][path][method].take();
            let mut described = described.clone();
            for (status, answer) in described["responses"].as_object_mut().context("responses")? {
                if let Some(example) = before["responses"][status].get("example") {
                    answer["example"] = example.clone();
                }
            }
            document["paths"][path][method] = described;
        }
    }
    for (name, schema) in other["schemas"].as_object().context("schemas")? {
        document["schemas"][name] = schema.clone();
    }
    for missing in other["missing"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if let Some((method, path)) = missing.split_once(' ')
            && let Some(methods) = document["paths"][path].as_object_mut()
        {
            methods.remove(method);
        }
    }
    Ok(())
}

/// Rewrites OpenAPI 3.0 as JSON Schema: `nullable` becomes a choice with null, and references point into the shared schemas.
fn to_json_schema(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for value in object.values_mut() {
                to_json_schema(value);
            }
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && reference.starts_with('#')
            {
                *reference = format!("{BASE}{reference}");
            }
            if object.get("nullable") == Some(&Value::Bool(true)) {
                object.remove("nullable");
                let inner = Value::Object(std::mem::take(object));
                object.insert("anyOf".to_owned(), json!([{ "type": "null" }, inner]));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(to_json_schema),
        _ => {}
    }
}

/// Refuses fields that are not described, in every object of a request whose fields are listed in one place.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let mixed = object.contains_key("allOf");
            if object.get("properties").is_some_and(Value::is_object)
                && !object.contains_key("additionalProperties")
                && !mixed
            {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            for key in ["properties", "items", "anyOf", "oneOf"] {
                match object.get_mut(key) {
                    Some(Value::Object(inner)) if key == "properties" => inner.values_mut().for_each(close),
                    Some(Value::Array(choices)) => choices.iter_mut().for_each(close_choice),
                    Some(inner) => close(inner),
                    None => {}
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// A choice beside `properties` repeats only the fields that tell it apart: it is closed only where it lists its own type.
fn close_choice(choice: &mut Value) {
    let own = choice.as_object().is_some_and(|it: &Map<String, Value>| it.contains_key("type"));
    if own {
        close(choice);
    }
}
