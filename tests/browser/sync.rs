//! Deltas out, bases in: against a stand-in for `fetch`.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;

#[wasm_bindgen_test]
async fn a_delta_goes_out_and_a_base_comes_in() {
    run(r#"
        const told = [];
        const { calls, restore } = endpoint(({ method, headers }) => {
          if (method === "POST") return { body: { acknowledged: 1, repeat: false, version: 2 } };
          if (headers["if-none-match"] === '"v2"') return { status: 304 };
          return { body: bytes(2), headers: { etag: '"v2"' } };
        });
        const learner = await open({ store: fresh(), endpoint: "/v1/models/films/", onEvent: (event) => told.push(event) });
        learner.learnOne({ item: "1", genres: ["Sci-Fi"], age: 3 }, 1);
        const learnt = learner.predictOne({ item: "1" }).score;
        const report = await learner.sync();
        equal(report, { sent: true, acknowledged: 1, pulled: true, version: 2 });
        equal([learner.version, learner.metrics().version, learner.metrics().unsent], [2, 2, 0]);
        equal(learner.predictOne({ item: "1" }).score, learnt, "the residual is kept");

        const [post, get] = calls;
        equal([post.url, post.method, post.headers["content-type"]], ["/v1/models/films/deltas", "POST", "application/cbor"]);
        equal([get.url.replace(/\d+$/, "N"), get.method], ["/v1/models/films?cohort=N", "GET"]);
        const sent = learner.lastSent();
        equal([...sent.bytes], [...post.body], "what is shown is what was sent");
        equal([sent.seq, sent.events, sent.acknowledged, sent.at instanceof Date], [1, 1, true, true]);
        holds(sent.rows === 2, "only the shared rows went out");
        equal(told.filter(({ type }) => type !== "saved").map(({ type }) => type), ["sent", "acknowledged", "pulled"]);

        equal(await learner.sync(), { sent: false, acknowledged: null, pulled: false, version: 2 });
        equal(calls.length, 3, "nothing to send, one question whether there is a newer base");
        await learner.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn the_page_clicks_while_a_sync_is_under_way() {
    run(r#"
        let answer;
        const { restore } = endpoint(({ method }) =>
          method === "GET" ? { status: 304 } : new Promise((resolve) => { answer = resolve; }));
        const learner = await open({ store: fresh(), endpoint: "/films" });
        learner.learnOne({ item: "1" }, 1);
        const syncing = learner.sync();
        await until(() => answer, "a request");
        const slate = learner.recommend();
        learner.click(slate, 2);
        await learner.save();
        equal(learner.metrics().events, 2);
        answer({ body: { acknowledged: 1, repeat: false, version: 1 } });
        equal((await syncing).acknowledged, 1);
        equal(learner.metrics().unsent, 1, "what was learnt meanwhile is for the next delta");
        await learner.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn the_same_bytes_go_out_until_they_are_acknowledged() {
    run(r#"
        const store = fresh();
        const { calls, restore } = endpoint(({ method }, n) => n < 3 ? { status: 503, body: { code: "draining" } }
          : method === "GET" ? { status: 304 } : { body: { acknowledged: n - 2, repeat: n === 3, version: 1 } });
        const first = await open({ store, endpoint: "/films" });
        first.learnOne({ item: "1" }, 1);
        equal(await code(() => first.sync()), "draining");
        first.learnOne({ item: "2" }, 1);
        equal(await code(() => first.sync()), "draining");
        equal(first.lastSent().acknowledged, false);
        equal(first.metrics().unsent, 2, "one in the delta that waits, one that is in none yet");
        await first.close();

        // After a reload as well.
        const second = await open({ store, endpoint: "/films" });
        equal(second.metrics().unsent, 2);
        equal((await second.sync()).acknowledged, 2, "what the delta from before did not hold goes out as well");
        const [a, b, c, d] = calls.map(({ body }) => body && [...body]);
        equal(a, b);
        equal(a, c);
        holds(a.join() !== d.join(), "another delta");
        equal([calls.length, calls[4].method], [5, "GET"]);
        equal([second.lastSent().events, second.metrics().unsent], [1, 0]);
        await second.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_gap_starts_a_new_client() {
    run(r#"
        const { calls, restore } = endpoint(({ method }, n) => {
          if (method === "GET") return { status: 304 };
          return n === 1 ? { status: 409, body: { code: "sequence_gap", expected: 1 } }
            : { body: { acknowledged: 1, repeat: false, version: 1 } };
        });
        const learner = await open({ store: fresh(), endpoint: "/films" });
        learner.learnOne({ item: "1" }, 1);
        equal((await learner.sync()).acknowledged, 1);
        const [gap, again] = calls.map(({ body }) => [...body ?? []].join());
        holds(gap !== again, "another client key");
        equal(learner.lastSent().events, 1, "the same learning");
        await learner.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_stale_base_is_pulled_first() {
    run(r#"
        const { calls, restore } = endpoint(({ method }, n) => {
          if (method === "GET") return { body: bytes(9), headers: { etag: '"v9"' } };
          return n === 1 ? { status: 410, body: { code: "stale_base", version: 9 } }
            : { body: { acknowledged: 1, repeat: false, version: 9 } };
        });
        const learner = await open({ store: fresh(), endpoint: "/films" });
        learner.learnOne({ item: "1" }, 1);
        equal(await learner.sync(), { sent: true, acknowledged: 1, pulled: true, version: 9 });
        equal(calls.map(({ method }) => method), ["POST", "GET", "POST"]);
        await learner.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_somebody_else_answers_is_no_acknowledgement() {
    run(r#"
        // A captive portal says 200 to everything.
        const { restore } = endpoint(() => ({ body: "please log in" }));
        const learner = await open({ store: fresh(), endpoint: "/films" });
        learner.learnOne({ item: "1" }, 1);
        equal(await code(() => learner.sync()), "http_200");
        equal(learner.lastSent().acknowledged, false);
        await learner.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn offline_everything_waits() {
    run(r#"
        const told = [];
        let offline = true;
        const { calls, restore } = endpoint(({ method }) => ({
          offline, ...(method === "GET" ? { status: 304 } : { body: { acknowledged: 1, repeat: false, version: 1 } }) }));
        const learner = await open({ store: fresh(), endpoint: "/films", syncEvents: 1, onEvent: (event) => told.push(event) });
        learner.learnOne({ item: "1" }, 1);
        await until(() => told.some(({ type, error }) => type === "error" && error.code === "offline"), "a failure");
        equal(await code(() => learner.sync()), "offline");
        equal(learner.metrics().unsent, 1, "the delta is made, and waits");
        offline = false;
        globalThis.dispatchEvent(new Event("online"));
        await until(() => learner.lastSent().acknowledged, "a delta when the network is back");

        // When the browser knows that it is offline, nobody needs to be told.
        Object.defineProperty(navigator, "onLine", { value: false, configurable: true });
        const before = [calls.length, told.filter(({ type }) => type === "error").length];
        learner.learnOne({ item: "1" }, 1);
        await pause(100);
        equal(await code(() => learner.sync()), "offline");
        equal([calls.length, told.filter(({ type }) => type === "error").length], before);
        delete navigator.onLine;
        await learner.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn deltas_go_out_by_themselves() {
    run(r#"
        let seq = 0;
        const { calls, restore } = endpoint(() => ({ body: { acknowledged: ++seq, repeat: false, version: 1 } }));
        const learner = await open({ store: fresh(), endpoint: "/films", syncEvents: 3, syncSeconds: 0.5 });
        await pause(700);
        equal(calls.length, 0, "nothing learnt, nothing sent");
        for (let i = 0; i < 4; i++) learner.learnOne({ item: "1" }, 1);
        await until(() => seq === 1, "a delta after enough events");
        await until(() => learner.lastSent().acknowledged, "its acknowledgement");
        learner.learnOne({ item: "1" }, 0);
        await until(() => seq === 2, "a delta after a while");
        await until(() => learner.lastSent().acknowledged, "its acknowledgement");
        await learner.close();
        learner.free();
        globalThis.dispatchEvent(new Event("pagehide"));
        await pause(50);
        equal(calls.length, 2, "a closed learner does not listen");
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_is_ready_goes_out_as_the_page_goes() {
    run(r#"
        const taken = [];
        const { calls, restore } = endpoint(({ method, body }) => {
          if (method === "GET") return { status: 304 };
          const repeat = taken.includes([...body].join());
          if (!repeat) taken.push([...body].join());
          return { body: { acknowledged: seqOf(body), repeat, version: 1 } };
        });
        const seqOf = (body) => { holds(body[23] === 3, "a sequence number follows"); return body[24]; };
        const store = fresh();
        const learner = await open({ store, endpoint: "/films" });
        const leave = () => globalThis.dispatchEvent(new Event("pagehide"));
        const comeBack = () => globalThis.dispatchEvent(new Event("pageshow"));
        leave();
        equal(calls.length, 0, "nothing learnt, nothing sent");
        comeBack();
        learner.learnOne({ item: "1" }, 1);
        learner.learnOne({ item: "2" }, 0);
        await learner.save();
        leave();
        equal([calls.length, calls[0].init.keepalive, learner.lastSent().events], [1, true, 2], "before the handler is done");
        leave();
        equal(calls.length, 1, "once is enough");

        // The page comes back and learns more: what went out is confirmed, then the rest follows.
        comeBack();
        learner.learnOne({ item: "3" }, 1);
        await until(() => learner.lastSent().acknowledged, "its acknowledgement");
        equal([taken.length, [...calls[1].body].join() === taken[0]], [1, true], "the same bytes");
        await learner.save();
        leave();
        equal([calls.length, learner.lastSent().events, learner.lastSent().seq], [3, 1, 2]);

        // What is not saved yet is left behind with a delta of its own, and is learnt by the next page.
        comeBack();
        learner.learnOne({ item: "4" }, 1);
        leave();
        equal([calls.length, learner.lastSent().events, learner.lastSent().seq], [4, 1, 1]);
        // So is what a handler of the page's teaches that hears of it later.
        learner.learnOne({ item: "5" }, 0);
        learner.learnOne({ item: "6" }, 0);
        await null;
        equal([calls.length, learner.lastSent().events, learner.lastSent().seq], [5, 2, 1]);
        const next = await open({ store, endpoint: "/films" });
        equal(next.metrics().events, 6);
        // Who closes sends too.
        next.learnOne({ item: "7" }, 1);
        await next.close();
        comeBack();
        await learner.close();
        const last = await open({ store, endpoint: "/films" });
        equal((await last.sync()).version, 1);
        equal([last.metrics().events, last.metrics().unsent], [7, 0]);
        const events = taken.map((body) => Number(body.split(",")[26])).reduce((sum, count) => sum + count);
        equal([taken.length, events], [5, 7], "each event went out once");
        await last.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn two_tabs_send_each_event_once() {
    run(r#"
        const store = fresh();
        const taken = new Map();
        const { restore } = endpoint(({ method, body }) => {
          if (method === "GET") return { status: 304 };
          // The endpoint in three lines: 16 random bytes of a client key end before 23, the sequence number and the events follow.
          const delta = [...body].join();
          const repeat = taken.has(delta);
          taken.set(delta, body);
          return { body: { acknowledged: seqOf(body), repeat, version: 1 } };
        });
        const seqOf = (body) => { holds(body[23] === 3, "a sequence number follows"); return body[24]; };
        const [a, b] = await Promise.all([open({ store, endpoint: "/films" }), open({ store, endpoint: "/films" })]);
        let events = 0;
        for (let i = 0; i < 5; i++) {
          a.learnOne({ item: "1" }, 1);
          b.learnOne({ item: "2" }, 1);
          await Promise.all([a.sync(), b.sync()]);
        }
        await a.sync();
        await b.sync();
        for (const body of taken.values()) events += eventsOf(body);
        function eventsOf(body) { holds(body[25] === 4, "events follow"); return body[26]; }
        equal(events, 10, `in ${taken.size} deltas`);
        equal([a.metrics().unsent, b.metrics().unsent], [0, 0]);
        await Promise.all([a.close(), b.close()]);
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_page_opens_offline_with_what_it_kept() {
    run(r#"
        const store = fresh();
        let offline = false;
        const told = [];
        const { calls, restore } = endpoint(({ headers }) => ({ offline,
          ...(headers["if-none-match"] === '"v3"' ? { status: 304 } : { body: bytes(3), headers: { etag: '"v3"' } }) }));
        equal(await code(async () => { offline = true; await open({ url: "/films", store }); }), "offline");
        offline = false;
        const first = await open({ url: new URL("/films", location.href), store });
        equal(first.version, 3);
        first.learnOne({ item: "1" }, 1);
        await first.close();

        const second = await open({ url: new URL("/films", location.href), store });
        equal([calls.at(-1).headers["if-none-match"], second.version], ['"v3"', 3], "not fetched twice");
        await second.close();

        offline = true;
        const third = await open({ url: new URL("/films", location.href), store, onEvent: (event) => told.push(event) });
        equal([third.version, third.metrics().events], [3, 1]);
        await until(() => told.length > 0, "word of the network");
        equal(told.map(({ type, during, error }) => [type, during, error.code]), [["error", "open", "offline"]]);
        await third.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_pulled_base_is_there_after_a_reload() {
    run(r#"
        const store = fresh();
        const { calls, restore } = endpoint(({ url, headers }) => {
          if (url === "/seed") return { body: bytes(1), headers: { etag: '"seed"' } };
          return headers["if-none-match"] === '"v5"' ? { status: 304 } : { body: bytes(5), headers: { etag: '"v5"' } };
        });
        const first = await open({ url: "/seed", endpoint: "/films", store });
        equal(first.version, 1);
        equal((await first.sync()).pulled, true);
        await first.close();
        const second = await open({ url: "/seed", endpoint: "/films", store });
        equal([second.version, calls.at(-1).url], [5, "/films"]);
        equal((await second.sync()).pulled, false);
        await second.close();
        const third = await open({ bytes: bytes(1), endpoint: "/films", store });
        equal(third.version, 5, "newer than what the page brings");
        await third.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_base_of_another_shape_is_refused() {
    run(r#"
        let body = bytes(2, "books");
        const { restore } = endpoint(() => ({ body }));
        const learner = await open({ store: fresh(), endpoint: "/films" });
        equal(await code(() => learner.sync()), "incompatible_base");
        body = new Uint8Array([1, 2, 3]);
        equal(await code(() => learner.sync()), "bad_base");
        equal(learner.version, 1);
        await learner.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn an_endpoint_whose_version_went_back_is_met_there() {
    run(r#"
        let current = 5;
        const { calls, restore } = endpoint(({ method, headers }, n) => {
          if (method === "GET") return headers["if-none-match"] === `"v${current}"` ? { status: 304 } : { body: bytes(current), headers: { etag: `"v${current}"` } };
          return n === 2 ? { status: 409, body: { code: "unknown_base", version: 2 } } : { body: { acknowledged: 1, repeat: false, version: 2 } };
        });
        const learner = await open({ store: fresh(), bytes: null, url: "/films", endpoint: "/films" });
        equal(learner.version, 5);
        current = 2;
        learner.learnOne({ item: "1" }, 1);
        equal(await learner.sync(), { sent: true, acknowledged: 1, pulled: true, version: 2 });
        equal(calls.map(({ method }) => method), ["GET", "POST", "GET", "POST"]);
        await learner.close();
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn what_is_never_taken_is_dropped_and_who_is_busy_is_left_alone() {
    run(r#"
        const told = [];
        let answer = { status: 400, body: { code: "bad_delta" } };
        const { calls, restore } = endpoint(({ method }) => method === "GET" ? { status: 304 } : answer);
        const onEvent = ({ type, error }) => type === "error" && told.push(error.code);
        const learner = await open({ store: fresh(), endpoint: "/films", syncEvents: 1, onEvent });
        learner.learnOne({ item: "1" }, 1);
        await until(() => told.length === 1, "a refusal");
        equal([told[0], learner.metrics().unsent], ["bad_delta", 0]);
        answer = { status: 409, body: { code: "sequence_gap", expected: 1 } };
        learner.learnOne({ item: "2" }, 1);
        equal(await code(() => learner.sync()), "refused");
        equal([calls.length, learner.metrics().unsent], [4, 1], "asked three times, and kept");
        answer = { status: 503, body: { code: "busy" }, headers: { "retry-after": "3600" } };
        equal(await code(() => learner.sync()), "busy");
        globalThis.dispatchEvent(new Event("online"));
        globalThis.dispatchEvent(new Event("pagehide"));
        await pause(2500);
        equal(calls.length, 5);
        globalThis.dispatchEvent(new Event("pageshow"));
        await learner.close();
        equal(calls.length, 5);
        restore();
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn a_returning_visitor_does_not_wait_for_the_network() {
    run(r#"
        const store = fresh();
        let hangs = false;
        let let_go;
        const { calls, restore } = endpoint(async ({ method }) => {
          if (hangs) await new Promise((resolve) => { let_go = resolve; });
          return { body: bytes(hangs ? 4 : 3), headers: { etag: `"v${hangs ? 4 : 3}"` } };
        });
        const first = await open({ url: "/films", store });
        await until(async () => await kept(store, "base"), "the base is kept");
        await first.close();
        hangs = true;
        const told = [];
        const second = await open({ url: "/films", store, onEvent: (event) => told.push(event) });
        equal(second.version, 3, "the one that was kept");
        await until(() => let_go, "it asks for a newer one");
        let_go();
        await until(() => second.version === 4, "which comes in behind");
        equal(told.filter(({ type }) => type === "pulled").length, 1);
        await second.close();
        restore();

        // A first visit has nothing to begin with.
        globalThis.fetch = (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        equal(await code(() => open({ url: "/films", store: null, timeout: 50 })), "timeout");
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 20);
        equal(await code(() => open({ url: "/films", store: null, signal: controller.signal })), "aborted");
    "#)
    .await;
}

#[wasm_bindgen_test]
async fn the_endpoint_alone_is_told_the_token_of_this_moment() {
    run(r#"
        const { calls, restore } = endpoint(({ method, url }) => method === "POST"
          ? { body: { acknowledged: 1, repeat: false, version: 1 } } : { body: bytes(1), headers: { etag: `"${url}"` } });
        let asked = 0;
        const endpointToken = async () => `token-${++asked}`;
        const learner = await open({ store: null, url: "/elsewhere", endpoint: "/films", endpointToken });
        learner.learnOne({ item: "1" }, 1);
        await learner.sync();
        const told = calls.map(({ url, headers }) => [url.replace(/\d+$/, "N"), headers.authorization]);
        equal(told, [["/elsewhere", undefined], ["/films/deltas", "Bearer token-1"], ["/films?cohort=N", "Bearer token-2"]]);
        learner.learnOne({ item: "2" }, 1);
        await learner.close();
        equal(calls.at(-1).headers.authorization, "Bearer token-2", "whoever leaves cannot wait for another");

        // A visitor who has none asks without.
        const other = await open({ store: null, url: "/films", endpoint: "/films", endpointToken: () => null });
        equal(calls.at(-1).headers.authorization, undefined);
        await other.close();
        equal(await code(() => open({ store: null, url: "/films", endpoint: "/films", endpointToken: () => { throw Error("the visitor signed out"); } })), "endpoint_token");
        equal(await code(() => open({ store: null, endpoint: "/films", endpointToken: "token" })), "bad_argument");
        restore();
    "#)
    .await;
}
