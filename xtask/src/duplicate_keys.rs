//! Finds repeated keys in a JSON document, which an ordinary parser drops in silence: two operations of one
//! OpenAPI path, say, of which generated clients would get only the last.

use std::{cell::RefCell, collections::HashSet, fmt};

use serde_core::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads `document` to its end and returns the path of each repeated key, like `/paths/~1images/get`.
///
/// Paths are JSON pointers (RFC 6901). A document that is not JSON is an error.
pub(crate) fn find(document: &str) -> Result<Vec<String>, serde_json::Error> {
    let found = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_str(document);
    Place { path: String::new(), found: &found }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(found.into_inner())
}

/// Where in the document the reader is; one for each value.
struct Place<'a> {
    path: String,
    found: &'a RefCell<Vec<String>>,
}

impl Place<'_> {
    fn child(&self, step: &str) -> Place<'_> {
        let step = step.replace('~', "~0").replace('/', "~1");
        Place { path: format!("{}/{step}", self.path), found: self.found }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let child = self.child(&key);
            if keys.contains(&key) {
                self.found.borrow_mut().push(child.path.clone());
            }
            map.next_value_seed(child)?;
            keys.insert(key);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let mut index = 0;
        while sequence.next_element_seed(self.child(&index.to_string()))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_keys_are_found_at_every_depth() {
        for (document, expected) in [
            (r#"{"a":1,"b":{"a":[{"a":null},{"a":true}]}}"#, &[][..]),
            (r#"{"a":1,"b":"x","a":-2.5}"#, &["/a"]),
            (r#"{"paths":{"/images":{"get":{},"post":{},"get":{}}}}"#, &["/paths/~1images/get"]),
            (r#"[{"x":[1,{"y":0,"y":0,"y":0}]}]"#, &["/0/x/1/y", "/0/x/1/y"]),
            (r#"{"é":1,"\u00e9":2}"#, &["/é"]),
            ("[]", &[]),
            ("12", &[]),
        ] {
            assert_eq!(find(document).expect("the document is JSON"), expected, "{document}");
        }
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for document in ["", "{", r#"{"a":1} trailing"#, "{a:1}"] {
            assert!(find(document).is_err(), "{document:?}");
        }
    }
}
