//! Profiles that somebody else keeps: sealed, so that whoever holds one can neither read it nor make another, nor use it for another model.

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// Bytes of the nonce, which is random: 192 bits do not come twice.
const NONCE: usize = 24;

/// Seals and opens with the secret of the store.
pub(crate) struct Seal(XChaCha20Poly1305);

impl Seal {
    pub(crate) fn new(secret: [u8; 32]) -> Seal {
        Seal(XChaCha20Poly1305::new(&Key::from(secret)))
    }

    /// As text. It fails only without entropy.
    pub(crate) fn close(&self, model: &str, profile: &[u8]) -> Option<String> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload { msg: profile, aad: model.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some(Base64UrlUnpadded::encode_string(&[&nonce[..], &sealed].concat()))
    }

    /// None if it is none of ours, or another model's.
    pub(crate) fn open(&self, model: &str, text: &str) -> Option<Vec<u8>> {
        let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: model.as_bytes() }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_its_secret_for_its_model_alone() {
        let seal = Seal::new([7; 32]);
        let sealed = seal.close("films", b"a profile").unwrap();
        assert_eq!(seal.open("films", &sealed).as_deref(), Some(&b"a profile"[..]));
        assert_ne!(sealed, seal.close("films", b"a profile").unwrap());
        assert_eq!(seal.open("books", &sealed), None);
        assert_eq!(Seal::new([8; 32]).open("films", &sealed), None);
        for n in [0, sealed.len() / 2, sealed.len() - 1] {
            let mut other = sealed.clone().into_bytes();
            other[n] = if other[n] == b'A' { b'B' } else { b'A' };
            assert_eq!(seal.open("films", std::str::from_utf8(&other).unwrap()), None, "{n}");
        }
        for text in ["", "AAAA", "?", &sealed[..40]] {
            assert_eq!(seal.open("films", text), None);
        }
    }
}
