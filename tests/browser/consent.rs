//! What a visitor allows, and what is left of him when he says so: with the network, the database and the other tabs looked at.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;

/// Beside the prelude: every way out of a page, and every place in which something could be kept.
const LOOK: &str = r#"
const network = () => {
  const { calls, restore } = endpoint(({ method }) =>
    method === "POST" ? { body: { acknowledged: 1, repeat: false, version: 1 } } : { status: 304 });
  const other = [];
  const [beacon, send, socket] = [navigator.sendBeacon, XMLHttpRequest.prototype.send, globalThis.WebSocket];
  navigator.sendBeacon = (...sent) => other.push(["beacon", ...sent]);
  XMLHttpRequest.prototype.send = function () { other.push(["xhr"]); };
  globalThis.WebSocket = class { constructor(url) { other.push(["socket", url]); } };
  return {
    sent: () => [...calls.filter(({ method, body }) => method !== "GET" || body), ...other].length,
    posts: () => calls.filter(({ method }) => method === "POST").map(({ body }) => body),
    restore: () => {
      restore();
      navigator.sendBeacon = beacon;
      XMLHttpRequest.prototype.send = send;
      globalThis.WebSocket = socket;
    },
  };
};
const databases = async () => (await indexedDB.databases()).map(({ name }) => name);
const keys = async (store) => {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
  });
  const database = await done(indexedDB.open(store));
  const found = await done(database.transaction("brooklet").objectStore("brooklet").getAllKeys());
  database.close();
  return found.map(String);
};
const notes = (store) => Object.keys(localStorage).filter((key) => key.startsWith(`brooklet/${store}/`));
const leave = () => globalThis.dispatchEvent(new Event("pagehide"));
const comeBack = () => globalThis.dispatchEvent(new Event("pageshow"));
"#;

async fn looked(body: &str) {
    run(&[LOOK, body].concat()).await;
}

#[wasm_bindgen_test]
async fn off_nothing_is_learnt_stored_or_sent() {
    looked(
        r#"
        const { sent, restore } = network();
        const store = fresh();
        const learner = await open({ store, endpoint: "/films", consent: "off", log: 100, syncEvents: 1 });
        equal(learner.consent, "off");
        const film = { item: "1", genres: ["Sci-Fi"] };
        const before = learner.predictOne(film);
        const slate = learner.recommend({ k: 3 });
        equal(learner.click(slate, slate.items[0].id), null);
        equal(learner.skip(slate, slate.items[1].id), null);
        equal(learner.learnOne(film, 1), before, "it is predicted, and that is all");
        learner.learnPair(film, { item: "4" });
        equal(learner.labelHeld(learner.hold(film), 1), null);
        equal(learner.undo(slate, slate.items[0].id), null);
        equal(learner.learnPrepared(learner.prepare(film), 1), before.probability);
        await learner.save();
        equal(await learner.sync(), { sent: false, acknowledged: null, pulled: false, version: 1 });
        leave();
        comeBack();
        await pause(300);
        equal(learner.predictOne(film), before);
        equal(learner.recommend({ k: 3 }).items, slate.items);
        equal([learner.metrics().events, learner.metrics().saved, learner.exportLog(), learner.whatIsSent()], [0, null, "", null]);
        equal(await code(() => learner.importProfile(learner.exportProfile())), "no_consent");
        await learner.close();
        equal([sent(), notes(store), (await databases()).includes(store)], [0, [], false]);
        equal(await code(() => open({ consent: "yes" })), "bad_argument");
        restore();
    "#,
    )
    .await;
}

