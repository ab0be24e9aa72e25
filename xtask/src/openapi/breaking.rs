//! Tells which changes of the API document would break clients that were made from an older one.
//!
//! What a client sends must stay acceptable: nothing that it may send goes away or is limited more, nothing more is
//! required. What it receives must stay as it expects: nothing that was always there goes away, no value turns up that it
//! can't know. Names of operations and schemas are part of generated code, but those of schemas are not looked at.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Which way a value travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Way {
    Request,
    Response,
}

/// Everything in `new` that would break a client made from `old`, a sentence each.
pub(super) fn changes(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison { old, new, seen: BTreeSet::new(), found: Vec::new() };
    for (path, operations) in object(&old["paths"]) {
        for (method, operation) in object(operations) {
            let place = format!("{} {path}", method.to_uppercase());
            match new["paths"][path].get(method) {
                Some(now) => comparison.operation(operation, now, &place),
                None => comparison.found.push(format!("{place} is gone")),
            }
        }
    }
    comparison.found
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    /// Pairs of schemas that were compared, or are being compared further up.
    seen: BTreeSet<(Way, String, String)>,
    found: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn operation(&mut self, old: &'a Value, new: &'a Value, place: &str) {
        if old["operationId"] != new["operationId"] {
            self.found.push(format!(
                "{place} was named {} and is named {}",
                old["operationId"], new["operationId"]
            ));
        }
        self.parameters(list(&old["parameters"]), list(&new["parameters"]), place);
        if old["requestBody"]["required"] != true && new["requestBody"]["required"] == true {
            self.found.push(format!("{place} needs a body now"));
        }
        self.content(Way::Request, &old["requestBody"], &new["requestBody"], &format!("{place}, body"));
        for (status, response) in object(&old["responses"]) {
            let place = format!("{place}, {status}");
            match new["responses"].get(status) {
                Some(now) => self.content(Way::Response, response, now, &place),
                None => self.found.push(format!("{place} is gone")),
            }
        }
    }

    fn parameters(&mut self, old: &'a [Value], new: &'a [Value], place: &str) {
        let same = |a: &Value, b: &Value| a["name"] == b["name"] && a["in"] == b["in"];
        for parameter in old {
            let place = format!("{place}, parameter {}", parameter["name"]);
            match new.iter().find(|now| same(parameter, now)) {
                Some(now) => {
                    if parameter["required"] != true && now["required"] == true {
                        self.found.push(format!("{place} is required now"));
                    }
                    self.schema(Way::Request, &parameter["schema"], &now["schema"], &place);
                }
                None => self.found.push(format!("{place} is gone")),
            }
        }
        for now in new.iter().filter(|now| now["required"] == true) {
            if !old.iter().any(|parameter| same(parameter, now)) {
                self.found.push(format!("{place}, parameter {} is new and required", now["name"]));
            }
        }
    }

    fn content(&mut self, way: Way, old: &'a Value, new: &'a Value, place: &str) {
        for (media_type, content) in object(&old["content"]) {
            match new["content"].get(media_type) {
                Some(now) => self.schema(way, &content["schema"], &now["schema"], place),
                None => self.found.push(format!("{place}: {media_type} is gone")),
            }
        }
    }

    fn schema(&mut self, way: Way, old: &'a Value, new: &'a Value, place: &str) {
        let (old_name, new_name) = (name(old), name(new));
        if let (Some(old_name), Some(new_name)) = (old_name, new_name)
            && !self.seen.insert((way, old_name.to_owned(), new_name.to_owned()))
        {
            return;
        }
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        if old["type"] != new["type"] || old["format"] != new["format"] {
            self.found.push(format!("{place} has another type"));
        }
        self.values(way, old, new, place);
        self.limits(way, old, new, place);
        self.properties(way, old, new, place);
        if old.get("items").is_some() {
            self.schema(way, &old["items"], &new["items"], &format!("{place}[]"));
        }
        self.alternatives(way, old, new, place);
    }

    /// Clients may send all values that they know, and must know all that they receive.
    fn values(&mut self, way: Way, old: &Value, new: &Value, place: &str) {
        let (known, now) = (list(&old["enum"]), list(&new["enum"]));
        let (from, to) = if way == Way::Request { (known, now) } else { (now, known) };
        if !to.is_empty() || (way == Way::Response && !from.is_empty()) {
            for value in from.iter().filter(|value| !to.contains(value)) {
                let what = if way == Way::Request { "is gone" } else { "is new" };
                self.found.push(format!("{place}: the value {value} {what}"));
            }
        }
        let (was, is) = (old["nullable"] == true, new["nullable"] == true);
        match way {
            Way::Request if was && !is => self.found.push(format!("{place} may not be null any more")),
            Way::Response if is && !was => self.found.push(format!("{place} may be null now")),
            _ => {}
        }
    }

    fn limits(&mut self, way: Way, old: &Value, new: &Value, place: &str) {
        if way == Way::Response {
            return;
        }
        for (limit, is_lower) in [
            ("minimum", true),
            ("minLength", true),
            ("minItems", true),
            ("maximum", false),
            ("maxLength", false),
            ("maxItems", false),
        ] {
            let tighter = match (old[limit].as_f64(), new[limit].as_f64()) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(was), Some(is)) => {
                    if is_lower {
                        is > was
                    } else {
                        is < was
                    }
                }
            };
            if tighter {
                self.found.push(format!("{place}: {limit} is {} now", new[limit]));
            }
        }
        if new.get("pattern").is_some() && old["pattern"] != new["pattern"] {
            self.found.push(format!("{place}: the pattern is another"));
        }
    }

    fn properties(&mut self, way: Way, old: &'a Value, new: &'a Value, place: &str) {
        for (property, schema) in object(&old["properties"]) {
            let place = format!("{place}.{property}");
            match new["properties"].get(property) {
                Some(now) => self.schema(way, schema, now, &place),
                None => self.found.push(format!("{place} is gone")),
            }
        }
        let (was, is) = (list(&old["required"]), list(&new["required"]));
        match way {
            Way::Request => {
                for property in is.iter().filter(|property| !was.contains(property)) {
                    self.found.push(format!("{place}: {property} is required now"));
                }
            }
            Way::Response => {
                for property in was.iter().filter(|property| !is.contains(property)) {
                    self.found.push(format!("{place}: {property} may be absent now"));
                }
            }
        }
    }

    fn alternatives(&mut self, way: Way, old: &'a Value, new: &'a Value, place: &str) {
        for kind in ["oneOf", "anyOf", "allOf"] {
            let (was, is) = (list(&old[kind]), list(&new[kind]));
            let other = match way {
                Way::Request => is.len() < was.len(),
                Way::Response => is.len() > was.len() && kind != "allOf",
            };
            if other {
                self.found.push(format!("{place} has {} forms instead of {}", is.len(), was.len()));
            }
            for (was, is) in was.iter().zip(is) {
                self.schema(way, was, is, place);
            }
        }
    }
}

