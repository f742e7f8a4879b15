//! What a file is packed as, by its first bytes, and its unpacking.

use crate::error::Result;
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use std::io::{BufRead, Read};

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const BZIP2: &[u8] = b"BZh";
const XZ: &[u8] = b"\xfd7zXZ\0";
/// Memory of xz's dictionary, in KiB: what `xz -9` takes, and as much again.
const XZ_MEMORY: u32 = 128 << 10;

/// The text of a file that begins with `magic`, unpacked if it is packed. Several members one after the other are one text.
pub(super) fn unpack(magic: &[u8], whole: impl BufRead + 'static) -> std::io::Result<Box<dyn Read>> {
    // pzstd begins with a frame that decoders skip.
    let skippable = magic.len() >= 4 && magic[0] & 0xf0 == 0x50 && magic[1..4] == *b"\x2a\x4d\x18";
    Ok(if magic.starts_with(GZIP) {
        Box::new(Members { decoder: Some(GzDecoder::new(whole)) })
    } else if magic.starts_with(ZSTD) || skippable {
        Box::new(zstd::Decoder::with_buffer(whole)?)
    } else if magic.starts_with(BZIP2) {
        Box::new(MultiBzDecoder::new(whole))
    } else if magic.starts_with(XZ) {
        Box::new(XzReader::new_mem_limit(whole, true, XZ_MEMORY))
    } else {
        Box::new(whole)
    })
}

/// Refuses files that are something else altogether, by name.
pub(super) fn ensure_readable(name: &str, magic: &[u8]) -> Result<()> {
    const OTHERS: [(&[u8], &str); 6] = [
        (
            b"PK\x03\x04",
            "a ZIP archive, or a spreadsheet that is one (.xlsx, .ods): unpack it, or save the sheet as CSV",
        ),
        (b"\xd0\xcf\x11\xe0", "a spreadsheet (.xls): save the sheet as CSV"),
        (b"Obj\x01", "Avro: convert it to Parquet or CSV"),
        (b"ORC", "ORC: convert it to Parquet or CSV"),
        (b"\x89HDF", "HDF5: convert it to Parquet or CSV"),
        (b"SQLit", "an SQLite database: export the table as CSV"),
    ];
    match OTHERS.iter().find(|(first, _)| magic.starts_with(first)) {
        Some((_, what)) => bail!(Input, "{name} is {what}"),
        None => Ok(()),
    }
}

/// The members of a gzip file, with the zeros behind the last that tapes and blocks leave.
struct Members<R> {
    /// None once all is read.
    decoder: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let n = decoder.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(mut rest) = self.decoder.take().map(GzDecoder::into_inner) else { break };
            if another_member(&mut rest)? {
                self.decoder = Some(GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}

/// Passes over zeros; false if nothing else is left.
fn another_member(rest: &mut impl BufRead) -> std::io::Result<bool> {
    loop {
        let bytes = rest.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros < bytes.len() {
            rest.consume(zeros);
            return Ok(true);
        }
        if zeros == 0 {
            return Ok(false);
        }
        rest.consume(zeros);
    }
}
