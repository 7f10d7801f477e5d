//! `google.rpc.RetryInfo` among the details of a status: the wait that a partner asks for, and the one that we ask for.
//!
//! A few fields of three messages that change no more, so no protobuf library is asked.

use std::time::Duration;

const RETRY_INFO: &[u8] = b"type.googleapis.com/google.rpc.RetryInfo";

/// How long a partner asks us to wait. Its word is data: what cannot be read, or is negative, asks for nothing.
pub(super) fn retry_delay(details: &[u8]) -> Option<Duration> {
    // google.rpc.Status { repeated Any details = 3 }
    Fields(details).filter_map(|field| field.bytes(3)).find_map(|any| {
        // google.protobuf.Any { string type_url = 1; bytes value = 2 }
        let of_type = Fields(any).filter_map(|field| field.bytes(1)).last()?;
        if of_type.rsplit(|byte| *byte == b'/').next() != RETRY_INFO.rsplit(|byte| *byte == b'/').next() {
            return None;
        }
        let info = Fields(any).filter_map(|field| field.bytes(2)).last().unwrap_or_default();
        // google.rpc.RetryInfo { Duration retry_delay = 1 }
        let delay = Fields(info).filter_map(|field| field.bytes(1)).last()?;
        // google.protobuf.Duration { int64 seconds = 1; int32 nanos = 2 }
        let number = |of| Fields(delay).filter_map(|field| field.number(of)).last().unwrap_or(0);
        let nanos = u32::try_from(number(2)).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        let seconds = u64::try_from(number(1).cast_signed()).ok()?;
        Some(Duration::new(seconds, nanos))
    })
}

/// The details of a status with this code and message, which ask for a wait.
pub(super) fn asking_for(wait: Duration, code: i32, message: &str) -> Vec<u8> {
    let mut delay = Vec::new();
    put_number(&mut delay, 1, wait.as_secs().min(i64::MAX.unsigned_abs()));
    put_number(&mut delay, 2, wait.subsec_nanos().into());
    let (mut info, mut any, mut status) = (Vec::new(), Vec::new(), Vec::new());
    put_bytes(&mut info, 1, &delay);
    put_bytes(&mut any, 1, RETRY_INFO);
    put_bytes(&mut any, 2, &info);
    put_number(&mut status, 1, code.unsigned_abs().into());
    put_bytes(&mut status, 2, message.as_bytes());
    put_bytes(&mut status, 3, &any);
    status
}

fn put_number(to: &mut Vec<u8>, of: u8, number: u64) {
    to.push(of << 3);
    put_varint(to, number);
}

fn put_bytes(to: &mut Vec<u8>, of: u8, bytes: &[u8]) {
    to.push(of << 3 | 2);
    put_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn put_varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
    Other,
}

impl<'a> Field<'a> {
    fn bytes(self, of: u64) -> Option<&'a [u8]> {
        if let Self::Bytes(number, bytes) = self { Some(bytes).filter(|_| number == of) } else { None }
    }

    fn number(self, of: u64) -> Option<u64> {
        if let Self::Number(number, value) = self { Some(value).filter(|_| number == of) } else { None }
    }
}

/// The fields of a message, up to the first that cannot be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        match tag & 7 {
            0 => Some(Field::Number(tag >> 3, self.varint()?)),
            1 => self.take(8).map(|_| Field::Other),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length).map(|bytes| Field::Bytes(tag >> 3, bytes))
            }
            5 => self.take(4).map(|_| Field::Other),
            _ => None,
        }
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_asked_for_is_read_again() {
        for wait in [Duration::ZERO, Duration::from_millis(1500), Duration::from_secs(1 << 40), Duration::new(7, 1)] {
            assert_eq!(retry_delay(&asking_for(wait, 8, "busy")), Some(wait));
        }
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        let whole = asking_for(Duration::from_secs(2), 8, "busy");
        for end in 0..whole.len() {
            assert_eq!(retry_delay(&whole[..end]), None, "{end}");
        }
        let mut negative = Vec::new();
        put_number(&mut negative, 1, (-3_i64).cast_unsigned());
        let (mut info, mut any, mut status) = (Vec::new(), Vec::new(), Vec::new());
        put_bytes(&mut info, 1, &negative);
        put_bytes(&mut any, 1, RETRY_INFO);
        put_bytes(&mut any, 2, &info);
        put_bytes(&mut status, 3, &any);
        assert_eq!(retry_delay(&status), None, "a wait of minus three seconds");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            _ = retry_delay(&bytes);
        }
    }
}
