//! What the learner can do besides clicks and skips, and what it tells.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;

#[wasm_bindgen_test]
async fn lists_narrow_a_ranking() {
    run(r#"
        const learner = await open();
        const ids = (options) => learner.recommend(options).items.map(({ id }) => id).sort();
        equal(ids({ include: [1, "3", "unheard of"] }), ["1", "3"]);
        equal(ids({ exclude: new Set(["1", 2]) }), ["3", "4"]);
        equal(ids({ include: [1, 2], exclude: [2] }), ["1"]);
        equal(ids({ include: [] }), []);
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn exploration_is_seeded_and_says_how_likely_it_was() {
    run(r#"
        const shown = async (options) => {
          const learner = await open(options);
          return Array.from({ length: 20 }, () => learner.recommend({ k: 2 }).items);
        };
        holds((await shown({})).flat().every(({ propensity }) => propensity === 1), "by score");
        for (const exploration of [{ epsilon: 0.5 }, "thompson"]) {
          const [a, b] = [await shown({ exploration, seed: 7 }), await shown({ exploration, seed: 7 })];
          equal(a, b, "the same seed");
          holds(JSON.stringify(await shown({ exploration, seed: 8 })) !== JSON.stringify(a), "another seed");
          holds(a.flat().every(({ propensity }) => propensity > 0 && propensity <= 1), "a probability");
          holds(new Set(a.map(([first]) => first.id)).size > 1, "not always the same");
        }
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn more_than_there_is_is_all_there_is() {
    // 4 * 2^31 overflowed, and 32 items were left to draw from.
    run(r#"
        for (const exploration of ["none", { epsilon: 0.5 }, "thompson"]) {
          const learner = await open({ exploration });
          learner.addItems(Array.from({ length: 200 }, (_, i) => ({ id: i, features: { genres: ["Drama"] } })));
          for (const k of [200, 2 ** 30, 2 ** 31, 2 ** 53 - 1]) {
            equal(new Set(learner.recommend({ k }).items.map(({ id }) => id)).size, 200, `${k}`);
          }
          await learner.close();
        }
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn labels_are_graded_and_may_come_late() {
    run(r#"
        const store = fresh();
        const learner = await open({ store });
        const slate = learner.recommend({ k: 3 });
        const [first, second] = slate.items;
        equal(learner.label(slate, first.id, 0.75, 2).probability, first.probability);
        learner.label(slate.id, second.id, false);
        equal(learner.label(slate, first.id, 1), null);
        equal(await code(() => learner.label(slate, slate.items[2].id, 2)), "bad_label");
        equal(await code(() => learner.label(slate, slate.items[2].id, "good")), "bad_argument");

        const held = learner.hold({ genres: ["Sci-Fi"] });
        equal(held.probability, learner.predictOne({ genres: ["Sci-Fi"] }).probability);
        const other = learner.hold({ genres: ["Romance"] });
        learner.labelHeld(other, 0);
        equal(learner.labelHeld(other, 0), null);
        equal(await code(() => learner.labelHeld("7", 0)), "unknown_slate");
        await learner.close();

        const later = await open({ store });
        equal(later.labelHeld(held.id, 1, 0.5).score, held.score, "as it was predicted then");
        equal(later.metrics().events, 4);
        await later.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn pairs_teach_an_order() {
    run(r#"
        const learner = await open();
        const [liked, other] = [{ genres: ["Sci-Fi"] }, { genres: ["Romance"] }];
        const lead = () => learner.predictOne(liked).score - learner.predictOne(other).score;
        const before = lead();
        equal(learner.learnPair(liked, other), undefined);
        holds(lead() > before, "the order is learnt");
        learner.learnPair(other, liked, 0);
        equal(await code(() => learner.learnPair(liked, other, -1)), "bad_label");
        equal(learner.metrics().events, 0);

        const pairwise = await open({ model: { feedback: "pairwise" } });
        const slate = pairwise.recommend({ k: 4 });
        pairwise.click(slate, 1);
        pairwise.skip(slate, 3);
        equal(pairwise.recommend({ k: 1 }).items.length, 1);
        holds(pairwise.predictOne(liked).score > pairwise.predictOne(other).score, "clicked over skipped");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_score_is_the_sum_of_its_terms() {
    run(r#"
        const learner = await open();
        for (let i = 0; i < 4; i++) learner.learnOne({ item: "1", genres: ["Sci-Fi"], device: "phone" }, 1);
        const film = { item: "1", genres: ["Sci-Fi", "Romance"], device: "phone" };
        const { score, terms } = learner.explain(film);
        equal(terms.reduceRight((sum, { share }) => sum + share, 0), score, "exactly");
        holds(Math.abs(score - learner.predictOne(film).score) < 1e-5, "the score");
        const names = new Set(terms.flatMap((term) => [term.feature, term.with]));
        const expected = ["(bias)", "(visitor)", "device=phone", "genres=Romance", "genres=Sci-Fi", "item=1", null];
        equal(expected.filter((name) => !names.has(name)), []);
        equal(names.size, expected.length);
        holds(terms.every(({ share }, i) => i === 0 || Math.abs(share) <= Math.abs(terms[i - 1].share)), "largest first");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_is_uncertain_is_worth_a_question() {
    run(r#"
        const learner = await open();
        for (let i = 0; i < 20; i++) learner.learnOne({ item: "1", genres: ["Sci-Fi"] }, 1);
        const asked = learner.uncertain({ k: 2, exclude: [4] });
        equal(asked.length, 2);
        equal(asked[0].id, "3", "romance is still to be asked about");
        holds(asked[0].variance > 0 && asked[0].probability > 0 && asked[0].probability < 1, "figures");
        equal(learner.uncertain({ include: [2] }).map(({ id }) => id), ["2"]);
        equal(learner.metrics().events, 20, "asking teaches nothing");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn it_watches_itself() {
    run(r#"
        const store = fresh();
        const told = [];
        const options = {
          store, gate: 1, shadows: [{ visitor: "rate", rateFactor: 0.5 }, { visitor: "diagonal", forgetting: 0.01, maxRows: 8 }],
          drift: { detector: "page-hinkley", policy: { boost: 0.1, events: 20 } },
          onEvent: (event) => { if (event.type === "drift") told.push(event.drifts); },
        };
        const learner = await open(options);
        const slate = learner.recommend({ k: 4 });
        learner.skip(slate, slate.items[0].id);
        learner.click(slate, slate.items[1].id);
        for (let i = 0; i < 40; i++) {
          learner.learnOne({ genres: ["Sci-Fi"] }, 1);
          learner.learnOne({ genres: ["Romance"] }, 0);
        }
        const { personal, base, shadows, slates, weights, serving, evicted } = learner.metrics();
        for (const { all, window, recent } of [personal, base, ...shadows]) {
          for (const figures of [all, window, recent]) {
            holds(Object.values(figures).every((x) => x >= 0 && x < 5), JSON.stringify(figures));
          }
          equal(all.ctr, 0.5);
        }
        holds(personal.all.auc > 0.8 && personal.recent.accuracy > 0.9, JSON.stringify(personal));
        equal([shadows.length, weights.length, slates.count, slates.hitRate], [2, 3, 1, 1]);
        holds(slates.ndcg > 0.6 && slates.ndcg < 0.7, "the click stood in the second place");
        holds(Math.abs(weights.reduce((a, b) => a + b) - 1) < 1e-9, "they sum to 1");
        holds(serving === "base" || serving === "personal" || serving === 0 || serving === 1, String(serving));
        equal(evicted, { slates: 0, rows: 0 });
        equal(told, [], "no drift yet");

        for (let i = 0; i < 30; i++) {
          learner.learnOne({ genres: ["Sci-Fi"] }, 0);
          learner.learnOne({ genres: ["Romance"] }, 1);
        }
        holds(told.length > 0, "a change of mind is noticed");
        equal(learner.metrics().drifts, told.at(-1));
        const figures = learner.metrics().personal;
        await learner.close();
        const again = await open(options);
        equal([again.metrics().personal, again.metrics().drifts], [figures, told.at(-1)], "after a reload");
        await again.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_page_that_sets_no_thresholds_goes_by_the_seed() {
    run(r#"
        const after = async (options) => {
          const learner = await open({ model: { rateFactor: 100, calibrate: false }, ...options });
          let base = 0;
          for (let i = 0; i < 200; i++) {
            learner.learnOne({ genres: ["Sci-Fi"] }, (i * i) % 7 < 3 ? 1 : 0);
            base += learner.metrics().serving === "base";
          }
          const { drifts } = learner.metrics();
          await learner.close();
          return { alarms: drifts > 0, base: base > 0 };
        };
        const drift = { detector: "page-hinkley" };
        equal(await after({ bytes: keen(), drift }), { alarms: true, base: true });
        equal(await after({ bytes: keen(), drift: { ...drift, tolerance: 0.05, threshold: 1e6 }, gate: null }), { alarms: false, base: false });
        equal(await after({ bytes: keen(), gate: 1e6 }), { alarms: false, base: false });
        equal(await after({ drift: { ...drift, tolerance: 2 } }), { alarms: false, base: true }, "the usual gate");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn its_detectors_and_its_patience_are_the_pages_to_set() {
    run(r#"
        const alarms = async (drift) => {
          const learner = await open({ drift });
          for (let i = 0; i < 200; i++) learner.learnOne({ genres: ["Sci-Fi"] }, i < 100 ? 1 : 0);
          const { drifts } = learner.metrics();
          await learner.close();
          return drifts;
        };
        for (const [keen, slow] of [
          [{ delta: 0.5 }, { delta: 1e-300 }],
          [{ detector: "page-hinkley", threshold: 0.5 }, { detector: "page-hinkley", threshold: 1e6 }],
          [{ detector: "page-hinkley", tolerance: 0 }, { detector: "page-hinkley", tolerance: 1e6 }],
        ]) {
          equal([await alarms(keen) > 0, await alarms(slow)], [true, 0], JSON.stringify(keen));
        }
        for (const drift of [{ delta: 0 }, { delta: 2 }, { threshold: 1 }, { detector: "page-hinkley", delta: 0.1 },
          { detector: "page-hinkley", tolerance: -1 }, { detector: "kswin" }, "adwin"]) {
          equal(await code(() => open({ drift })), "bad_argument", JSON.stringify(drift));
        }

        const learner = await open({ maxPending: 2 });
        const [first, , third] = [1, 2, 3].map(() => learner.recommend({ k: 1 }));
        equal(learner.metrics().evicted.slates, 1);
        equal(learner.skip(first, first.items[0].id), null, "where it stood is not known any more");
        learner.click(third, third.items[0].id);
        await learner.close();
        for (const maxPending of [0, 1025, "2"]) equal(await code(() => open({ maxPending })), "bad_argument");
    "#)
    .await;
}
