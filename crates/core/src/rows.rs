use core::hash::{BuildHasherDefault, Hasher};

/// Ids are hashes already.
pub(crate) type IdHash = BuildHasherDefault<Identity>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}
