import { readable } from "svelte/store";
import { observe } from "brooklet/observe";
import { shared } from "./shared.js";

export const learner = (options, items) =>
  readable(null, (set) => {
    // On a server nobody learns.
    if (typeof document === "undefined") return;
    let here = true;
    shared(options).then((opened) => {
      if (items) opened.addItems(items);
      if (here) set(opened);
    });
    return () => void (here = false);
  });

export const impression = (element, given) => {
  const begin = ({ learner, slate, item, options }) => (learner && slate ? observe(learner, slate, element, item, options) : () => {});
  let stop = begin(given);
  return {
    update(next) {
      if (next.learner === given.learner && next.slate === given.slate && next.item === given.item) return;
      stop();
      stop = begin((given = next));
    },
    destroy: () => stop(),
  };
};
