//! `[limits]`: how often one may ask, and how a file that names only some limits changes the others not.

use std::fmt;
use std::num::NonZeroU32;

use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How often one may ask.
///
/// A file may give some classes of a section alone; the others stay as they are by default. `"none"` lifts a limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Whether there are limits at all; `bartab dev` has none.
    pub enabled: bool,
    /// What one address may ask; an IPv6 network of 64 bits counts as one. Many people may share an address.
    pub address: ClassLimits,
    /// What one person or bot may ask; the same for both. An administrator can give somebody another share of it.
    pub principal: ClassLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            address: ClassLimits {
                reads: Some(Limit::new(1000, 6000)),
                writes: Some(Limit::new(500, 3000)),
                sync: Some(Limit::new(2000, 30_000)),
                sign_in: Some(Limit::new(20, 30)),
                token: Some(Limit::new(300, 1200)),
            },
            principal: ClassLimits {
                reads: Some(Limit::new(200, 1200)),
                writes: Some(Limit::new(60, 300)),
                sync: Some(Limit::new(200, 3600)),
                sign_in: None,
                token: None,
            },
        }
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default, rename = "Limits")]
        struct Given {
            enabled: Option<bool>,
            address: LimitOverrides,
            principal: LimitOverrides,
        }
        let given = Given::deserialize(deserializer)?;
        let default = Self::default();
        Ok(Self {
            enabled: given.enabled.unwrap_or(default.enabled),
            address: given.address.over(&default.address),
            principal: given.principal.over(&default.principal),
        })
    }
}

/// A limit for each class of requests; a class without one is free.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassLimits {
    /// `GET` and `HEAD`.
    pub reads: Option<Limit>,
    /// Every other method.
    pub writes: Option<Limit>,
    /// Polls of `/v1/sync`.
    pub sync: Option<Limit>,
    /// What passwords, short codes and one-time links can be guessed by, and what makes accounts.
    pub sign_in: Option<Limit>,
    /// Tokens and codes for devices, and the way to another OpenID provider and back.
    pub token: Option<Limit>,
}

/// What replaces some of the [`ClassLimits`]; a class that is left out keeps its limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitOverrides {
    /// `GET` and `HEAD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads: Option<LimitSetting>,
    /// Every other method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<LimitSetting>,
    /// Polls of `/v1/sync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<LimitSetting>,
    /// What passwords, short codes and one-time links can be guessed by, and what makes accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<LimitSetting>,
    /// Tokens and codes for devices, and the way to another OpenID provider and back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<LimitSetting>,
}

impl LimitOverrides {
    /// `limits`, with those replaced that this names.
    pub fn over(&self, limits: &ClassLimits) -> ClassLimits {
        let one = |given: Option<LimitSetting>, otherwise| given.map_or(otherwise, LimitSetting::limit);
        ClassLimits {
            reads: one(self.reads, limits.reads),
            writes: one(self.writes, limits.writes),
            sync: one(self.sync, limits.sync),
            sign_in: one(self.sign_in, limits.sign_in),
            token: one(self.token, limits.token),
        }
    }
}

/// What is said of one class: a limit, or with the text `none` that it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSetting {
    /// So much and no more.
    Limit(Limit),
    /// No limit.
    Lifted,
}

impl LimitSetting {
    fn limit(self) -> Option<Limit> {
        match self {
            Self::Limit(limit) => Some(limit),
            Self::Lifted => None,
        }
    }
}

impl Serialize for LimitSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Limit(limit) => limit.serialize(serializer),
            Self::Lifted => serializer.serialize_str("none"),
        }
    }
}

impl<'de> Deserialize<'de> for LimitSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = LimitSetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{ burst, per_minute } or \"none\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<LimitSetting, E> {
                match text {
                    "none" => Ok(LimitSetting::Lifted),
                    _ => Err(E::invalid_value(de::Unexpected::Other("another text"), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<LimitSetting, A::Error> {
                Limit::deserialize(MapAccessDeserializer::new(map)).map(LimitSetting::Limit)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// One limit: so many at once, and so many each minute after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Requests that may come at once.
    pub burst: NonZeroU32,
    /// Requests that each further minute allows.
    pub per_minute: NonZeroU32,
}

impl Limit {
    /// `burst` at once and `per_minute` each minute; 0 counts as 1.
    pub const fn new(burst: u32, per_minute: u32) -> Self {
        const fn at_least_one(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            }
        }
        Self { burst: at_least_one(burst), per_minute: at_least_one(per_minute) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_and_lifting_is_said() {
        let text = "address.sign_in = { burst = 5, per_minute = 6 }\nprincipal.writes = 'none'";
        let limits: Limits = toml::from_str(text).unwrap();
        let default = Limits::default();
        assert!(limits.enabled);
        let address = ClassLimits { sign_in: Some(Limit::new(5, 6)), ..default.address };
        assert_eq!((limits.address, limits.principal), (address, ClassLimits { writes: None, ..default.principal }));
        for wrong in ["address.sign_in = 'off'", "address.signin = 'none'", "address.sync = { burst = 1 }"] {
            assert!(toml::from_str::<Limits>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn overrides_are_written_as_they_are_read() {
        let overrides = LimitOverrides {
            reads: Some(LimitSetting::Limit(Limit::new(1, 2))),
            sync: Some(LimitSetting::Lifted),
            ..LimitOverrides::default()
        };
        let text = toml::to_string(&overrides).unwrap();
        assert_eq!(toml::from_str::<LimitOverrides>(&text).unwrap(), overrides);
    }
}
