//! The description as a tree that is walked.

use serde_json::Value;

/// The whole description.
pub struct Document(pub Value);

/// One operation of a path, or one webhook.
pub struct Operation<'d> {
    /// `GET /accounts`, or `webhook result`.
    pub place: String,
    pub value: &'d Value,
    /// Not a webhook.
    pub is_route: bool,
}

/// A body that is sent or comes back.
pub struct Body<'d> {
    pub place: String,
    /// `None` for what is sent.
    pub status: Option<&'d str>,
    pub schema: &'d Value,
    pub examples: Vec<(&'d str, &'d Value)>,
}

/// How an error is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Root,
    /// Under `/v1`.
    Machine,
}

/// The example of an error.
pub struct ShownError<'d> {
    pub place: String,
    pub form: Form,
    status: &'d str,
    value: &'d Value,
}

impl Document {
    pub fn current() -> Self {
        Self(serde_json::to_value(reconbanker::http::openapi_document()).expect("plain data"))
    }

    /// Routes first, then webhooks.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, item) in object(&self.0["paths"]) {
            for (method, value) in object(item) {
                let place = format!("{} {path}", method.to_uppercase());
                operations.push(Operation { place, value, is_route: true });
            }
        }
        for (name, item) in object(&self.0["webhooks"]) {
            operations.push(Operation { place: format!("webhook {name}"), value: &item["post"], is_route: false });
        }
        operations
    }

    /// Each answer, with its status.
    pub fn responses<'d>(&'d self, operation: &Operation<'d>) -> Vec<(&'d str, &'d Value)> {
        let responses = object(&operation.value["responses"]);
        responses.iter().map(|(status, response)| (status.as_str(), self.resolved(response))).collect()
    }

    /// Each parameter, with the place where it stands.
    pub fn parameters<'d>(&'d self, operation: &Operation<'d>) -> Vec<(String, &'d Value)> {
        let parameters = operation.value["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named = |parameter: &'d Value| {
            let parameter = self.resolved(parameter);
            (format!("{}, parameter {}", operation.place, parameter["name"]), parameter)
        };
        parameters.iter().map(named).collect()
    }

    /// Every body, with its examples.
    pub fn bodies(&self) -> Vec<Body<'_>> {
        let mut bodies = Vec::new();
        for operation in self.operations() {
            let place = &operation.place;
            if let Some(request) = operation.value.get("requestBody") {
                bodies.extend(self.body(format!("{place}, sent"), None, self.resolved(request)));
            }
            for (status, response) in self.responses(&operation) {
                bodies.extend(self.body(format!("{place}, {status}"), Some(status), response));
            }
        }
        bodies
    }

    /// `None` where there is no content. Content of another kind than JSON would need a check of its own.
    fn body<'d>(&'d self, place: String, status: Option<&'d str>, holder: &'d Value) -> Option<Body<'d>> {
        let content = object(holder.get("content")?);
        // What Prometheus reads has a grammar of its own, which the tests of that page check.
        if content.keys().all(|kind| kind.starts_with("application/openmetrics-text;")) {
            return None;
        }
        assert_eq!(content.keys().collect::<Vec<_>>(), ["application/json"], "{place}");
        let json = &content["application/json"];
        assert!(json.get("example").is_none(), "{place}: examples have names here");
        let examples = json.get("examples").map(object).into_iter().flatten();
        let examples = examples.map(|(name, example)| {
            let value = self.resolved(example).get("value").expect("an example has a value");
            (name.as_str(), value)
        });
        Some(Body { examples: examples.collect(), place, status, schema: &json["schema"] })
    }

    /// The examples of all answers whose schema is an error's.
    pub fn errors(&self) -> Vec<ShownError<'_>> {
        let mut errors = Vec::new();
        for body in self.bodies() {
            let Some(status) = body.status else { continue };
            let form = match body.schema["$ref"].as_str() {
                Some("#/components/schemas/ErrorBody") => Form::Root,
                Some("#/components/schemas/MachineErrorBody") => Form::Machine,
                _ => {
                    let is_error = status.starts_with('4') || status.starts_with('5');
                    // Not ready is an answer like ready.
                    assert!(!is_error || body.place == "GET /readyz, 503", "{}: is no error", body.place);
                    continue;
                }
            };
            assert_eq!(form == Form::Machine, body.place.contains(" /v1/"), "{}: has the other form", body.place);
            for (name, value) in body.examples {
                errors.push(ShownError { place: format!("{}, `{name}`", body.place), form, status, value });
            }
        }
        errors
    }

    /// The fields of an object's schema, those of its parts included.
    pub fn fields<'d>(&'d self, schema: &'d Value) -> Vec<(&'d str, &'d Value)> {
        let own = schema.get("properties").map(object).into_iter().flatten();
        let mut fields: Vec<_> = own.map(|(name, schema)| (name.as_str(), schema)).collect();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            fields.extend(self.fields(self.resolved(part)));
        }
        fields
    }

    /// What a reference refers to; anything else is itself.
    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("a reference into this document");
                self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} refers to nothing"))
            }
            None => value,
        }
    }
}

impl<'d> ShownError<'d> {
    /// Status, code and sentence, when the value has exactly the fields of its form.
    pub fn parts(&self) -> Result<(u16, &'d str, &'d str), String> {
        let (place, value) = (&self.place, self.value);
        let (holder, sentence) = match self.form {
            Form::Root => (value, "error"),
            Form::Machine if keys(value) == ["error"] => (&value["error"], "message"),
            Form::Machine => return Err(format!("{place}: {value} is not of the form of /v1")),
        };
        let fields = ["code", sentence];
        let mut found = keys(holder);
        if self.form == Form::Root {
            found.retain(|key| *key != "issues");
        }
        let issues = holder["issues"].as_array().map(Vec::as_slice);
        let first = issues.and_then(<[Value]>::first).map(|issue| &issue["message"]);
        if found != fields || issues.is_some_and(<[Value]>::is_empty) {
            return Err(format!("{place}: {value} has not the fields {fields:?}"));
        }
        if first.is_some_and(|message| *message != holder[sentence]) {
            return Err(format!("{place}: the sentence is not the first issue's"));
        }
        let text = |field: &str| holder[field].as_str().ok_or_else(|| format!("{place}: {field} is no text"));
        let status: u16 = self.status.parse().map_err(|_| format!("{place}: {} is no status", self.status))?;
        Ok((status, text("code")?, text(sentence)?))
    }
}

fn object(value: &Value) -> &serde_json::Map<String, Value> {
    value.as_object().expect("an object")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}
