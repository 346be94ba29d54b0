//! Bytes as they lie in a file or an object, unpacked as they are read, and counted.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

const BUFFER_BYTES: usize = 1 << 16;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A skippable frame begins with one of sixteen numbers that differ in the lowest four bits (RFC 8878 3.1.2).
const ZSTD_SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// Returns the input, decompressed if its first bytes say that it is gzip or zstd. Both may come in several members or
/// frames, and zstd with frames to skip before, between and after them.
pub(super) fn unpack<'a>(input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let head = read_head(&mut input, ZSTD.len())?;
    let (is_gzip, is_zstd) = (head.starts_with(&GZIP), is_zstd(&head));
    let input = Cursor::new(head).chain(input);
    Ok(if is_gzip {
        Box::new(MultiGzDecoder::new(input))
    } else if is_zstd {
        Box::new(zstd::Decoder::with_buffer(input)?)
    } else {
        Box::new(input)
    })
}

fn is_zstd(head: &[u8]) -> bool {
    let is_skippable = head
        .split_first()
        .is_some_and(|(first, rest)| first & 0xf0 == ZSTD_SKIPPABLE[0] && rest.starts_with(&ZSTD_SKIPPABLE[1..]));
    is_skippable || head.starts_with(&ZSTD)
}

/// Reads the first `length` bytes, or fewer if there are no more.
pub(super) fn read_head(input: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(length);
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    input.take(limit).read_to_end(&mut head)?;
    Ok(head)
}

/// A buffered reader that knows how far it came.
pub(super) struct Counted<R> {
    inner: BufReader<R>,
    /// How many bytes were read.
    pub(super) offset: u64,
}

impl<R: Read> Counted<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner: BufReader::with_capacity(BUFFER_BYTES, inner), offset: 0 }
    }

    /// Returns whether nothing follows. Reading to the end also has a checksum checked, where there is one.
    pub(super) fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(io::BufRead::fill_buf(&mut self.inner)?.is_empty())
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.offset += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}
