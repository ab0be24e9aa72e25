//! How fields of requests are read where serde's own way is too lenient or too terse: `null` is no value, and a
//! whole number is whole however large it is, so that its range can be checked with a proper message.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

/// An optional field that is there: anything but `null`.
pub(crate) fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

/// An optional whole number that is there.
pub(crate) fn some_whole<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    whole(input).map(Some)
}

/// A whole number. Those beyond 64 bits become the nearest that fits: they are out of any range anyway.
pub(crate) fn whole<'de, D: Deserializer<'de>>(input: D) -> Result<i64, D::Error> {
    input.deserialize_any(Whole)
}

/// An optional object that is there.
pub(crate) fn some_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    Object::deserialize(input).map(|Object(value)| Some(value))
}

/// A list of objects.
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(input)?;
    Ok(objects.into_iter().map(|Object(value)| value).collect())
}

/// A struct that is written as an object. serde alone would take an array of its values, too.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        input.deserialize_any(Map(PhantomData))
    }
}

/// A text that an error message must not repeat.
pub(crate) fn secret<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<String, E> {
            Err(E::invalid_type(Unexpected::Other("number"), &self))
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<String, E> {
            Err(E::invalid_type(Unexpected::Other("number"), &self))
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<String, E> {
            Err(E::invalid_type(Unexpected::Other("number"), &self))
        }
    }

    input.deserialize_any(Text)
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        Ok(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        // In JSON 300.0 is a whole number. The cast saturates.
        if number.fract() == 0.0 {
            Ok(number as i64)
        } else {
            Err(E::invalid_type(Unexpected::Float(number), &self))
        }
    }
}
