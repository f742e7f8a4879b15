//! Recommending and learning.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;

#[wasm_bindgen_test]
async fn clicks_and_skips_turn_the_row() {
    run(r#"
        const learner = await open();
        for (let i = 0; i < 6; i++) {
          const slate = learner.recommend({ k: 4, context: { device: "phone" } });
          equal(slate.items.length, 4);
          const before = learner.click(slate, i % 2 ? 1 : "2");
          holds(before.probability > 0 && before.baseScore <= 1, "a prediction came back");
          learner.skip(slate.id, "3");
        }
        const { items } = learner.recommend({ k: 2 });
        equal(items.map((item) => item.id).sort(), ["1", "2"]);
        holds(items[0].score >= items[1].score && items[0].probability > 0.5, "best first");

        const metrics = learner.metrics();
        equal([metrics.events, metrics.clicks, metrics.skips, metrics.items], [12, 6, 6, 4]);
        equal([metrics.profile, metrics.version, metrics.unsent, metrics.saved], ["new", 1, 12, null]);
        holds(metrics.personal.logLoss < metrics.base.logLoss, "the personal model predicts better");

        const [first, second] = learner.taste("genres");
        equal(new Set([first.value, second.value]).size, 2);
        holds(learner.taste("genres", 9).find(({ value }) => value === "Sci-Fi").weight > 0, "science fiction is liked");
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn shelves_are_for_everyone() {
    run(r#"
        const learner = await open();
        // 1 and 2 are science fiction, 3 and 4 are romance.
        const like = learner.similar("1", { k: 2 });
        equal(like[0].id, "2", "the other of its kind");
        holds(like[0].similarity > 0.5 && like[0].similarity <= 1, JSON.stringify(like));
        equal(learner.similar(1).length, 3, "a number is an id, and an item is not like itself");
        learner.addItems([{ id: "new", features: { genres: ["Romance"] } }]);
        equal(learner.similar("new", { k: 2 }).map(({ id }) => id).sort(), ["3", "4"], "by its features");
        equal(await code(() => learner.similar("unheard of")), "unknown_item");
        equal(await code(() => learner.similar("1", { k: -1 })), "bad_argument");
        equal(await code(() => learner.similar()), "bad_argument");

        const ids = (items) => items.map(({ id }) => id);
        const popular = learner.popular({ k: 3, exclude: ["new"] });
        equal(ids(popular), ids(learner.recommend({ k: 3, exclude: ["new"] }).items), "what a stranger is shown");
        equal(Object.keys(popular[0]), ["id", "score", "probability"]);
        for (let i = 0; i < 20; i++) learner.learnOne({ genres: ["Romance"] }, 1);
        equal(learner.popular({ k: 3, exclude: ["new"] }), popular, "whoever asks");
        equal(await code(() => learner.popular({ context: { x: NaN } })), "bad_value");
        await learner.close();
        equal(await code(() => learner.popular()), "closed");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn nothing_is_known_before_the_first_event() {
    run(r#"
        const learner = await open();
        const { personal, base, shadows, slates } = learner.metrics();
        equal([personal.logLoss, personal.recentLogLoss, base.all.auc, base.window.ctr], [null, null, null, null]);
        equal([shadows, slates], [[], { count: 0, ndcg: null, hitRate: null }]);
        equal(learner.lastSent(), null);
        equal(learner.version, 1);
        equal(learner.recommend().items.length, 4, "the default k");
        equal(learner.recommend({ k: 0 }).items, []);
        equal(learner.recommend(null).items.length, 4);
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn one_event_at_a_time() {
    run(r#"
        const learner = await open();
        const film = { item: "1", genres: ["Sci-Fi"] };
        const before = learner.predictOne(film);
        equal(learner.learnOne(film, true), before, "what is learnt is predicted first");
        learner.learnOne(film, 0.75, 2);
        holds(learner.predictOne(film).score > before.score, "it was learnt");
        equal(learner.predictOne(film).baseScore, before.baseScore, "the base was not");
        equal(await code(() => learner.learnOne(film, 2)), "bad_label");
        equal(await code(() => learner.learnOne(film, NaN)), "bad_label");
        equal(await code(() => learner.learnOne(film, "yes")), "bad_argument");
        equal(await code(() => learner.learnOne(film, 1, -1)), "bad_label");
        equal(learner.metrics().events, 2);
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn misuse_has_a_code() {
    run(r#"
        const learner = await open();
        const slate = learner.recommend({ k: 2 });
        const [shown] = slate.items;
        equal(await code(() => learner.click("nonsense", shown.id)), "unknown_slate");
        equal(await code(() => learner.click(slate, "nonsense")), "unknown_item");
        equal(await code(() => learner.click(slate, {})), "bad_argument");
        equal(await code(() => learner.click(7, shown.id)), "bad_argument");
        learner.click(slate, shown.id);
        equal(learner.skip(slate, shown.id), null);
        equal(await code(() => learner.recommend({ k: -1 })), "bad_argument");
        equal(await code(() => learner.recommend({ k: 1.5 })), "bad_argument");
        equal(await code(() => learner.recommend(3)), "bad_argument");
        equal(await code(() => learner.taste(3)), "bad_argument");
        equal(await code(() => learner.addItems(3)), "bad_argument");
        equal(await code(() => learner.addItems([3])), "bad_argument");
        equal(await code(() => learner.addItems([{ id: 5 }, { id: 1.5 }])), "bad_argument");
        equal(await code(() => learner.addItems([{ id: 5 }, { id: "" }])), "bad_argument");
        equal(learner.metrics().items, 4, "all or nothing");
        const held = learner.hold({ item: "1" });
        for (const of of [held, slate]) {
          equal(await code(() => learner.click(of, "")), "bad_argument");
          equal(await code(() => learner.label(of, "", 1)), "bad_argument");
        }
        equal(await code(() => learner.click(held, "1")), "unknown_item");
        equal(await code(() => learner.labelHeld(slate, 1)), "unknown_item");
        equal(await code(() => learner.recommend({ include: [""] })), "bad_argument");
        learner.labelHeld(held, 1);
        equal(await code(() => learner.sync()), "no_endpoint");

        equal(await code(() => openBare()), "bad_argument");
        equal(await code(() => openBare({})), "bad_argument");
        equal(await code(() => openBare({ bytes: bytes(1), url: "/x" })), "bad_argument");
        equal(await code(() => openBare({ bytes: bytes(1), endPoint: "/x" })), "bad_argument");
        equal(await code(() => openBare({ bytes: bytes(1), syncEvents: 0 })), "bad_argument");
        equal(await code(() => openBare({ bytes: bytes(1), store: "" })), "bad_argument");
        equal(await code(() => openBare({ bytes: bytes(1), seed: 0.5 })), "bad_argument");
        equal(await code(() => openBare({ bytes: new Uint8Array(100), store: null })), "bad_base");
        equal(await code(() => openBare({ bytes: new ArrayBuffer(0), store: null })), "bad_base");
        for (const options of [
          { exploration: "some" }, { exploration: { epsilon: 2 } }, { exploration: {} }, { gate: -1 }, { gate: "2" },
          { drift: "adwin" }, { drift: { detector: "cusum" } }, { drift: { policy: { boost: 0.1 } } },
          { drift: { policy: { pull: 0.5, boost: 0.1, events: 3 } } }, { shadows: {} }, { shadows: [3] },
          { model: { rate: 1 } }, { model: { visitor: "fast" } }, { model: { feedback: 1 } }, { model: { rateFactor: -1 } },
          { model: { rates: { private: 1 } } }, { model: { maxRows: 0 } }, { model: { calibrate: 1 } },
          { model: { rateFactor: NaN } }, { exploration: { epsilon: NaN } }, { gate: NaN }, { gate: Infinity }, { maxPending: 1.5 },
          { shadows: Array.from({ length: 17 }, () => ({})) }, { model: { visitor: () => "rate" } },
          { seed: -1 }, { seed: "12" },
        ]) {
          equal(await code(() => open(options)), "bad_argument", JSON.stringify(options));
        }
        const said = async (options) => {
          try { await open(options); } catch (error) { return error.message; }
          return "accepted";
        };
        equal(await code(() => open({ gate: 1n })), "bad_argument");
        const shadows = [{}, { rateFactor: 1001 }];
        const told = "shadows[1].rateFactor: expected a number from 0 to 1000, found ";
        holds((await said({ shadows })).startsWith(told), await said({ shadows }));
        equal(await said({ model: { rates: { private: 1 } } }), "model.rates.shared: a number from 0 to 1000 is missing");
        for (const lists of [{ include: 3 }, { include: "12" }, { exclude: [{}] }]) {
          equal(await code(() => learner.recommend(lists)), "bad_argument", JSON.stringify(lists));
          equal(await code(() => learner.uncertain(lists)), "bad_argument", JSON.stringify(lists));
        }
        await (await open({ seed: 12n })).close();
        await (await open({ bytes: bytes(1).buffer })).close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_closed_learner_says_so() {
    run(r#"
        const learner = await open();
        const slate = learner.recommend();
        await learner.close();
        await learner.close();
        for (const use of ["addItems", "recommend", "click", "skip", "predictOne", "learnOne", "metrics", "lastSent", "label", "hold", "labelHeld", "learnPair", "explain", "uncertain", "save", "sync", "reset"]) {
          const args = { click: [slate, 1], skip: [slate, 1], learnOne: [{}, 1], addItems: [[]],
            label: [slate, 1, 1], labelHeld: [slate, 1] }[use] ?? [];
          equal(await code(() => learner[use](...args)), "closed", use);
        }
        equal(await code(() => learner.taste("genres")), "closed");
        equal(await code(() => learner.version), "closed");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn the_page_may_call_back_from_anywhere() {
    run(r#"
        // A getter of the page's and a callback both use the learner while it is at work.
        let seen = 0;
        const learner = await open({ store: fresh(), onEvent: () => { seen = learner.metrics().events; } });
        const cunning = { get genres() { learner.learnOne({ item: "4" }, 0); return ["Sci-Fi"]; } };
        learner.learnOne(cunning, 1);
        equal(learner.metrics().events, 2);
        equal(await code(() => learner.predictOne({ get x() { throw new RangeError("no, thank you"); } })), "bad_value");
        await learner.save();
        equal(seen, 2);
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_click_is_worth_more_than_a_rule() {
    run(r#"
        const learner = await open({ maxPending: 2 });
        const slate = learner.recommend({ k: 4 });
        const [first, second] = slate.items.map(({ id }) => id);
        learner.skip(slate, first);
        const before = learner.predictOne({ item: first }).score;
        holds(learner.click(slate, first) !== null, "a click after a skip is learnt");
        holds(learner.predictOne({ item: first }).score > before, "and moves the score");
        equal([learner.click(slate, first), learner.skip(slate, first)], [null, null], "a second one is not");
        equal([learner.metrics().events, learner.metrics().clicks, learner.metrics().slates], [2, 1, { count: 1, ndcg: 1, hitRate: 1 }]);

        // The list that was shown first is still on the screen.
        for (let n = 0; n < 5; n++) learner.recommend({ k: 4 });
        holds(learner.click(slate, second) !== null, "its slate made room, the item is known");
        equal(learner.metrics().clicks, 2);
        equal([learner.skip(slate, second), learner.metrics().events], [null, 3], "a skip is not learnt without its place");
        equal(await code(() => learner.click(slate, "not in the catalogue")), "unknown_slate");
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_very_long_slate_leaves_room_for_others() {
    run(r#"
        const learner = await open();
        const slate = learner.recommend({ k: 2 });
        learner.addItems(Array.from({ length: 2000 }, (_, n) => ({ id: `more ${n}`, features: { genres: ["Sci-Fi"] } })));
        const long = learner.recommend({ k: 2000 });
        equal([long.items.length, learner.metrics().evicted.slates], [2000, 0]);
        learner.skip(slate, slate.items[1].id);
        learner.click(long, long.items[3].id);
        learner.click(long, long.items.at(-1).id);
        learner.skip(long, long.items.at(-2).id);
        equal(learner.metrics().events, 4);
        await learner.close();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn ids_may_be_bigints() {
    run(r#"
        const learner = await open({ bytes: bytes(1) });
        learner.setItems([{ id: 9007199254740993n, features: { genres: ["Sci-Fi"], maker: 12n } }, { id: 3n }, { id: "4" }]);
        const slate = learner.recommend({ exclude: [4n] });
        equal(slate.items.map(({ id }) => id).sort(), ["3", "9007199254740993"], "every digit");
        learner.click(slate, 9007199254740993n);
        equal(learner.recommend({ include: [9007199254740993n, 3n], unseen: true }).items.map(({ id }) => id), ["3"]);
        equal(learner.predictOne({ item: 3n }), learner.predictOne({ item: "3" }), "a category");
        equal(learner.predictOne({ tags: [12n] }), learner.predictOne({ tags: [12] }));
        equal([learner.removeItems([3n]), learner.metrics().items], [1, 2]);
        equal(learner.similar(4n).length, 1);
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_was_prepared_is_let_go_of() {
    run(r#"
        const learner = await open();
        const [first, second] = [{ item: "1" }, { item: "3", genres: ["Romance"] }].map((features) => learner.prepare(features));
        learner.release(first);
        for (const handle of [first, 7, 0.5, -1, NaN]) {
          equal(await code(() => learner.release(handle)), "bad_argument");
          equal(await code(() => learner.predictPrepared(handle)), "bad_argument");
        }
        const film = { item: "4", genres: ["Romance"] };
        equal([learner.prepare(film), learner.predictPrepared(first)], [first, learner.predictOne(film).probability], "the integer is used again");
        equal(learner.predictPrepared(second), learner.predictOne({ item: "3", genres: ["Romance"] }).probability, "others stay");
        // A page that lets go of what it prepares never runs out.
        for (let i = 0; i < 70_000; i++) learner.release(learner.prepare(film));
        for (let i = 2; i < 65_536; i++) learner.prepare(film);
        equal(await code(() => learner.prepare(film)), "bad_argument");
        learner.release(9);
        equal(learner.prepare(film), 9);
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_slate_is_as_diverse_as_it_is_asked_to_be() {
    run(r#"
        const learner = await open();
        for (let i = 0; i < 6; i++) learner.learnOne({ item: "1", genres: ["Sci-Fi"] }, 1);
        const genreOf = (slate) => slate.items.map(({ id }) => (id < 3 ? "Sci-Fi" : "Romance"));
        equal(genreOf(learner.recommend({ k: 3 })).slice(0, 2), ["Sci-Fi", "Sci-Fi"]);
        equal(genreOf(learner.recommend({ k: 2, diversity: 0.7 })), ["Sci-Fi", "Romance"]);
        equal(genreOf(learner.recommend({ k: 4, atMost: { genres: 1 } })), ["Sci-Fi", "Romance"], "shorter where nothing else may come");
        equal(learner.recommend({ k: 4, atMost: { nothing: 1 } }).items.length, 4);
        for (const options of [{ diversity: 2 }, { diversity: "much" }, { atMost: 1 }, { atMost: { genres: 0.5 } }, { atMost: { genres: "one" } }]) {
          equal(await code(() => learner.recommend(options)), "bad_argument", JSON.stringify(options));
        }
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn who_listens_hears_of_his_events_until_he_does_not() {
    run(r#"
        const heard = [];
        const learner = await open({ store: fresh(), onEvent: ({ type }) => heard.push(`all ${type}`) });
        const once = ({ revision }) => { heard.push(`once ${revision}`); learner.off("saved", once); };
        const always = ({ type }) => heard.push(type);
        learner.on("saved", once);
        learner.on("saved", always);
        learner.on("saved", always);
        learner.on("merged", always);
        const save = () => { learner.learnOne({ item: "1" }, 1); return learner.save(); };
        await save();
        await save();
        equal(heard, ["all saved", "once 1", "saved", "all saved", "saved"]);
        learner.off("saved", always);
        learner.off("saved", always);
        await save();
        equal(heard.length, 6);
        for (const [type, listener] of [["save", always], ["saved", null], [undefined, always]]) {
          equal(await code(() => learner.on(type, listener)), "bad_argument");
        }
        await learner.close();
        equal(await code(() => learner.on("saved", always)), "closed");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_catalogue_comes_in_columns_or_in_slices_as_well() {
    run(r#"
        const catalogue = Array.from({ length: 3000 }, (_, n) => ({ id: n, features: { genres: [n % 3 ? "Sci-Fi" : "Romance"], year: 1950 + n % 60 } }));
        const columns = { ids: catalogue.map(({ id }) => id), features: { genres: catalogue.map(({ features }) => features.genres), year: Float32Array.from(catalogue, ({ features }) => features.year) } };
        const bare = () => openBare({ bytes: bytes(1), store: null, seed: 1 });
        const [rows, cols, slices, both] = await Promise.all([bare(), bare(), bare(), bare()]);
        rows.addItems(catalogue);
        cols.addItems(columns);
        let ticks = 0;
        const ticking = setInterval(() => ticks++, 1);
        await slices.addItemsInSlices(catalogue);
        clearInterval(ticking);
        holds(ticks > 1, "the page has its turns");
        await both.addItemsInSlices(columns);
        const first = (learner) => learner.recommend({ k: 20 }).items;
        for (const learner of [cols, slices, both]) equal([first(learner), learner.metrics().items], [first(rows), 3000]);
        cols.setItems({ ids: new BigInt64Array([1n, 7n]) });
        equal(cols.recommend().items.map(({ id }) => id).sort(), ["1", "7"]);

        const bad = [
          7, {}, { ids: 7 }, { ids: [1], features: 3 }, { ids: [1], features: { year: 3 } }, { ids: [1, 2], features: { year: [1] } }, { ids: [1], columns: {} },
          { ids: [1.5] }, [{ id: 1 }, { id: 2, name: "x" }], [null], [{}], [{ get id() { throw new Error("a getter of the page's"); } }],
        ];
        for (const items of bad) {
          equal(await code(() => cols.addItems(items)), "bad_argument", `bad items ${bad.indexOf(items)}`);
          equal(await code(() => slices.addItemsInSlices(items)), "bad_argument", `bad items ${bad.indexOf(items)}`);
        }
        equal(await code(() => slices.addItemsInSlices([{ id: "new" }, { id: 1, features: { when: new Date() } }])), "bad_value");
        equal([cols.metrics().items, slices.metrics().items], [2, 3000], "nothing half applied");
        const closing = both.addItemsInSlices(Array.from({ length: 100_000 }, (_, id) => ({ id })));
        await both.close();
        equal(await code(() => closing), "closed");
    "#)
    .await;
}
