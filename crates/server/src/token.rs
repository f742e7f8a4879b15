//! Who may do what: secrets that an operator makes, and short-lived tokens that a site's backend signs.
//!
//! - A *bearer token* is `brooklet_ID_SECRET`, with 256 random bits. The store keeps its SHA-256: whoever reads that cannot make the token of it,
//!   and a slower hash would protect nothing that is not guessed anyway. It is compared in constant time.
//! - A *signing key* is an Ed25519 key pair (RFC 8032). The site's backend has the private half, the store the public one. With it the backend
//!   signs *ingest tokens*: JSON Web Tokens (RFC 7519, RFC 8037) with `kid`, the key's id, and the claims `aud`, the model's name, and `exp`, at most
//!   [`LONGEST`] ahead.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The longest time ahead that an ingest token may end, in seconds.
pub(crate) const LONGEST: u64 = 86_400;
const PREFIX: &str = "brooklet_";

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum Scope {
    /// Everything
    Admin,
    /// Metrics, stats, and what is done to models and their versions
    Operate,
    /// Sending deltas, and what `read` allows
    Ingest,
    /// Downloading bases
    Read,
    /// Nothing by itself: a private key with which a site's backend signs short-lived ingest tokens
    Sign,
}

impl Scope {
    /// Its name, as it is stored and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Admin => "admin",
            Scope::Operate => "operate",
            Scope::Ingest => "ingest",
            Scope::Read => "read",
            Scope::Sign => "sign",
        }
    }

    /// Whether a token of this scope may do what `needed` stands for.
    pub(crate) fn allows(self, needed: Scope) -> bool {
        match self {
            Scope::Admin => true,
            Scope::Sign => false,
            Scope::Ingest => matches!(needed, Scope::Ingest | Scope::Read),
            _ => self == needed,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        clap::ValueEnum::from_str(text, false)
    }
}

/// A token as the store has it: nothing of which the token could be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is named by: 16 hexadecimal digits.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// The SHA-256 of a bearer token's secret, or the public half of a signing key.
    pub check: [u8; 32],
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
}

impl Token {
    /// A new one and what its holder gets, which nobody can tell again: the bearer token, or the private key as PEM (PKCS #8).
    pub(crate) fn new(name: &str, scope: Scope, created: u64) -> Result<(Token, String), getrandom::Error> {
        let (mut id, mut secret) = ([0; 8], [0; 32]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut secret)?;
        let id = format!("{:016x}", u64::from_be_bytes(id));
        let (check, told) = if scope == Scope::Sign {
            let key = SigningKey::from_bytes(&secret);
            // A key of 32 bytes has this encoding.
            let pem = key.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).unwrap_or_default();
            (key.verifying_key().to_bytes(), pem)
        } else {
            let secret = Base64UrlUnpadded::encode_string(&secret);
            (Sha256::digest(&secret).into(), format!("{PREFIX}{id}_{secret}"))
        };
        Ok((Token { id, name: name.into(), scope, check, created }, told))
    }
}

/// Why a token is worth nothing, in words for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) &'static str);

const UNKNOWN: Invalid = Invalid("this token is not known here: it was revoked, or is another server's");

/// What the text that a request brings allows for the model, at the second `now` since 1970.
pub(crate) fn scope_of(text: &str, tokens: &[Token], model: Option<&str>, now: u64) -> Result<Scope, Invalid> {
    match text.strip_prefix(PREFIX) {
        Some(text) => bearer(text, tokens),
        None => signed(text, tokens, model, now),
    }
}

fn bearer(text: &str, tokens: &[Token]) -> Result<Scope, Invalid> {
    let (id, secret) = text.split_once('_').ok_or(UNKNOWN)?;
    let token = tokens.iter().find(|token| token.id == id && token.scope != Scope::Sign).ok_or(UNKNOWN)?;
    let hash: [u8; 32] = Sha256::digest(secret).into();
    if bool::from(hash.ct_eq(&token.check)) { Ok(token.scope) } else { Err(UNKNOWN) }
}

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(serde::Deserialize)]
struct Claims {
    aud: String,
    exp: u64,
}

