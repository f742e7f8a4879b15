//! A profile in pieces is the profile, and an event writes few of them.

mod scenario;

use brooklet_core::*;
use scenario::*;
use std::collections::BTreeMap;

/// Where pieces are kept.
#[derive(Default)]
struct Shelf {
    head: Vec<u8>,
    pieces: BTreeMap<(usize, usize), Vec<u8>>,
    counts: Vec<usize>,
    mark: u64,
}

impl Shelf {
    /// Saves; how many pieces were written.
    fn save(&mut self, learner: &mut Learner) -> usize {
        let (changed, mark) = learner.changed_rows(self.mark);
        let written = changed.len();
        self.pieces.extend(changed.into_iter().map(|Piece { list, at, bytes }| ((list, at), bytes)));
        (self.head, self.counts, self.mark) = (learner.profile_head(), learner.row_pieces(), mark);
        written
    }

    fn rows(&self) -> Vec<Vec<Vec<u8>>> {
        let of = |(model, count): (usize, &usize)| (0..*count).map(|at| self.pieces[&(model, at)].clone()).collect();
        self.counts.iter().enumerate().map(of).collect()
    }

    fn restore(&self, config: &Config) -> Result<Learner, Error> {
        Learner::restore_pieces(base(8), config.clone(), &self.head, &self.rows())
    }
}

fn lesson(learner: &mut Learner, random: &mut Random, names: u64) {
    let tag = Value::String(format!("tag-{}", random.below(names)));
    let features = named(learner, &object(&[("tag", tag), ("genres", genres(random.below(ITEMS)))]));
    learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
}

#[test]
fn what_is_put_together_is_what_was_taken_apart() {
    // The second shadow lets go of rows all the time, and an alarm moves all of them.
    let pull = DriftPolicy::PullToBase { share: 0.25 };
    let drift = Some((Detector::PageHinkley { tolerance: Some(0.0), threshold: Some(0.1) }, pull));
    let mut alarms = 0;
    for config in [Config::default(), everything(), Config { drift, ..everything() }] {
        let mut learner = stocked(config.clone());
        let (mut random, mut shelf) = (Random(11), Shelf::default());
        for n in 0..300 {
            lesson(&mut learner, &mut random, 400);
            if n % 40 == 39 {
                let delta = learner.prepare_delta([n as u8; 16]).expect("it has learnt");
                learner.acknowledge(&delta);
            }
            if n % 7 == 0 {
                shelf.save(&mut learner);
                let mut again = shelf.restore(&config).expect("it was taken apart");
                assert_eq!(again.digest(), learner.digest(), "after {n}");
                assert!(again.changed_rows(0).0.is_empty(), "what is kept has not changed");
            }
        }
        alarms = learner.drifts();
    }
    assert!(alarms > 0);
}

#[test]
fn an_event_writes_a_few_pieces_of_many() {
    let mut learner = stocked(Config::default());
    let (mut random, mut shelf) = (Random(3), Shelf::default());
    (0..4000).for_each(|_| lesson(&mut learner, &mut random, 20_000));
    assert!(shelf.save(&mut learner) > 50);
    assert_eq!(shelf.save(&mut learner), 0);
    for _ in 0..20 {
        lesson(&mut learner, &mut random, 20_000);
        assert!(shelf.save(&mut learner) <= 3, "one of its tag, and the one or two of its genres");
    }
    // One that a save was made of and that was not taken is written by the next.
    lesson(&mut learner, &mut random, 20_000);
    assert!(!learner.changed_rows(shelf.mark).0.is_empty());
    assert!(shelf.save(&mut learner) > 0);
    assert_eq!(shelf.restore(&Config::default()).map(|again| again.digest()), Ok(learner.digest()));
}

#[test]
fn a_profile_that_is_whole_is_a_head_without_pieces() {
    let learner = lived();
    let mut again = Learner::restore_pieces(base(8), everything(), &learner.profile(), &[]).expect("it is whole");
    assert_eq!(again.digest(), learner.digest());
    let pieces = again.row_pieces().iter().sum::<usize>();
    assert_eq!(again.changed_rows(0).0.len(), pieces, "none of its pieces is kept yet");
}

#[test]
fn a_piece_that_is_damaged_is_an_error() {
    let mut learner = stocked(Config::default());
    let (mut random, mut shelf) = (Random(8), Shelf::default());
    (0..200).for_each(|_| lesson(&mut learner, &mut random, 500));
    shelf.save(&mut learner);
    assert!(shelf.counts[1] > 2);
    let damaged: [fn(&mut Vec<Vec<u8>>); 8] = [
        |rows| rows[1].clear(),
        |rows| rows[0].clear(),
        |rows| rows.swap(0, 1),
        |rows| _ = rows[0].pop(),
        |rows| rows[0].truncate(48),
        |rows| rows.insert(1, rows[0].clone()),
        |rows| rows[1][64 * 8..64 * 8 + 4].copy_from_slice(&f32::NAN.to_le_bytes()),
        |rows| rows[1][64 * 12..64 * 12 + 4].copy_from_slice(&1e30f32.to_le_bytes()),
    ];
    for (n, damage) in damaged.into_iter().enumerate() {
        let mut rows = shelf.rows();
        damage(&mut rows[1]);
        let restored = Learner::restore_pieces(base(8), Config::default(), &shelf.head, &rows);
        // Whose place a piece has does not matter to what is learnt.
        let expected = if n == 2 { Ok(learner.digest()) } else { Err("bad_profile") };
        assert_eq!(restored.map(|again| again.digest()).map_err(|error| error.code()), expected, "{n}");
    }
}

#[test]
fn names_without_end_do_not_make_it_grow() {
    let model = ModelConfig { max_rows: 256, ..ModelConfig::default() };
    let mut learner = stocked(Config { model, ..Config::default() });
    let mut lengths = Vec::new();
    for n in 0..9000u32 {
        let tag =
            object(&[("tag", Value::String(format!("tag-{n}"))), (&format!("size-{n}"), Value::Number(n.into()))]);
        learner.learn_one(&named(&learner, &tag), (n % 2) as f32, 1.0).expect("a label");
        if n % 50 == 49 {
            let delta = learner.prepare_delta([(n / 50 % 250) as u8; 16]).expect("it has learnt");
            learner.acknowledge(&delta);
        }
        if n % 3000 == 2999 {
            lengths.push(learner.profile().len());
        }
    }
    assert!(lengths[2] < lengths[0] + lengths[0] / 20, "{lengths:?}");
}