/// The name of a schema that is elsewhere.
fn name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match name(schema) {
        Some(path) => document.pointer(path.trim_start_matches('#')).unwrap_or(&Value::Null),
        None => schema,
    }
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A document with every kind of thing that is compared.
    fn document() -> Value {
        json!({
            "paths": {"/images/{id}": {"post": {
                "operationId": "change",
                "parameters": [
                    {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "required": false,
                     "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
                ],
                "requestBody": {"required": true, "content": {"application/json":
                    {"schema": {"$ref": "#/components/schemas/Body"}}}},
                "responses": {"200": {"content": {"application/json":
                    {"schema": {"$ref": "#/components/schemas/Answer"}}}}},
            }}},
            "components": {"schemas": {
                "Body": {"type": "object", "required": ["fit"], "properties": {
                    "fit": {"type": "string", "enum": ["cover", "fill"]},
                    "name": {"type": "string", "maxLength": 10, "nullable": true},
                }},
                "Answer": {"type": "object", "required": ["state"], "properties": {
                    "state": {"type": "string", "enum": ["queued", "done"]},
                    "next": {"$ref": "#/components/schemas/Answer"},
                    "items": {"type": "array", "items": {"type": "integer"}},
                }},
            }},
        })
    }

    fn after(pointer: &str, value: Value) -> Vec<String> {
        let (old, mut new) = (document(), document());
        *new.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        changes(&old, &new)
    }

    const OPERATION: &str = "/paths/~1images~1{id}/post";
    const BODY: &str = "/components/schemas/Body";
    const ANSWER: &str = "/components/schemas/Answer";

    #[test]
    fn what_breaks_clients_is_found() {
        for (place, value, expected) in [
            ("/paths/~1images~1{id}".to_owned(), json!({}), "POST /images/{id} is gone"),
            (format!("{OPERATION}/operationId"), json!("alter"), "named \"alter\""),
            (format!("{OPERATION}/parameters/1/name"), json!("most"), "parameter \"limit\" is gone"),
            (
                format!("{OPERATION}/parameters/1/required"),
                json!(true),
                "parameter \"limit\" is required now",
            ),
            (format!("{OPERATION}/parameters/1/schema/maximum"), json!(50), "maximum is 50 now"),
            (format!("{OPERATION}/parameters/1/schema/minimum"), json!(2), "minimum is 2 now"),
            (format!("{OPERATION}/parameters/0/schema/type"), json!("integer"), "another type"),
            (format!("{OPERATION}/requestBody/content"), json!({}), "application/json is gone"),
            (format!("{OPERATION}/responses"), json!({}), "200 is gone"),
            (format!("{BODY}/required"), json!(["fit", "name"]), "\"name\" is required now"),
            (format!("{BODY}/properties/fit/enum"), json!(["cover"]), "the value \"fill\" is gone"),
            (format!("{BODY}/properties/name/maxLength"), json!(9), "maxLength is 9 now"),
            (format!("{BODY}/properties/name/nullable"), json!(false), "may not be null"),
            (format!("{BODY}/properties"), json!({"fit": {"type": "string"}}), "body.name is gone"),
            (format!("{ANSWER}/required"), json!([]), "\"state\" may be absent now"),
            (format!("{ANSWER}/properties/state/enum"), json!(["queued", "done", "lost"]), "\"lost\" is new"),
            (format!("{ANSWER}/properties/items/items/type"), json!("string"), "items[] has another type"),
            (
                format!("{ANSWER}/properties/state"),
                json!({"type": "string", "enum": ["queued", "done"], "nullable": true}),
                "may be null now",
            ),
        ] {
            let found = after(&place, value);
            assert!(found.iter().any(|change| change.contains(expected)), "{place}: {found:?}");
        }
    }

    #[test]
    fn what_does_not_break_clients_is_passed_over() {
        for (place, value) in [
            (format!("{OPERATION}/parameters/1/schema/maximum"), json!(200)),
            (format!("{BODY}/required"), json!([])),
            (format!("{BODY}/properties/fit/enum"), json!(["cover", "fill", "inside"])),
            (format!("{ANSWER}/required"), json!(["state", "items"])),
            (format!("{ANSWER}/properties/state/enum"), json!(["done"])),
        ] {
            assert_eq!(after(&place, value), [""; 0], "{place}");
        }
        let mut new = document();
        new["paths"]["/new"] = json!({"get": {"operationId": "more"}});
        new["components"]["schemas"]["Body"]["properties"]["more"] = json!({"type": "string"});
        new["components"]["schemas"]["Answer"]["properties"]["more"] = json!({"type": "string"});
        assert_eq!(changes(&document(), &new), [""; 0]);
    }
}