fn signed(text: &str, tokens: &[Token], model: Option<&str>, now: u64) -> Result<Scope, Invalid> {
    const NONE: Invalid =
        Invalid("this is neither a token of Brooklet nor a JSON Web Token with `kid`, `aud` and `exp`");
    let (content, signature) = text.rsplit_once('.').ok_or(NONE)?;
    let (header, claims) = content.split_once('.').ok_or(NONE)?;
    let plain = |part: &str| Base64UrlUnpadded::decode_vec(part).map_err(|_| NONE);
    let header: Header = serde_json::from_slice(&plain(header)?).map_err(|_| NONE)?;
    if header.alg != "EdDSA" {
        return Err(Invalid("an ingest token is signed with `alg` EdDSA and no other"));
    }
    let key = tokens.iter().find(|token| token.id == header.kid && token.scope == Scope::Sign).ok_or(UNKNOWN)?;
    let key = VerifyingKey::from_bytes(&key.check).map_err(|_| UNKNOWN)?;
    let signature = Signature::from_slice(&plain(signature)?).map_err(|_| NONE)?;
    key.verify_strict(content.as_bytes(), &signature).map_err(|_| Invalid("the signature is not of the key `kid`"))?;
    let Claims { aud, exp } = serde_json::from_slice(&plain(claims)?).map_err(|_| NONE)?;
    if exp <= now {
        return Err(Invalid("this token has expired: ask the site's backend for another"));
    }
    if exp > now + LONGEST {
        return Err(Invalid("this token lasts longer than a day: `exp` is too far ahead, or the clocks differ"));
    }
    if model != Some(&*aud) {
        return Err(Invalid("this token is for another model, see `aud`"));
    }
    Ok(Scope::Ingest)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::pkcs8::DecodePrivateKey;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn jwt(key: &SigningKey, header: &str, claims: &str) -> String {
        let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let content = format!("{}.{}", encode(header), encode(claims));
        let signature = Base64UrlUnpadded::encode_string(&key.sign(content.as_bytes()).to_bytes());
        format!("{content}.{signature}")
    }

    #[test]
    fn a_bearer_token_allows_its_scope_and_any_other_text_nothing() {
        let (token, told) = Token::new("x", Scope::Operate, 0).unwrap();
        let (other, _) = Token::new("y", Scope::Admin, 0).unwrap();
        let tokens = [other.clone(), token.clone()];
        assert_eq!(scope_of(&told, &tokens, None, NOW), Ok(Scope::Operate));
        // The secret of one with the id of another, a letter less, a letter more, nothing.
        let swapped = told.replace(&token.id, &other.id);
        for text in [swapped.as_str(), &told[..told.len() - 1], &format!("{told}A"), PREFIX, ""] {
            assert!(scope_of(text, &tokens, None, NOW).is_err(), "{text}");
        }
        assert!(!format!("{token:?}").contains(told.rsplit('_').next().unwrap()));
        assert_eq!(scope_of(&told, &tokens[..1], None, NOW), Err(UNKNOWN));
    }

    #[test]
    fn scopes_allow_what_they_say() {
        use Scope::{Admin, Ingest, Operate, Read};
        let allowed = |scope: Scope| [Operate, Ingest, Read].map(|needed| scope.allows(needed));
        assert_eq!(allowed(Admin), [true, true, true]);
        assert_eq!(allowed(Operate), [true, false, false]);
        assert_eq!(allowed(Ingest), [false, true, true]);
        assert_eq!(allowed(Read), [false, false, true]);
        assert_eq!(allowed(Scope::Sign), [false, false, false]);
    }

    #[test]
    fn a_signed_token_is_for_its_model_and_its_time() {
        let (token, pem) = Token::new("backend", Scope::Sign, 0).unwrap();
        let key = SigningKey::from_pkcs8_pem(&pem).unwrap();
        let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, token.id);
        let claims = |aud: &str, exp: u64| format!(r#"{{"aud":"{aud}","exp":{exp},"iat":1}}"#);
        let good = jwt(&key, &header, &claims("films", NOW + 600));
        let tokens = [token.clone()];
        assert_eq!(scope_of(&good, &tokens, Some("films"), NOW), Ok(Scope::Ingest));
        assert_eq!(scope_of(&good, &[], Some("films"), NOW), Err(UNKNOWN));
        for (text, model, now) in [
            (good.clone(), Some("books"), NOW),
            (good.clone(), None, NOW),
            (good.clone(), Some("films"), NOW + 600),
            (jwt(&key, &header, &claims("films", NOW + LONGEST + 1)), Some("films"), NOW),
            (jwt(&SigningKey::from_bytes(&[1; 32]), &header, &claims("films", NOW + 600)), Some("films"), NOW),
            (jwt(&key, &header.replace("EdDSA", "none"), &claims("films", NOW + 600)), Some("films"), NOW),
            (jwt(&key, &header.replace("EdDSA", "HS256"), &claims("films", NOW + 600)), Some("films"), NOW),
            (jwt(&key, &header, r#"{"aud":"films"}"#), Some("films"), NOW),
            (good.rsplit_once('.').unwrap().0.to_owned() + ".", Some("films"), NOW),
            ("a.b.c".into(), Some("films"), NOW),
        ] {
            assert!(scope_of(&text, &tokens, model, now).is_err(), "{text} {model:?} {now}");
        }
        // The id of a bearer token is no key.
        let (bearer, _) = Token::new("x", Scope::Admin, 0).unwrap();
        let forged = jwt(&key, &header.replace(&token.id, &bearer.id), &claims("films", NOW + 600));
        assert!(scope_of(&forged, &[bearer], Some("films"), NOW).is_err());
    }
}
