//! Where the frames of a WebSocket begin and end (RFC 6455 §5.2): a close frame of ours goes between two.

/// Bytes of the longest head.
const HEAD: usize = 14;

/// Follows the frames of one direction.
#[derive(Debug, Default)]
pub(super) struct FrameBoundary {
    head: [u8; HEAD],
    /// So many bytes of a head have passed.
    read: usize,
    /// So many bytes of a frame are to pass yet.
    left: u64,
}

impl FrameBoundary {
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.left > 0 {
                let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skipped as u64;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.head.get_mut(self.read) {
                *place = *first;
            }
            self.read += 1;
            bytes = rest;
            if let Some(length) = self.head.get(..self.read).and_then(payload) {
                (self.read, self.left) = (0, length);
            }
        }
    }

    /// Whether no frame is under way.
    pub(super) const fn is_between(&self) -> bool {
        self.read == 0 && self.left == 0
    }

    /// So many bytes, at least, belong to the frame under way.
    pub(super) fn left(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).max(1)
    }
}

/// How long the payload is that follows a head; `None`: the head is not whole.
fn payload(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    if head.len() < 2 + extended + mask {
        return None;
    }
    let told = head.get(2..2 + extended).filter(|told| !told.is_empty());
    Some(match told {
        Some(told) => told.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        None => u64::from(second & 0x7f),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = vec![0x82];
        match length {
            0..=125 => bytes.push(mask | u8::try_from(length).unwrap()),
            126..=0xffff => {
                bytes.push(mask | 126);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(vec![7; if masked { 4 } else { 0 } + length]);
        bytes
    }

    proptest! {
        /// However the bytes are cut, only the ends of frames are between two.
        #[test]
        fn a_boundary_is_where_a_frame_ends(
            frames in prop::collection::vec((prop_oneof![0_usize..200, Just(0xffff), Just(0x1_0000)], any::<bool>()), 1..5),
            cuts in prop::collection::vec(1_usize..5000, 1..9),
        ) {
            let (mut all, mut ends) = (Vec::new(), vec![0]);
            for (length, masked) in frames {
                all.extend(frame(length, masked));
                ends.push(all.len());
            }
            let (mut boundary, mut at) = (FrameBoundary::default(), 0);
            for cut in cuts.iter().cycle() {
                let to = all.len().min(at + cut);
                boundary.follow(&all[at..to]);
                at = to;
                prop_assert_eq!(boundary.is_between(), ends.contains(&at), "at {}", at);
                if !boundary.is_between() {
                    let end = ends.iter().copied().find(|end| *end > at).unwrap();
                    prop_assert!(at + boundary.left() <= end, "at {}", at);
                }
                if at == all.len() {
                    break;
                }
            }
        }
    }
}