#[wasm_bindgen_test]
async fn what_is_personal_is_kept_here_and_never_told() {
    looked(
        r#"
        const { sent, posts, restore } = network();
        const store = fresh();
        const learner = await open({ store, endpoint: "/films", consent: "personal", syncEvents: 1, syncSeconds: 0.05 });
        for (let i = 0; i < 3; i++) learner.learnOne({ item: "1", genres: ["Sci-Fi"] }, 1);
        const slate = learner.recommend({ k: 3 });
        learner.click(slate, slate.items[0].id);
        equal(learner.undo(slate, slate.items[0].id), { sent: false });
        learner.skip(slate, slate.items[1].id);
        holds(!learner.recommend({ unseen: true }).items.some(({ id }) => id === slate.items[1].id), "what was seen is known");
        equal(await learner.sync(), { sent: false, acknowledged: null, pulled: false, version: 1 });
        await pause(300);
        learner.learnOne({ item: "2", genres: ["Sci-Fi"] }, 1);
        leave();
        comeBack();
        await pause(100);
        equal([learner.metrics().unsent, learner.whatIsSent()], [0, null]);
        await learner.close();
        equal(sent(), 0);

        // Not even when sharing is allowed later: the next delta is of what is learnt from then on.
        const later = await open({ store, endpoint: "/films" });
        equal([later.metrics().profile, later.metrics().events, later.metrics().unsent], ["restored", 6, 0]);
        later.learnOne({ item: "4" }, 1);
        equal(later.whatIsSent().rows.map(({ name }) => name), ["item=4"]);
        await later.sync();
        equal([posts().length, later.lastSent().rows, later.lastSent().events], [1, 1, 1]);
        await later.close();
        restore();
    "#,
    )
    .await;
}

#[wasm_bindgen_test]
async fn consent_is_taken_back_in_every_tab_at_once_and_may_be_given_again() {
    looked(
        r#"
        const { sent, posts, restore } = network();
        const store = fresh();
        const told = [];
        const [a, b] = await Promise.all([
          open({ store, endpoint: "/films", onEvent: ({ type, consent }) => type === "consent" && told.push(consent) }),
          open({ store, endpoint: "/films" }),
        ]);
        const film = { item: "1", genres: ["Sci-Fi"] };
        a.learnOne(film, 1);
        await a.save();
        await until(() => b.metrics().events === 1, "both know it");
        const kept = b.predictOne(film);

        const withdrawn = b.setConsent("off");
        equal(b.consent, "off", "from this moment on");
        b.learnOne(film, 1);
        await withdrawn;
        await until(() => a.consent === "off", "word to the other tab");
        a.learnOne(film, 1);
        equal([a.metrics().events, b.metrics().events], [0, 0], "what was learnt is out of use");
        await Promise.all([a.save(), b.save()]);
        leave();
        comeBack();
        await pause(200);
        equal(sent(), 0, "not even what was ready to go");

        await a.setConsent("personal");
        await until(() => b.consent === "personal", "word to the other tab");
        equal([a.metrics().events, a.predictOne(film)], [1, kept], "the profile is back as it was");
        a.learnOne({ item: "3" }, 0);
        await a.sync();
        equal(sent(), 0);
        await a.setConsent("sharing");
        await a.sync();
        equal([posts().length, a.lastSent().events], [1, 1], "what was learnt while that was allowed goes out, and nothing else");
        equal(told, ["off", "personal", "sharing"]);
        await Promise.all([a.close(), b.close()]);
        equal(await code(() => a.setConsent("off")), "closed");
        restore();
    "#,
    )
    .await;
}

#[wasm_bindgen_test]
async fn the_browsers_own_signal_is_heeded() {
    looked(
        r#"
        const { sent, restore } = network();
        Object.defineProperty(navigator, "globalPrivacyControl", { value: true, configurable: true });
        try {
          const learner = await open({ endpoint: "/films", syncEvents: 1 });
          equal(learner.consent, "personal");
          await learner.setConsent("sharing");
          equal(learner.consent, "personal", "no page overrules it");
          learner.learnOne({ item: "1" }, 1);
          await learner.sync();
          await learner.setConsent("off");
          equal(learner.consent, "off");
          await learner.close();
          equal(sent(), 0);
        } finally {
          delete navigator.globalPrivacyControl;
        }
        restore();
    "#,
    )
    .await;
}

#[wasm_bindgen_test]
async fn what_is_said_to_be_sent_is_what_is_sent() {
    looked(
        r#"
        const { posts, restore } = network();
        const learner = await open({ store: fresh(), endpoint: "/films" });
        equal(learner.whatIsSent(), null, "nothing learnt");
        learner.learnOne({ item: "1", genres: ["Sci-Fi", "New"], age: 40, shop: { open: true, hour: 3 } }, 1);
        learner.learnOne({ item: "99" }, 0);
        await learner.save();
        const next = learner.whatIsSent();
        equal(next.rows.map(({ name }) => name).sort(), ["genres=New", "genres=Sci-Fi", "item=1", "item=99", "shop.hour", "shop.open"], "nothing private, all by name");
        holds(next.rows.every(({ numbers }) => numbers.length === 3), "the weight and two factors");
        equal([next.events, next.seq, next.version, next.client.length], [2, 1, 1, 16]);
        await learner.sync();
        equal([...posts()[0]], [...next.bytes], "byte for byte");
        equal(learner.whatIsSent(), null);
        await learner.close();
        const alone = await open();
        alone.learnOne({ item: "1" }, 1);
        equal(alone.whatIsSent(), null, "without an endpoint");
        restore();
    "#,
    )
    .await;
}

