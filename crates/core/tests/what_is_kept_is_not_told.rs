//! What a visitor keeps to himself teaches the learner here and is in no delta, however long ago it was: `Learner::share`.

mod scenario;

use brooklet_core::*;
use scenario::*;

fn lesson(learner: &mut Learner, random: &mut Random) {
    let features = named(learner, &input(random));
    learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
}

fn last(learner: &mut Learner) -> Delta {
    learner.share(Sharing::Told);
    let only = object(&[("item", "3".into()), ("genres", genres(3))]);
    learner.learn_one(&named(learner, &only), 1.0, 1.0).expect("a label");
    let pending = learner.prepare_delta([7; 16]).expect("it has learnt");
    Delta::decode(&pending.bytes).expect("it was made here")
}

#[test]
fn no_delta_tells_of_what_is_kept_not_even_by_its_numbers() {
    let mut learner = stocked(Config::default());
    let mut stranger = learner.clone();
    learner.share(Sharing::Kept);
    let mut random = Random(23);
    (0..60).for_each(|_| lesson(&mut learner, &mut random));
    assert_eq!((learner.unsent_events(), learner.prepare_delta([1; 16]), learner.metrics().events), (0, None, 60));
    let profile = learner.profile();
    let mut learner =
        Learner::restore(learner.base().clone(), Config::default(), &profile).expect("it was written here");
    assert_eq!(learner.profile(), profile);

    let (told, alone) = (last(&mut learner), last(&mut stranger));
    assert_eq!((&told.ids, &told.columns, &told.scales), (&alone.ids, &alone.columns, &alone.scales));
    assert_eq!((told.events, told.report.events), (1, 1));
}

#[test]
fn what_is_kept_counts_as_seen_and_can_be_taken_back() {
    let mut learner = stocked(Config::default());
    learner.share(Sharing::Kept);
    let slate = learner.recommend(&shop(&learner, 3));
    let clicked = slate.items[1].item.clone();
    learner.click(slate.id, &clicked).expect("it is pending");
    let unseen = Query { unseen: true, ..shop(&learner, 100) };
    let shown = |learner: &mut Learner| learner.recommend(&unseen).items.iter().any(|shown| shown.item == clicked);
    assert!(!shown(&mut learner));
    let subject = Subject::Item { slate: slate.id, item: clicked.clone() };
    assert_eq!(learner.undo(&subject), Ok(Some(false)), "nobody was told");
    assert!(shown(&mut learner));
}

#[test]
fn a_profile_of_another_device_tells_nothing_again() {
    let mut first = stocked(Config::default());
    let mut random = Random(41);
    (0..30).for_each(|_| lesson(&mut first, &mut random));
    first.prepare_delta([1; 16]).expect("it has learnt");
    (0..30).for_each(|_| lesson(&mut first, &mut random));
    let mut second =
        Learner::import(first.base().clone(), Config::default(), &first.profile()).expect("it was written here");
    assert_eq!(second.visitor(), first.visitor());
    assert_eq!((second.unsent_events(), second.pending_delta(), second.prepare_delta([2; 16])), (0, None, None));
    let told = last(&mut second);
    assert_eq!((told.client, told.seq, told.events, told.ids.len()), ([7; 16], 1, 1, 1 + genres_of(3)));
    let broken = Learner::import(first.base().clone(), Config::default(), &[1, 2]);
    assert_eq!(broken.err(), Some(Error::BadProfile("it is of another format")));
}

fn genres_of(item: u64) -> usize {
    match genres(item) {
        Value::Array(genres) => genres.len(),
        _ => 1,
    }
}

#[test]
fn looking_at_the_next_delta_changes_nothing() {
    let mut learner = stocked(Config::default());
    let mut random = Random(3);
    (0..9).for_each(|_| lesson(&mut learner, &mut random));
    let before = learner.profile();
    let looked = learner.next_delta([9; 16], false).expect("it has learnt");
    assert_eq!(learner.profile(), before);
    assert_eq!(learner.prepare_delta([9; 16]).map(|delta| delta.bytes), Some(looked.clone()));
    lesson(&mut learner, &mut random);
    assert_eq!(learner.next_delta([9; 16], false), Some(looked), "it is on its way");
    let anew = learner.next_delta([9; 16], true).expect("it has learnt");
    assert_eq!(Delta::decode(&anew).map(|delta| delta.events), Ok(10));
    learner.withdraw_delta();
    assert_eq!(learner.prepare_delta([9; 16]).map(|delta| delta.bytes), Some(anew));
}
