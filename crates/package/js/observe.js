// What a visitor sees, clicks and passes over, from the elements of a page.

/** Watches the elements of one slate. */
function watching(learner, slate, { seconds = 1, share = 0.5 } = {}) {
  /** @type {Map<Element, { item: string, seen: number, since: number | null, told: boolean, stop: () => void }>} */
  const watched = new Map();
  const now = () => performance.now() / 1000;
  const visible = () => document.visibilityState === "visible";

  // The clock of an element runs while it is in view of a tab that is.
  const pause = (about) => {
    if (about.since !== null) about.seen += now() - about.since;
    about.since = null;
  };
  const passedOver = (about) => {
    pause(about);
    if (about.told || about.seen < seconds) return;
    about.told = true;
    // Whoever looked twice as long as it takes to see it is sure not to want it.
    learner.label(slate, about.item, 0, Math.min(1, about.seen / (2 * seconds)));
  };
  const inView = new Set();
  const views = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting, intersectionRatio } of entries) {
        const about = watched.get(target);
        if (!about) continue;
        if (isIntersecting && intersectionRatio >= share) {
          inView.add(target);
          if (visible()) about.since ??= now();
        } else {
          inView.delete(target);
          passedOver(about);
        }
      }
    },
    { threshold: [0, share] },
  );
  const turned = () => {
    for (const element of inView) {
      const about = watched.get(element);
      if (!visible()) pause(about);
      else about.since ??= now();
    }
  };
  const left = () => watched.forEach(passedOver);
  document.addEventListener("visibilitychange", turned);
  // Before the learner sends what it has: it listens to the same, and not while the event is captured.
  addEventListener("pagehide", left, { capture: true });

  return {
    add(element, item) {
      if (watched.has(element)) return;
      const clicked = () => {
        const about = watched.get(element);
        about.told = true;
        learner.click(slate, item);
      };
      element.addEventListener("click", clicked);
      watched.set(element, { item, seen: 0, since: null, told: false, stop: () => element.removeEventListener("click", clicked) });
      views.observe(element);
    },
    remove(element) {
      const about = watched.get(element);
      if (!about) return;
      views.unobserve(element);
      inView.delete(element);
      passedOver(about);
      about.stop();
      watched.delete(element);
    },
    stop() {
      [...watched.keys()].forEach(this.remove, this);
      views.disconnect();
      document.removeEventListener("visibilitychange", turned);
      removeEventListener("pagehide", left, { capture: true });
    },
  };
}

export function observe(learner, slate, element, item, options) {
  const watch = watching(learner, slate, options);
  watch.add(element, item);
  return () => watch.stop();
}

export function impressions(learner, slate, root, options) {
  const watch = watching(learner, slate, options);
  const each = (node, take) => {
    if (!(node instanceof Element)) return;
    if (node.matches("[data-item]")) take(node);
    node.querySelectorAll("[data-item]").forEach(take);
  };
  const add = (element) => watch.add(element, element.dataset.item);
  // What was only moved is in the root again.
  const remove = (element) => root.contains(element) || watch.remove(element);
  const changes = new MutationObserver((records) => {
    for (const { addedNodes, removedNodes } of records) {
      removedNodes.forEach((node) => each(node, remove));
      addedNodes.forEach((node) => root.contains(node) && each(node, add));
    }
  });
  each(root, add);
  changes.observe(root, { childList: true, subtree: true });
  return () => {
    changes.disconnect();
    watch.stop();
  };
}