#[wasm_bindgen_test]
async fn a_profile_moves_to_another_device_and_is_told_once() {
    looked(
        r#"
        const { posts, restore } = network();
        const film = { item: "1", genres: ["Sci-Fi"] };
        const phone = await open({ store: fresh(), endpoint: "/films" });
        for (let i = 0; i < 4; i++) phone.learnOne(film, 1);
        const profile = phone.exportProfile();
        const store = fresh();
        const desk = await open({ store, endpoint: "/films" });
        const other = await open({ store, endpoint: "/films" });
        desk.learnOne({ item: "4" }, 1);
        await desk.importProfile(profile);
        equal(desk.predictOne(film), phone.predictOne(film));
        equal([desk.metrics().events, desk.metrics().unsent, desk.whatIsSent()], [4, 0, null]);
        await until(() => other.metrics().events === 4, "the other tab has it");
        desk.learnOne({ item: "3" }, 0);
        await desk.sync();
        await phone.sync();
        equal(posts().map((body) => body[26]), [1, 4], "events of either device, each told once");
        holds([...posts()[0]].slice(5, 23).join() !== [...posts()[1]].slice(5, 23).join(), "under keys of their own");

        const before = desk.predictOne(film);
        equal(await code(() => desk.importProfile(new Uint8Array([1, 2, 3]))), "bad_profile");
        const books = await open({ bytes: bytes(1, "books") });
        equal(await code(() => desk.importProfile(books.exportProfile())), "incompatible_profile");
        equal(await code(() => desk.importProfile("profile")), "bad_argument");
        equal(desk.predictOne(film), before, "nothing half taken");
        await Promise.all([phone, desk, other].map((learner) => learner.close()));
        const again = await open({ store });
        equal([again.metrics().profile, again.metrics().events], ["restored", 5]);
        await again.close();
        restore();
    "#,
    )
    .await;
}

#[wasm_bindgen_test]
async fn nothing_is_left_of_who_is_forgotten() {
    looked(
        r#"
        const store = fresh();
        const { calls, restore } = endpoint(({ method }) => method === "POST"
          ? { body: { acknowledged: 1, repeat: false, version: 1 } } : { body: bytes(1), headers: { etag: '"v1"' } });
        const film = { item: "1", genres: ["Sci-Fi"] };
        const told = [];
        const options = { store, url: "/films", log: 100, onEvent: ({ type }) => told.push(type) };
        const [a, b] = await Promise.all([open(options), open(options)]);
        const before = a.predictOne(film);
        a.learnOne(film, 1);
        await a.save();
        // One tab has left a note, the other has not saved what it learnt last.
        b.learnOne(film, 1);
        leave();
        comeBack();
        a.learnOne(film, 1);
        holds((await keys(store)).length > 2, "a profile, a base, a log");
        await a.forget();
        await until(() => told.filter((type) => type === "forgotten").length === 2, "word to the other tab");
        const gone = async () => equal([await keys(store), notes(store)], [[], []]);
        await gone();
        for (const tab of [a, b]) {
          equal([tab.predictOne(film), tab.metrics().events, tab.lastSent()], [before, 0, null]);
          equal([tab.popular({ k: 4 }).length, tab.exportLog().includes("learnt")], [4, false]);
        }
        await Promise.all([a.close(), b.close()]);
        const again = await open({ ...options, log: 0 });
        equal([again.metrics().profile, again.metrics().events], ["new", 0]);
        again.learnOne(film, 1);
        await again.close();
        holds((await keys(store)).length > 0, "who goes on is learnt anew");

        // Without consent as well, and of what was kept before.
        const off = await open({ ...options, consent: "off" });
        await off.forget();
        await gone();
        await off.close();
        restore();
    "#,
    )
    .await;
}
